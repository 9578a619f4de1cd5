/** The way of a record as a picture, with what has passed along each of its edges. */
import { svgElement } from './charts.js'
import { byId, merged, sum } from './dom.js'
import { compact, count, rate } from './format.js'
import { edgePath, labelPlace } from './flow-edges.js'
import { EDGES, PARTS, narrow, wide } from './flow-layout.js'

/** Codes of what could not even be decoded; all others are the judge's. */
const UNDECODED =
  /^(DECODE_FAILED|SCHEMA_|TYPE_UNKNOWN|FIELD_INVALID|NUMBER_RANGE|KEY_|ROW_INVALID|RECORD_TOO_LARGE)/

const svg = byId('flow')
const isNarrow = matchMedia('(max-width: 60rem)')
const labels = new Map()
/** What was shown last: the picture is drawn anew where the screen is turned. */
let shown = null
isNarrow.addEventListener('change', () => {
  draw()
  if (shown !== null) showFlow(...shown)
})
draw()

/** Boxes and lines; the figures come with each portion. */
function draw() {
  const layout = isNarrow.matches ? narrow() : wide()
  svg.setAttribute('viewBox', `0 0 ${layout.width} ${layout.height}`)
  svg.replaceChildren(arrowHead())
  labels.clear()
  for (const [name, ends] of Object.entries(EDGES)) {
    const path = { d: edgePath(ends, layout), class: `edge ${name}`, 'marker-end': 'url(#arrow)' }
    const label = svgElement('text', { class: `figure-of ${name}`, ...labelPlace(ends, layout) })
    labels.set(name, { label, edge: svg.appendChild(svgElement('path', path)) })
  }
  for (const [name, [title, does]] of Object.entries(PARTS)) {
    const { x, y } = layout.at[name]
    const { width, height } = layout.box
    const group = svgElement('g', { class: `part ${name}`, transform: `translate(${x} ${y})` })
    const middle = { x: width / 2, 'text-anchor': 'middle' }
    group.append(
      svgElement('rect', { width, height, rx: 8 }),
      svgElement('text', { class: 'part-name', ...middle, y: height / 2 - 3 }, title),
      svgElement('text', { class: 'part-does', ...middle, y: height / 2 + 14 }, does),
    )
    svg.append(group)
  }
  // Above the lines, so that none runs through a figure.
  for (const { label } of labels.values()) svg.append(label)
}

function arrowHead() {
  const head = { id: 'arrow', viewBox: '0 0 8 8', refX: 7, refY: 4, orient: 'auto' }
  const marker = svgElement('marker', { ...head, markerWidth: 7, markerHeight: 7 })
  marker.append(svgElement('path', { d: 'M0 0.5 8 4 0 7.5z' }))
  const defs = svgElement('defs', {})
  defs.append(marker)
  return defs
}

/** `rates`: those of the last seconds; null while there are none. */
export function showFlow({ partitions }, rates) {
  shown = [{ partitions }, rates]
  const figure = (read) => sum(partitions.map(read))
  const rejected = merged(partitions.map((task) => task.rejected))
  const undecoded = sum(rejected.filter(([code]) => UNDECODED.test(code)).map(([, n]) => n))
  const refused = sum(rejected.map(([, n]) => n)) - undecoded
  const accepted = figure((task) => task.accepted)
  const duplicates = figure((task) => task.duplicates)
  const late = figure((task) => task.late)
  const erasures = figure((task) => task.erasures)
  const decoded = accepted + duplicates + late + refused + erasures
  const scores = figure((task) => task.scoresByEvent + task.scoresByTime)
  const speed = (name) => (rates === null ? '' : `${rate(rates[name])}/s`)
  const told = {
    records: [count(decoded + undecoded), speed('events')],
    decoded: [count(decoded)],
    accepted: [count(accepted)],
    touched: [],
    rows: [rates === null ? '' : `${rate(rates.byEvent + rates.byTime)}/s`],
    outputs: [compact(scores)],
    snapshots: [`${count(figure((task) => task.customers))}`],
    undecoded: [count(undecoded)],
    refused: [count(refused)],
    duplicates: [count(duplicates)],
    late: [count(late)],
    due: [speed('byTime') === '' ? '' : `${speed('byTime')} due`],
  }
  for (const [name, lines] of Object.entries(told)) write(labels.get(name), lines)
  const isMoving = rates !== null && rates.events > 0
  svg.classList.toggle('moving', isMoving)
  svg.setAttribute(
    'aria-label',
    `The way of a record: ${count(decoded + undecoded)} came from the log, ${count(accepted)} were accepted, ${count(duplicates)} were duplicates, ${count(late)} late, ${count(undecoded + refused)} rejected; ${count(scores)} scores were made since this process began`,
  )
}

function write({ label }, lines) {
  const text = lines.filter((line) => line !== '').join('\n')
  if (label.dataset.text === text) return
  label.dataset.text = text
  const x = label.getAttribute('x')
  label.replaceChildren(
    // From the last line up: the last one stands where one line would.
    ...text
      .split('\n')
      .map((line, index, all) =>
        svgElement('tspan', { x, dy: index === 0 ? -16 * (all.length - 1) : 16 }, line),
      ),
  )
}
