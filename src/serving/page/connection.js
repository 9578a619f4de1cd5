/**
 * The stream of portions, for as long as the page is open. A browser tries again by itself where a
 * connection ends, but gives up for ever where it is refused, as by a server that just starts.
 */
const AGAIN_MS = 2_000
const SILENCE_MS = 5_000

/** `heard` gets the facts of each portion, `lost` is told each second while nothing is heard. */
export function listen(address, { heard, lost }) {
  let heardAt = Date.now()
  const open = () => {
    const stream = new EventSource(address)
    stream.addEventListener('status', (message) => {
      heardAt = Date.now()
      heard(JSON.parse(message.data))
    })
    stream.addEventListener('error', () => {
      if (stream.readyState === EventSource.CLOSED) setTimeout(open, AGAIN_MS)
    })
  }
  open()
  setInterval(() => {
    if (Date.now() - heardAt >= SILENCE_MS) lost((Date.now() - heardAt) / 1000)
  }, 1_000)
}
