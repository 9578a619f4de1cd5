/**
 * The live page: listens to `/v1/stream`, computes rates from the counters of two portions, and
 * draws. It keeps two minutes of rates and nothing else; a reload loses nothing that matters.
 */
import { showChanges } from './changes.js'
import { openCustomer, refreshCustomer } from './customer.js'
import { count, instant, rate, shortInstant, span } from './format.js'
import { drawHistogram, drawLine } from './charts.js'

/** Points of the lines: one a second. */
const RATE_POINTS = 120
/** Rates are means over this many seconds: commits come in bursts. */
const RATE_SECONDS = 5
const SILENCE_MS = 5_000

const byId = (id) => document.getElementById(id)
const sum = (values) => values.reduce((total, value) => total + value, 0)
const total = (counts) => sum(Object.values(counts))

const counters = []
const lines = { events: [], byEvent: [], byTime: [] }
let heardAt = Date.now()
let restoredFrom = null

function setText(id, text) {
  const element = byId(id)
  if (element.textContent !== text) element.textContent = text
}

function showBanners(status) {
  const invented = []
  if (status.synthetic) invented.push('customers and events are made up by a generator')
  if (status.model.synthetic) invented.push('the model was trained on made-up data')
  const banner = byId('synthetic')
  banner.hidden = invented.length === 0
  if (invented.length > 0) setText('synthetic', `Synthetic: ${invented.join(', and ')}.`)
  if (status.state === 'failed')
    trouble(`The engine failed: ${status.failure ?? 'no reason given'}`)
  else byId('trouble').hidden = true
}

function trouble(text) {
  setText('trouble', text)
  byId('trouble').hidden = false
}

function showHead(status) {
  const { model } = status
  setText('app', status.featureSet)
  setText('model', `${model.name} ${model.version}`)
  byId('model').title = `bundle ${model.hash}, churn from ${model.threshold}`
  const { state } = byId('state').dataset
  if (state !== status.state) {
    byId('state').dataset.state = status.state
    setText('state', status.state)
  }
  setText('features', `Feature set ${status.featureSet}, app hash ${status.appHash.slice(0, 12)}`)
}

/** The oldest partition speaks for all: a figure that is true for each of them. */
function showClock(status) {
  const { partitions, now, timeBase } = status
  const least = (values) => (values.some((v) => v === null) ? null : Math.min(...values))
  const asOf = least(partitions.map((task) => task.asOf))
  const clock = least(partitions.map((task) => task.logClock))
  const shown = now ?? asOf
  setText('now', shown === null ? '–' : instant(shown))
  if (shown !== null) byId('now').dateTime = new Date(shown).toISOString()
  setText('base', baseText(timeBase))
  const behind = now === null || asOf === null ? null : (now - asOf) / 1000
  const age = behind === null ? '' : `, ${span(Math.max(0, behind))} behind`
  setText('as-of', asOf === null ? '–' : `${shortInstant(asOf)}${age}`)
  setText('log-clock', clock === null ? '–' : shortInstant(clock))
  const lag = sum(partitions.map((task) => Math.max(0, task.logEndOffset - task.endOffset)))
  const caughtUp = partitions.every((task) => task.caughtUp)
  const behindText = `${count(lag)} records behind${lag === 0 ? ', not yet proved' : ''}`
  setText('lag', caughtUp && lag === 0 ? 'caught up' : behindText)
  const overdue = Math.max(0, ...partitions.map((task) => task.timersOverdueSeconds))
  const waiting = count(sum(partitions.map((task) => task.timersWaiting)))
  const late = overdue > 0 ? `, oldest due for ${span(overdue)}` : ', none due'
  setText('timers', `${waiting} waiting${late}`)
  const slowest = Math.max(0, ...partitions.map((task) => task.lastCommitMs ?? 0))
  const commits = sum(partitions.map((task) => task.commit))
  setText('commits', `${count(commits)}, the last in ${count(slowest)} ms`)
  showRestore(partitions)
}

