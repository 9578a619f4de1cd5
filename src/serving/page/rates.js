/** Rates, from the counters of the last seconds, and their lines over two minutes. */
import { drawLine } from './charts.js'
import { sum } from './dom.js'
import { rate } from './format.js'

/** Points of the lines: one a second. */
const RATE_POINTS = 120
/** Rates are means over this many seconds: commits come in bursts. */
const RATE_SECONDS = 5

const counters = []
const lines = { events: [], byEvent: [], byTime: [] }

/** Answers the rates a second by name; null while there are none. */
export function showRates(at, { partitions, state }) {
  counters.push({
    at,
    events: sum(partitions.map((task) => task.endOffset)),
    byEvent: sum(partitions.map((task) => task.scoresByEvent)),
    byTime: sum(partitions.map((task) => task.scoresByTime)),
  })
  while (counters.length > RATE_SECONDS + 1) counters.shift()
  const first = counters[0]
  const last = counters.at(-1)
  const seconds = (last.at - first.at) / 1000
  if (seconds <= 0 || state !== 'running') return null
  const rates = {}
  for (const name of Object.keys(lines)) {
    const value = Math.max(0, (last[name] - first[name]) / seconds)
    rates[name] = value
    const line = lines[name]
    line.push(value)
    if (line.length > RATE_POINTS) line.shift()
    const box = document.querySelector(`[data-rate="${name}"]`)
    box.querySelector('.value').textContent = rate(value)
    drawLine(box.querySelector('.line'), line, RATE_POINTS)
  }
  return rates
}
