/**
 * The live page: listens to `/v1/stream` and shows each portion. It keeps two minutes of rates and
 * nothing else; a reload loses nothing that matters.
 */
import { drawBands } from './bands.js'
import { showChanges } from './changes.js'
import { drawHistogram } from './charts.js'
import { showClock } from './clock.js'
import { listen } from './connection.js'
import { openCustomer, refreshCustomer } from './customer.js'
import { byId, setText } from './dom.js'
import { showFlow } from './flow.js'
import { span } from './format.js'
import { showMoved } from './moved.js'
import { showRates } from './rates.js'
import { showRecords } from './records.js'

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
  showState(status.state)
  const { generation, featureSet, appHash } = status
  const set = generation === 1 ? featureSet : `${featureSet}, generation ${generation}`
  setText('features', `Feature set ${set}, app hash ${appHash.slice(0, 12)}`)
}

function showState(state) {
  if (byId('state').dataset.state === state) return
  byId('state').dataset.state = state
  setText('state', state)
}

function show({ at, status, changes, histogram, refused, distribution, top }) {
  document.body.classList.remove('silent')
  showBanners(status)
  showHead(status)
  showClock(status)
  showFlow(status, showRates(at, status))
  showRecords(status, refused)
  drawHistogram(histogram)
  if (distribution !== undefined) drawBands(distribution)
  if (top !== undefined) showMoved(top)
  showChanges(changes)
  refreshCustomer()
}

function lost(seconds) {
  document.body.classList.add('silent')
  showState('connecting')
  // In steps of ten seconds, or a screen reader would hear of each.
  const long = span(Math.max(5, Math.floor(seconds / 10) * 10))
  trouble(
    `Nothing was heard from the engine for ${long}; trying again. What is shown is from then.`,
  )
}

listen('/v1/stream', { heard: show, lost })

byId('lookup').addEventListener('submit', (event) => {
  event.preventDefault()
  // Ids are bytes: what was typed is asked for, spaces included.
  openCustomer(byId('customer').value)
})