function baseText(timeBase) {
  if (timeBase.kind === 'none') return 'UTC, historic log: time stands where the log ends'
  if (timeBase.kind === 'wall') return 'UTC, the wall clock'
  const day = span(86_400 / timeBase.speed)
  return `UTC, virtual: ${count(timeBase.speed)} × real time, a day in ${day}`
}

function showRestore(partitions) {
  const restoring = partitions.map((task) => task.restoring).filter((part) => part !== null)
  byId('restore').hidden = restoring.length === 0
  if (restoring.length === 0) {
    restoredFrom = null
    return
  }
  const done = sum(restoring.map((part) => part.done))
  const all = sum(restoring.map((part) => part.total))
  restoredFrom ??= { at: Date.now(), done }
  const speed = (done - restoredFrom.done) / Math.max(1, (Date.now() - restoredFrom.at) / 1000)
  const left = speed > 0 ? `, ${span((all - done) / speed)} left` : ''
  byId('restore-bar').value = all === 0 ? 1 : done / all
  setText('restore-text', `Restoring state: ${count(done)} of ${count(all)} records${left}`)
}

function showRates(at, status) {
  const { partitions } = status
  const restoring = status.state !== 'running'
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
  if (seconds <= 0 || restoring) return
  for (const name of Object.keys(lines)) {
    const value = Math.max(0, (last[name] - first[name]) / seconds)
    const line = lines[name]
    line.push(value)
    if (line.length > RATE_POINTS) line.shift()
    const box = document.querySelector(`[data-rate="${name}"]`)
    box.querySelector('.value').textContent = rate(value)
    drawLine(box.querySelector('.line'), line, RATE_POINTS)
  }
}

function showCounts(status) {
  const { partitions } = status
  const figure = (read) => sum(partitions.map(read))
  const degraded = figure((task) => task.degraded)
  fill('counts', [
    ['Accepted', figure((task) => task.accepted)],
    ['Duplicates', figure((task) => task.duplicates)],
    ['Late', figure((task) => task.late)],
    ['Rejected', figure((task) => total(task.rejected))],
    ['Erasures', figure((task) => task.erasures)],
    ['Customers', figure((task) => task.customers)],
    ...(degraded > 0 ? [['Degraded scores', degraded]] : []),
  ])
  for (const [id, read] of [
    ['rejects', (task) => task.rejected],
    ['flags', (task) => task.flagged],
  ]) {
    const merged = new Map()
    for (const task of partitions) {
      for (const [key, n] of Object.entries(read(task))) merged.set(key, (merged.get(key) ?? 0) + n)
    }
    byId(`${id}-part`).hidden = merged.size === 0
    fill(
      id,
      [...merged].sort((a, b) => b[1] - a[1]),
    )
  }
}

/** Rewrites the figures of a list in place, so that a selection or a reader's place survives. */
function fill(id, rows) {
  const list = byId(id)
  while (list.children.length > rows.length) list.lastElementChild.remove()
  rows.forEach(([name, value], index) => {
    let row = list.children[index]
    if (row === undefined) {
      row = document.createElement('div')
      row.append(document.createElement('dt'), document.createElement('dd'))
      list.append(row)
    }
    row.firstElementChild.textContent = name
    row.lastElementChild.textContent = count(value)
  })
}

function show({ at, status, changes, histogram }) {
  heardAt = Date.now()
  document.body.classList.remove('silent')
  showBanners(status)
  showHead(status)
  showClock(status)
  showRates(at, status)
  showCounts(status)
  drawHistogram(histogram)
  showChanges(changes)
  refreshCustomer()
}

const stream = new EventSource('/v1/stream')
stream.addEventListener('status', (message) => show(JSON.parse(message.data)))
setInterval(() => {
  if (Date.now() - heardAt < SILENCE_MS) return
  document.body.classList.add('silent')
  byId('state').dataset.state = 'connecting'
  setText('state', 'connecting')
  trouble('Nothing was heard from the engine for some seconds; trying again.')
}, 1_000)

byId('lookup').addEventListener('submit', (event) => {
  event.preventDefault()
  // Ids are bytes: what was typed is asked for, spaces included.
  openCustomer(byId('customer').value)
})
