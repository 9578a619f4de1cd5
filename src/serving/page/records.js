/** What became of the records: counts, and what was not used with its reasons. */
import { byId, element, fill, merged, sum } from './dom.js'
import { count } from './format.js'
import { LATE, rejectCodes } from './reject-codes.js'

export function showRecords({ partitions }, refused) {
  const figure = (read) => sum(partitions.map(read))
  const rejected = merged(partitions.map((task) => task.rejected))
  const late = figure((task) => task.late)
  const degraded = figure((task) => task.degraded)
  const counts = [
    ['Accepted', figure((task) => task.accepted)],
    ['Duplicates', figure((task) => task.duplicates)],
    ['Late', late],
    ['Rejected', sum(rejected.map(([, n]) => n))],
    ['Erasures', figure((task) => task.erasures)],
    ['Customers', figure((task) => task.customers)],
    ...(degraded > 0 ? [['Degraded scores', degraded]] : []),
  ]
  fill(
    byId('counts'),
    counts.map(([name, n]) => [name, count(n)]),
  )
  const flags = merged(partitions.map((task) => task.flagged))
  byId('flags-part').hidden = flags.length === 0
  fill(
    byId('flags'),
    flags.map(([name, n]) => [name, count(n)]),
  )
  showCodes([...rejected, ...(late > 0 ? [['late', late]] : [])])
  // It comes with a portion only where it is another.
  if (refused !== undefined) showNewest([...refused.rejects, ...refused.late])
}

/** Codes with their counts, and in a sentence what they mean. */
function showCodes(codes) {
  const list = byId('rejects')
  byId('no-rejects').hidden = codes.length > 0
  while (list.children.length > codes.length) list.lastElementChild.remove()
  codes.forEach(([code, n], index) => {
    let row = list.children[index]
    if (row === undefined) {
      row = document.createElement('div')
      row.append(element('dt', '', 'code'), element('dd', '', 'number'), element('dd', '', 'means'))
      list.append(row)
    }
    const texts = [code, count(n), code === 'late' ? LATE : (rejectCodes[code] ?? '')]
    texts.forEach((text, place) => {
      if (row.children[place].textContent !== text) row.children[place].textContent = text
    })
  })
}

function showNewest(records) {
  byId('newest-part').hidden = records.length === 0
  byId('newest').replaceChildren(
    ...records.map(({ partition, offset, customer, code, reason }) => {
      const item = document.createElement('li')
      const who = customer === '' ? 'no key' : customer
      const place = `${who}, partition ${partition}, offset ${count(offset)}`
      item.append(element('span', code ?? 'late', 'code'), element('span', place, 'muted'))
      item.append(element('p', reason))
      return item
    }),
  )
}
