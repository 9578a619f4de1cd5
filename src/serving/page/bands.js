/** The shares of customers at high and at medium risk, as bands over event time. */
import { svgElement } from './charts.js'
import { byId } from './dom.js'
import { date, shortInstant } from './format.js'

const WIDTH = 400
const LEFT = 44
const TOP = 8
const BASE = 96
/** Of a longer time the days are named, and not the hours. */
const HOURS_SHOWN_MS = 7 * 86_400_000
/** From the bottom: what matters most stands on the axis, where it can be compared. */
const LEVELS = ['high', 'medium']
/** What the scale may end at. */
const SCALES = [0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1]

/** `samples`: oldest first, the number of customers at each level. */
export function drawBands(samples) {
  const svg = byId('bands')
  const isShort = samples.length < 2
  byId('bands-part').hidden = isShort
  if (isShort) return
  const from = samples[0].asOf
  const until = samples.at(-1).asOf
  const shares = samples.map(sharesOf)
  const most = Math.max(...shares.map(({ high, medium }) => high + medium))
  const scale = SCALES.find((one) => one >= most) ?? 1
  const x = (asOf) => LEFT + ((asOf - from) / Math.max(1, until - from)) * (WIDTH - LEFT)
  const y = (share) => BASE - (share / scale) * (BASE - TOP)
  svg.replaceChildren()
  let below = samples.map(() => 0)
  for (const level of LEVELS) {
    const above = below.map((share, index) => share + shares[index][level])
    const place = (share, index) => `${x(samples[index].asOf).toFixed(1)} ${y(share).toFixed(1)}`
    const path = [...above.map(place), ...below.map(place).reverse()].join('L')
    svg.append(svgElement('path', { class: `band ${level}`, d: `M${path}Z` }))
    below = above
  }
  for (const share of [0, scale]) {
    svg.append(
      svgElement('line', { class: 'axis', x1: LEFT, x2: WIDTH, y1: y(share), y2: y(share) }),
    )
    const place = { class: 'tick', x: LEFT - 6, y: y(share) + 4, 'text-anchor': 'end' }
    svg.append(svgElement('text', place, `${share * 100}${share === 0 ? '' : ' %'}`))
  }
  const name = until - from > HOURS_SHOWN_MS ? date : shortInstant
  for (const [at, anchor] of [
    [from, 'start'],
    [until, 'end'],
  ]) {
    const place = { class: 'tick', x: x(at), y: BASE + 17, 'text-anchor': anchor }
    svg.append(svgElement('text', place, name(at)))
  }
  svg.setAttribute('aria-label', sentence(shares, name(from), name(until)))
}

function sharesOf({ high, medium, low }) {
  const all = Math.max(1, high + medium + low)
  return { high: high / all, medium: medium / all }
}

function sentence(shares, from, until) {
  const told = LEVELS.map((level) => {
    const [first, last] = [shares[0], shares.at(-1)].map((one) => (one[level] * 100).toFixed(1))
    return `${level} risk from ${first} % to ${last} %`
  })
  return `Shares of customers from ${from} to ${until}: ${told.join(', ')}`
}
