/**
 * The score of one customer over time, as SVG. A score holds until something moves it, so the line is
 * made of steps: a dot where something happened, a ring where nothing did.
 */
import { svgElement } from './charts.js'
import { date, shortInstant } from './format.js'

/** In units of the picture: on a phone it is made smaller, and its letters must not be. */
const WIDE = 600
const NARROW = 330
const HEIGHT = 190
const LEFT = 34
/** Left free at the right of the newest dot. */
const MARGIN = 10
const TOP = 10
const BASE = 160
/** Of a longer story the days are named, and not the hours. */
const HOURS_SHOWN_MS = 14 * 86_400_000

/** `steps`: those with a score, newest first. `label`: what it shows, in a sentence. */
export function drawStory(steps, now, label) {
  const width = matchMedia('(max-width: 34rem)').matches ? NARROW : WIDE
  const right = width - MARGIN
  const svg = svgElement('svg', {
    class: 'story-chart',
    viewBox: `0 0 ${width} ${HEIGHT}`,
    role: 'img',
    'aria-label': label,
  })
  const points = steps.toReversed().map(({ asOf, cause, score }) => ({
    at: Date.parse(asOf),
    cause,
    probability: score.probability,
    risk: score.risk,
  }))
  const from = points[0].at
  const until = Math.max(points.at(-1).at, now ?? 0)
  const x = (at) => LEFT + ((at - from) / Math.max(1, until - from)) * (right - LEFT)
  const y = (probability) => BASE - probability * (BASE - TOP)
  drawScale(svg, y, right)
  const name = until - from > HOURS_SHOWN_MS ? date : shortInstant
  for (const [at, anchor] of [
    [from, 'start'],
    [until, 'end'],
  ]) {
    const place = { class: 'tick', x: x(at), y: BASE + 20, 'text-anchor': anchor }
    svg.append(svgElement('text', place, name(at)))
  }
  svg.append(svgElement('path', { class: 'story-line', d: pathOf(points, until, x, y) }))
  for (const { at, cause, probability } of points) {
    const place = { cx: x(at).toFixed(1), cy: y(probability).toFixed(1), r: 4 }
    svg.append(svgElement('circle', { class: `mark ${cause}`, ...place }))
  }
  return svg
}

function drawScale(svg, y, right) {
  for (const [mark, name] of [
    [0, ''],
    [0.4, 'border'],
    [0.7, 'border'],
    [1, ''],
  ]) {
    const line = { x1: LEFT, x2: right, y1: y(mark), y2: y(mark) }
    svg.append(svgElement('line', { class: name === '' ? 'axis' : name, ...line }))
    const place = { class: 'tick', x: LEFT - 6, y: y(mark) + 4, 'text-anchor': 'end' }
    svg.append(svgElement('text', place, `${Math.round(mark * 100)}`))
  }
}

/** A step holds its height until the next one. */
function pathOf(points, until, x, y) {
  const parts = points.map(({ at, probability }, index) => {
    const height = y(probability).toFixed(1)
    const to = x(points[index + 1]?.at ?? until).toFixed(1)
    return `${index === 0 ? 'M' : 'L'}${x(at).toFixed(1)} ${height}H${to}`
  })
  return parts.join('')
}
