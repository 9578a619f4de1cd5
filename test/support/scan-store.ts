import type { Store } from '../../src/state/store.js'

/** All keys and values of a store, in portions. */
export async function* scanStore(
  store: Store,
): AsyncIterable<readonly (readonly [Uint8Array, Uint8Array])[]> {
  const view = await store.view()
  try {
    yield* view.scan()
  } finally {
    await view.close()
  }
}
