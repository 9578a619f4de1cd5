import { describe, expect, it } from 'vitest'
import { Turns } from '../../src/serving/turns.js'

const always = () => true

describe('turns', () => {
  it('four run at a time, and the next begins when one has ended, in order', async () => {
    const turns = new Turns()
    const begun: number[] = []
    const ends: (() => void)[] = []
    const work = (n: number) => () => {
      begun.push(n)
      return new Promise<number>((resolve) => ends.push(() => resolve(n)))
    }
    const taken = Array.from({ length: 6 }, (_, n) => turns.take(work(n), always))
    expect(begun).toEqual([0, 1, 2, 3])
    ends[2]()
    expect(await taken[2]).toBe(2)
    await Promise.resolve()
    expect(begun).toEqual([0, 1, 2, 3, 4])
    for (const n of [0, 1, 3, 4]) ends[n]()
    await taken[1]
    await expect.poll(() => begun).toEqual([0, 1, 2, 3, 4, 5])
    ends[5]()
    expect(await Promise.all(taken)).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('the sixty-ninth is refused, and there is room again when they have ended', async () => {
    const turns = new Turns()
    let end = () => {}
    const ended = new Promise<void>((resolve) => (end = resolve))
    const taken = Array.from({ length: 68 }, () => turns.take(() => ended, always))
    await expect(turns.take(() => ended, always)).rejects.toMatchObject({
      code: 'TOO_MANY_HISTORIES',
    })
    end()
    await Promise.all(taken)
    expect(await turns.take(async () => 'told', always)).toBe('told')
  })

  it('work that fails gives its turn back, and what nobody wants any more is left out', async () => {
    const turns = new Turns()
    const failing = Array.from({ length: 9 }, () =>
      turns.take(async () => Promise.reject(new Error('the disk')), always),
    )
    expect((await Promise.allSettled(failing)).map(({ status }) => status)).not.toContain(
      'fulfilled',
    )
    const unwanted = () => Promise.reject(new Error('it was asked'))
    expect(await turns.take(unwanted, () => false)).toBeNull()
  })
})
