/** The customers whose risk moved most since yesterday began; a click opens the story. */
import { byId, element, setText } from './dom.js'
import { openCustomer } from './customer.js'
import { date, percent, points } from './format.js'

let shown = ''

/** `top`: the answer of `/v1/top?by=change`. */
export function showMoved({ customers, complete, movesSince }) {
  const since = movesSince === null ? '' : `since yesterday, ${date(Date.parse(movesSince))}`
  setText('moved-since', since)
  byId('moved-part').hidden = complete
  byId('no-moved').hidden = customers.length > 0
  const key = JSON.stringify(customers)
  if (key === shown) return
  shown = key
  const body = byId('moved')
  const focused = document.activeElement?.dataset?.moved
  body.replaceChildren(...customers.map(rowOf))
  if (focused === undefined) return
  for (const link of body.querySelectorAll('.link')) {
    if (link.dataset.moved === focused) link.focus()
  }
}

function rowOf({ customer, probability, risk, movedBy }) {
  const row = document.createElement('tr')
  row.addEventListener('click', () => openCustomer(customer))
  const link = element('button', customer, 'link')
  link.type = 'button'
  link.dataset.moved = customer
  const score = document.createElement('span')
  score.append(element('span', percent(probability - movedBy), 'muted'))
  score.append(element('span', ' → ', 'muted'))
  score.append(element('strong', percent(probability), `score ${risk}`))
  const by = element('span', points(movedBy), `move ${movedBy > 0 ? 'up' : 'down'}`)
  const cells = [link, score, by, element('span', risk, `risk ${risk}`)].map((content, place) => {
    const cell = document.createElement('td')
    if (place === 1 || place === 2) cell.className = 'number'
    cell.append(content)
    return cell
  })
  row.append(...cells)
  return row
}
