/** One customer in a dialog: the score, why and until when it holds, and the features behind it. */
import { featureValue, instant, percent, shortInstant, span, words } from './format.js'
import { storyOf } from './story.js'

const panel = document.getElementById('panel')
const body = document.getElementById('panel-body')
/** Who is shown; null while the dialog is closed. */
let shown = null
let isAsking = false
/** The steps of whom, as of which commit: asked for again when there is another. */
let told = { id: null, commit: null, steps: [] }
const parts = Object.fromEntries(
  ['head', 'story', 'rest'].map((name) => [name, document.createElement('div')]),
)

const REASONS = {
  historic: 'the log is historic: it has no present',
  'no-proof': 'the source has not yet proved that it is caught up',
  behind: 'the engine is still behind its input',
  stale: 'the last proof is too old',
  expired: 'time has changed a value since, and its timer has not been served yet',
}
const CAUSES = {
  event: 'an event of this customer',
  time: 'time alone: nothing happened',
  rescore: 'another model took over',
}

export function openCustomer(id) {
  shown = id
  document.getElementById('panel-title').textContent = id
  body.replaceChildren(text('p', 'Asking …', 'muted'))
  if (!panel.open) panel.showModal()
  refreshCustomer()
}

/** Asks again while the dialog is open; one question at a time. */
export async function refreshCustomer() {
  if (shown === null || isAsking) return
  isAsking = true
  const id = shown
  try {
    const address = `/v1/customers/${encodeURIComponent(id)}`
    const answer = await fetch(address)
    const found = await answer.json()
    if (answer.ok) await tell(address, found)
    if (shown !== id) return
    if (!answer.ok) return body.replaceChildren(...problem(found))
    draw([scoreOf(found)], view(found))
    drawStory(found)
  } catch {
    if (shown === id) body.replaceChildren(text('p', 'The engine did not answer.', 'muted'))
  } finally {
    isAsking = false
    if (shown !== null && shown !== id) refreshCustomer()
  }
}

async function tell(address, { customer, coordinates }) {
  const { commit } = coordinates
  if (told.id === customer && told.commit === commit) return
  const answer = await fetch(`${address}/history`)
  if (answer.ok) told = { id: customer, commit, steps: (await answer.json()).steps }
}

/** The story stays as it is, with the reader's place in it, until it has another step. */
function draw(head, rest) {
  if (body.firstElementChild !== parts.head) {
    body.replaceChildren(parts.head, parts.story, parts.rest)
    parts.story.replaceChildren()
  }
  parts.head.replaceChildren(...head)
  parts.rest.replaceChildren(...rest)
}

function drawStory({ customer, now }) {
  const isTold = told.id === customer && told.steps.length > 0
  if (!isTold) return parts.story.replaceChildren()
  if (parts.story.dataset.of === `${customer} ${told.commit}` && parts.story.hasChildNodes()) return
  const top = parts.story.querySelector('.steps')?.scrollTop ?? 0
  const hasFocus = document.activeElement?.classList.contains('steps') === true
  parts.story.dataset.of = `${customer} ${told.commit}`
  parts.story.replaceChildren(storyOf(told.steps, now === null ? null : Date.parse(now)))
  const steps = parts.story.querySelector('.steps')
  steps.scrollTop = top
  if (hasFocus) steps.focus()
}

panel.addEventListener('close', () => (shown = null))
panel.addEventListener('click', (event) => {
  // A click on the backdrop is one on the dialog itself.
  if (event.target === panel) panel.close()
})

function problem(found) {
  return [text('p', `${found.title}: ${found.detail}.`), text('p', found.code, 'muted code')]
}

function scoreOf({ score }) {
  const head = document.createElement('div')
  head.className = 'panel-score'
  if (score?.probability === undefined || score.probability === null) {
    head.append(text('p', 'no score', 'muted'))
  } else {
    head.append(text('p', `${percent(score.probability)} %`, `figure score ${score.risk}`))
    head.append(text('p', `${score.risk} risk of churn`, 'muted'))
  }
  return head
}

function view(found) {
  const { score, coordinates, freshness } = found
  const rows = [
    ['True now', freshnessText(freshness)],
    ['Holds', holdsText(found)],
    ['Last moved by', CAUSES[(score ?? found).cause]],
    ['As of', instant(Date.parse(coordinates.asOf))],
  ]
  if (found.retired) rows.push(['Retired', 'nothing was heard of this customer for very long'])
  if (score !== null && score.degraded !== null) rows.push(['Degraded', score.degraded])
  return [
    text('h3', 'Now'),
    list(rows, 'rows wide'),
    text('h3', 'Features'),
    list(
      Object.entries(found.features).map(([name, value]) => [words(name), featureValue(value)]),
      'rows features',
    ),
    text('h3', 'Where this comes from'),
    text('p', originText(coordinates, score), 'muted small'),
  ]
}

function freshnessText({ status, reason, ageSeconds }) {
  if (status === 'exact') return 'yes, exact'
  const age = ageSeconds === null ? '' : `; last proved ${span(ageSeconds)} ago`
  return `unproven: ${REASONS[reason] ?? reason}${age}`
}

function holdsText({ validUntil, now }) {
  if (validUntil === null) return 'until the next event'
  const until = Date.parse(validUntil)
  const left = now === null ? NaN : (until - Date.parse(now)) / 1000
  const soon = left > 0 ? ` (${span(left)} of event time)` : ''
  return `until ${shortInstant(until)}${soon}, or the next event`
}

function originText({ topic, partition, endOffset, commit }, score) {
  const model = score === null ? '' : `, scored by ${score.servedBy.name} ${score.bundle.version}`
  return `The first ${endOffset.toLocaleString('en')} records of ${topic}, partition ${partition}; commit ${commit.toLocaleString('en')}${model}. Replaying them gives the same bytes.`
}

function text(name, content, className = '') {
  const made = document.createElement(name)
  made.textContent = content
  made.className = className
  return made
}

function list(rows, className) {
  const made = document.createElement('dl')
  made.className = className
  for (const [name, value] of rows) {
    const row = document.createElement('div')
    row.append(text('dt', name), text('dd', value, value === 'none' ? 'muted' : ''))
    made.append(row)
  }
  return made
}
