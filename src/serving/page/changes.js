/**
 * The table of the last changes. Thousands of scores may move in a second, and nobody can read
 * that: each second lets the few largest moves of each cause in, at the top.
 */
import { openCustomer } from './customer.js'
import { percent, points, shortInstant } from './format.js'

const ROWS_MAX = 16
const ROWS_PER_SECOND = { event: 2, time: 2, rescore: 1 }
const CAUSE_TITLES = {
  event: 'an event of this customer arrived',
  time: 'nothing happened: time passed',
  rescore: 'another model took over',
}

const body = document.getElementById('changes')
const pause = document.getElementById('pause')
let kept = []
let newest = 0
let paused = false
let filter = 'all'

/** Takes the changes of one portion, oldest first. */
export function showChanges(changes) {
  // After a restart of the engine the sequence begins again.
  const last = changes.at(-1)?.sequence ?? newest
  if (last < newest) newest = 0
  const fresh = changes.filter((change) => change.sequence > newest)
  newest = Math.max(newest, last)
  if (paused) return
  const isFirst = kept.length === 0
  const chosen = isFirst ? fresh : mostMoved(fresh)
  kept = [...chosen.reverse(), ...kept]
  // Each filter must find a full table, whichever cause is the busier.
  kept = kept.filter((change, index) => {
    const same = kept.slice(0, index).filter((earlier) => earlier.cause === change.cause)
    return same.length < ROWS_MAX
  })
  draw(isFirst ? new Set() : new Set(chosen))
}

function mostMoved(changes) {
  const chosen = Object.entries(ROWS_PER_SECOND).flatMap(([cause, limit]) =>
    changes
      .filter((change) => change.cause === cause)
      .sort((a, b) => moved(b) - moved(a))
      .slice(0, limit),
  )
  return chosen.sort((a, b) => a.sequence - b.sequence)
}

const moved = ({ probability, previous }) =>
  previous === null ? 0 : Math.abs(probability - previous)

function draw(fresh) {
  const shown = kept.filter((change) => filter === 'all' || change.cause === filter)
  const focused = document.activeElement?.dataset?.sequence
  body.replaceChildren(
    ...shown.slice(0, ROWS_MAX).map((change) => {
      const row = rowOf(change)
      if (fresh.has(change)) row.classList.add('fresh')
      return row
    }),
  )
  if (focused !== undefined) body.querySelector(`[data-sequence="${focused}"]`)?.focus()
  document.getElementById('no-changes').hidden = shown.length > 0
}

function rowOf(change) {
  const { cause, customer, previous, probability, risk, asOf, sequence } = change
  const row = document.createElement('tr')
  row.addEventListener('click', () => openCustomer(customer))

  const why = document.createElement('span')
  why.className = `why ${cause}`
  why.textContent = cause
  why.title = CAUSE_TITLES[cause]

  const link = document.createElement('button')
  link.type = 'button'
  link.className = 'link'
  link.textContent = customer
  link.dataset.sequence = sequence

  const score = document.createElement('span')
  const old = document.createElement('span')
  old.className = 'muted'
  old.textContent = previous === null ? 'new' : percent(previous)
  const arrow = document.createElement('span')
  arrow.className = 'muted arrow'
  arrow.textContent = ' → '
  const current = document.createElement('strong')
  current.className = `score ${risk}`
  current.textContent = percent(probability)
  score.append(old, arrow, current)

  const by = document.createElement('span')
  by.className = 'move'
  if (previous === null) by.textContent = '–'
  else {
    by.classList.add(probability > previous ? 'up' : 'down')
    by.textContent = points(probability - previous)
  }

  row.append(cell(why), cell(link, 'customer'), cell(score, 'number'), cell(by, 'number'))
  row.append(cell(document.createTextNode(shortInstant(asOf)), 'as-of muted'))
  return row
}

function cell(content, className = '') {
  const made = document.createElement('td')
  made.className = className
  made.append(content)
  return made
}

pause.addEventListener('click', () => {
  paused = !paused
  pause.setAttribute('aria-pressed', String(paused))
  pause.textContent = paused ? 'Go on' : 'Pause'
})

for (const button of document.querySelectorAll('[data-filter]')) {
  button.addEventListener('click', () => {
    filter = button.dataset.filter
    for (const other of document.querySelectorAll('[data-filter]')) {
      other.setAttribute('aria-pressed', String(other === button))
    }
    draw(new Set())
  })
}
