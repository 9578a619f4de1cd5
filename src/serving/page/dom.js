/** What every part of the page does with its elements. */

export const byId = (id) => document.getElementById(id)

export const sum = (values) => values.reduce((total, value) => total + value, 0)

/** Writes only what is different: a selection, or a reader's place, survives. */
export function setText(id, text) {
  const element = byId(id)
  if (element.textContent !== text) element.textContent = text
}

export function element(name, content, className = '') {
  const made = document.createElement(name)
  made.textContent = content
  made.className = className
  return made
}

/** Rewrites the rows of a list in place: `rows` are names with texts. */
export function fill(list, rows) {
  while (list.children.length > rows.length) list.lastElementChild.remove()
  rows.forEach(([name, text], index) => {
    let row = list.children[index]
    if (row === undefined) {
      row = document.createElement('div')
      row.append(document.createElement('dt'), document.createElement('dd'))
      list.append(row)
    }
    if (row.firstElementChild.textContent !== name) row.firstElementChild.textContent = name
    if (row.lastElementChild.textContent !== text) row.lastElementChild.textContent = text
  })
}

/** The counts of several partitions, by name, the largest first. */
export function merged(counts) {
  const all = new Map()
  for (const one of counts) {
    for (const [name, n] of Object.entries(one)) all.set(name, (all.get(name) ?? 0) + n)
  }
  return [...all].sort((a, b) => b[1] - a[1])
}
