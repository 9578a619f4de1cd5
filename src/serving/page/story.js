/** A customer's story: his score over time, and each step of it with what happened, or did not. */
import { count, featureValue, percent, points, shortInstant, span, words } from './format.js'
import { drawStory } from './story-chart.js'

/** Of one step; the rest is counted. */
const FEATURES_SHOWN = 4
/** What moves by less shows as the same tenth of a percent. */
const MOVE_MIN = 0.0005

const SAID = {
  event: 'an event',
  time: 'nothing happened',
  rescore: 'another model',
}

/** `steps`: newest first, as the history answers; `now`: ms of the clock, or null. */
export function storyOf(steps, now) {
  const story = document.createElement('section')
  story.className = 'story'
  story.append(text('h3', 'The story so far'), text('p', summary(steps), 'summary'))
  const scored = steps.filter(({ score }) => score !== null && score.probability !== null)
  if (scored.length > 1) story.append(drawStory(scored, now, summary(steps)))
  const list = document.createElement('ol')
  list.className = 'steps'
  // The keyboard scrolls what takes the focus.
  list.tabIndex = 0
  list.setAttribute('aria-label', 'Steps, newest first')
  for (const step of steps) list.append(stepOf(step))
  story.append(list)
  return story
}

function summary(steps) {
  const moves = steps.filter(({ score }) => Math.abs(score?.movedBy ?? 0) >= MOVE_MIN)
  const by = (cause) => moves.filter((step) => step.cause === cause).length
  const seconds = (Date.parse(steps[0].asOf) - Date.parse(steps.at(-1).asOf)) / 1000
  const within = seconds > 0 ? `In the ${span(seconds)} that are kept` : 'So far'
  if (moves.length === 0) return `${within} the score has not moved.`
  const times = (n) => ['never', 'once', 'twice'][n] ?? `${count(n)} times`
  return `${within} the score moved ${times(moves.length)}: ${times(by('event'))} by what happened, ${times(by('time'))} because nothing did.`
}

function stepOf({ asOf, cause, score, changed, retired }) {
  const step = document.createElement('li')
  const why = text('span', SAID[cause], `why ${cause}`)
  const when = text('time', shortInstant(Date.parse(asOf)), 'muted')
  when.dateTime = asOf
  const head = document.createElement('p')
  head.className = 'step-head'
  head.append(why, when, scoreOf(score))
  step.append(head, text('p', whatMoved(changed, retired), 'small'))
  return step
}

function scoreOf(score) {
  const shown = document.createElement('span')
  shown.className = 'step-score'
  if (score === null || score.probability === null) {
    shown.append(text('span', 'no score', 'muted'))
    return shown
  }
  const { probability, risk, movedBy } = score
  if (movedBy !== null && Math.abs(movedBy) >= MOVE_MIN) {
    shown.append(text('span', points(movedBy), `move ${movedBy > 0 ? 'up' : 'down'}`))
  }
  shown.append(text('strong', `${percent(probability)} %`, `score ${risk}`))
  return shown
}

function whatMoved(changed, retired) {
  if (retired) return 'Nothing was heard for very long: retired until something happens.'
  if (changed === null) return 'As far back as it is kept.'
  if (changed.length === 0) return 'No feature changed.'
  const shown = changed
    .slice(0, FEATURES_SHOWN)
    .map(({ feature, from, to }) => `${words(feature)} ${featureValue(from)} → ${featureValue(to)}`)
  const more = changed.length - shown.length
  return `${shown.join(', ')}${more > 0 ? `, and ${more} more` : ''}`
}

function text(name, content, className = '') {
  const made = document.createElement(name)
  made.textContent = content
  made.className = className
  return made
}
