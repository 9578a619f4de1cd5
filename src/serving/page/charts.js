/** The two drawings of the page, as plain SVG. */
import { count } from './format.js'

const SVG = 'http://www.w3.org/2000/svg'
const MEDIUM_FROM = 0.4
const HIGH_FROM = 0.7

/** A line of rates: the newest at the right, the scale its own, from zero. */
export function drawLine(svg, values, pointsMax) {
  const { width, height } = svg.viewBox.baseVal
  const top = Math.max(1e-9, ...values)
  const x = (index) => width - ((values.length - 1 - index) / (pointsMax - 1)) * width
  const y = (value) => height - 1 - (value / top) * (height - 3)
  const line = values.map((value, index) => `${x(index).toFixed(2)} ${y(value).toFixed(2)}`)
  const path = `M${line.join('L')}`
  svg.querySelector('.stroke').setAttribute('d', path)
  svg.querySelector('.area').setAttribute('d', `${path}L${width} ${height}L${x(0)} ${height}Z`)
}

export function svgElement(name, attributes, text) {
  const made = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  if (text !== undefined) made.textContent = text
  return made
}

/** The risk of a bin: that of the scores in it (a score of exactly 0.4 is still low). */
function riskOf(bin, bins) {
  const from = bin / bins
  return from >= HIGH_FROM - 1e-9 ? 'high' : from >= MEDIUM_FROM - 1e-9 ? 'medium' : 'low'
}

const WIDTH = 400
const BASE = 126
const TOP = 14

function drawAxis(svg) {
  svg.append(svgElement('line', { class: 'axis', x1: 0, x2: WIDTH, y1: BASE, y2: BASE }))
  for (const mark of [0, 0.2, MEDIUM_FROM, 0.6, HIGH_FROM, 1]) {
    const isBorder = mark === MEDIUM_FROM || mark === HIGH_FROM
    const x = mark * WIDTH
    if (isBorder) svg.append(svgElement('line', { class: 'border', x1: x, x2: x, y1: 4, y2: BASE }))
    const anchor = mark === 0 ? 'start' : mark === 1 ? 'end' : 'middle'
    const text = `${Math.round(mark * 100)}${mark === 1 ? ' %' : ''}`
    svg.append(svgElement('text', { class: 'tick', x, y: BASE + 17, 'text-anchor': anchor }, text))
  }
}

/** Twenty bars, their risk by colour and by the borders at 40 and 70. */
export function drawHistogram(bins) {
  const svg = document.getElementById('histogram')
  if (svg.childElementCount === 0) {
    drawAxis(svg)
    const width = WIDTH / bins.length
    bins.forEach((_, bin) => {
      const risk = riskOf(bin, bins.length)
      svg.append(
        svgElement('rect', { class: `bar ${risk}`, x: bin * width + 1, width: width - 2, rx: 1.5 }),
      )
    })
  }
  const most = Math.max(1, ...bins)
  const byRisk = { low: 0, medium: 0, high: 0 }
  svg.querySelectorAll('.bar').forEach((bar, bin) => {
    const height = bins[bin] === 0 ? 0 : Math.max(1.5, (bins[bin] / most) * (BASE - TOP))
    bar.setAttribute('y', (BASE - height).toFixed(2))
    bar.setAttribute('height', height.toFixed(2))
    byRisk[riskOf(bin, bins.length)] += bins[bin]
  })
  const all = byRisk.low + byRisk.medium + byRisk.high
  document.getElementById('scored').textContent = all > 0 ? `${count(all)} customers` : ''
  showRisks(svg, byRisk, all)
}

function showRisks(svg, byRisk, all) {
  const list = document.getElementById('risks')
  if (list.childElementCount === 0) {
    for (const risk of Object.keys(byRisk)) {
      const row = document.createElement('div')
      row.className = risk
      row.append(document.createElement('dt'), document.createElement('dd'))
      row.firstElementChild.textContent = `${risk} risk`
      list.append(row)
    }
  }
  const share = (n) => (all === 0 ? '–' : `${((n / all) * 100).toFixed(1)} %`)
  Object.values(byRisk).forEach((n, index) => {
    list.children[index].lastElementChild.textContent = share(n)
  })
  const { low, medium, high } = byRisk
  const text = `Churn scores of ${count(all)} customers: ${count(low)} low, ${count(medium)} medium, ${count(high)} high`
  svg.setAttribute('aria-label', all === 0 ? 'No scores yet' : text)
}
