/**
 * A second implementation of the window kinds: no state, no batches, no timers. It walks the events
 * once for lateness, then groups what is left with nested loops.
 */
export interface NaiveEvent {
  readonly key: string
  readonly at: number
  readonly amount: number
}

export interface NaiveWindow {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly count: number
  readonly sum: number
}

interface Naive {
  /** Windows that the log clock has closed by the end. */
  readonly closed: NaiveWindow[]
  /** Places of the late events in the log. */
  readonly late: number[]
}

const told = (
  key: string,
  start: number,
  end: number,
  events: readonly NaiveEvent[],
): NaiveWindow => ({
  key,
  start,
  end,
  count: events.length,
  sum: events.reduce((sum, { amount }) => sum + amount, 0),
})

/** Tumbling (every = length) and hopping windows. */
export function naiveAligned(
  events: readonly NaiveEvent[],
  length: number,
  every: number,
  grace: number,
): Naive {
  const windows = new Map<string, NaiveEvent[]>()
  const late: number[] = []
  let newest = -Infinity
  for (const [place, event] of events.entries()) {
    newest = Math.max(newest, event.at)
    let isTaken = false
    // Every start that could reach the event, by brute force.
    for (let start = -Math.ceil(length / every) * every; start <= event.at; start += every) {
      if (event.at >= start + length || newest >= start + length + grace) continue
      isTaken = true
      const name = `${event.key} ${start}`
      windows.set(name, [...(windows.get(name) ?? []), event])
    }
    if (!isTaken) late.push(place)
  }
  const closed = [...windows].flatMap(([name, inside]) => {
    const [key, start] = name.split(' ')
    const end = Number(start) + length
    return newest >= end + grace ? [told(key, Number(start), end, inside)] : []
  })
  return { closed, late }
}

/** Sessions: each event a set of its own, sets united as long as any two touch. */
export function naiveSessions(events: readonly NaiveEvent[], gap: number, grace: number): Naive {
  let open: { key: string; events: NaiveEvent[] }[] = []
  const closed: NaiveWindow[] = []
  const late: number[] = []
  let newest = -Infinity
  const startOf = (inside: readonly NaiveEvent[]) => Math.min(...inside.map(({ at }) => at))
  const endOf = (inside: readonly NaiveEvent[]) => Math.max(...inside.map(({ at }) => at)) + gap
  const close = (): void => {
    for (const { key, events } of open) {
      if (newest > endOf(events) + grace)
        closed.push(told(key, startOf(events), endOf(events), events))
    }
    open = open.filter(({ events }) => newest <= endOf(events) + grace)
  }
  for (const [place, event] of events.entries()) {
    newest = Math.max(newest, event.at)
    close()
    const touching = open.filter(
      ({ key, events }) =>
        key === event.key && startOf(events) <= event.at + gap && endOf(events) >= event.at,
    )
    if (touching.length === 0 && newest > event.at + gap + grace) {
      late.push(place)
      continue
    }
    open = open.filter((session) => !touching.includes(session))
    open.push({ key: event.key, events: [...touching.flatMap(({ events }) => events), event] })
  }
  return { closed, late }
}

/** What a sliding window holds of a key at an instant, of the events up to a place in the log. */
export function naiveSliding(
  events: readonly NaiveEvent[],
  key: string,
  asOf: number,
  length: number,
  tile: number,
): NaiveWindow {
  const start = Math.floor((asOf - length) / tile) * tile
  const inside = events.filter((event) => event.key === key && event.at >= start && event.at < asOf)
  return told(key, start, asOf, inside)
}
