/** The parts of the page: what is drawn, what can be reached, and what it says of a lost connection. */
import type { FastifyInstance } from 'fastify'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { buildServer, listen } from '../../src/serving/http.js'
import type { PartitionTop } from '../../src/snapshots/top-lists.js'
import { CHROMIUM_FLAGS, findChromium } from './chromium.js'
import { madeUpTop, type MadeUp, NOW, served } from './made-up.js'

const found = findChromium()
const DAY_MS = 86_400_000

describe.skipIf(found.path === null)('the page', () => {
  let browser: Browser
  let page: Page
  let server: FastifyInstance
  let parts: MadeUp
  let url: string
  let top: PartitionTop
  const trouble: string[] = []

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: found.path!, args: CHROMIUM_FLAGS })
  }, 60_000)

  afterAll(async () => browser?.close())

  beforeEach(async () => {
    top = madeUpTop
    parts = served(undefined, { top: () => top })
    server = await buildServer(parts)
    url = await listen(server, 0)
    trouble.length = 0
    page = await browser.newPage()
    page.on('pageerror', (error) => trouble.push(error.message))
    page.on('console', (line) => line.type() === 'error' && trouble.push(line.text()))
  })

  afterEach(async () => {
    await page.close()
    await server.close()
  })

  const text = (selector: string) => page.locator(selector).innerText()
  const figure = (edge: string) => page.locator(`.figure-of.${edge}`).textContent()

  it('draws the way of a record with what passed along it', async () => {
    await page.goto(url)
    await expect.poll(() => figure('accepted')).toBe('1,190,102')
    expect(await figure('undecoded')).toBe('180')
    expect(await figure('refused')).toBe('1,213')
    expect(await figure('duplicates')).toBe('9,611')
    expect(await figure('late')).toBe('3,204')
    expect(await page.getAttribute('#flow', 'aria-label')).toContain('1,393 rejected')
    const shape = () => page.getAttribute('#flow', 'viewBox')
    expect(await shape()).toBe('0 0 1118 272')
    // Nothing new has come: the figures are those of before.
    await page.route('**/v1/stream', (route) => route.abort())
    await page.setViewportSize({ width: 360, height: 740 })
    await expect.poll(shape).toBe('0 0 340 604')
    expect(await figure('accepted')).toBe('1,190,102')
  })

  it('names whose risk moved most, and opens the story by a click or a key', async () => {
    await page.goto(url)
    await expect.poll(() => page.locator('#moved tr').count()).toBeGreaterThan(3)
    expect(await text('#moved-since')).toBe('since yesterday, 2 Mar 2025')
    expect(await page.locator('#moved tr').first().innerText()).toMatch(
      /c-high-0\s+55\.0 → 90\.0\s+\+35\.0\s+high/,
    )
    expect(await page.locator('#moved-part').isVisible()).toBe(false)
    await page.locator('#moved .link').first().focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => text('#panel')).toContain('The story so far')
    await page.keyboard.press('Escape')
    const focused = 'document.activeElement.textContent'
    expect(await page.evaluate(focused)).toBe('c-high-0')
    expect(trouble).toEqual([])
  })

  it('says that somebody may be missing in the list, and that nobody has moved', async () => {
    const none = { high: [], medium: [], low: [] }
    top = { ...madeUpTop, complete: false, change: none }
    await page.goto(url)
    await expect.poll(() => text('#moved-part')).toContain('somebody may be missing')
    expect(await text('#no-moved')).toContain('Nobody')
  })

  it('draws the shares of risk over time once there are two instants', async () => {
    const { board } = parts
    const row = { cause: 'event', risk: 'low', partition: 0, endOffset: 1, commit: 1 } as const
    board.observe([{ ...row, customer: 'a', asOf: NOW, probability: 0.1 }])
    board.sample(NOW - 20 * DAY_MS)
    await page.goto(url)
    await expect.poll(() => text('#state')).toBe('running')
    expect(await page.locator('#bands-part').isVisible()).toBe(false)
    board.observe([{ ...row, customer: 'b', asOf: NOW, probability: 0.9 }])
    board.sample(NOW)
    await expect.poll(() => page.locator('#bands .band').count(), { timeout: 5_000 }).toBe(2)
    expect(await page.getAttribute('#bands', 'aria-label')).toBe(
      'Shares of customers from 11 Feb 2025 to 3 Mar 2025: high risk from 0.0 % to 50.0 %, medium risk from 0.0 % to 0.0 %',
    )
  })

  it('says of each code what it means, and which records were not used last', async () => {
    const place = { partition: 0, customer: 'c1' }
    const reason = 'age is 17; 18 to 100 is due'
    parts.board.refused.rejected([{ ...place, offset: 1_200, code: 'FIELD_RANGE', reason }])
    parts.board.refused.late([{ ...place, offset: 1_300, code: null, reason: 'too old' }])
    await page.goto(url)
    await expect.poll(() => text('#rejects')).toMatch(/FIELD_RANGE\s+812\s+A number is outside/)
    expect(await text('#rejects')).toMatch(/late\s+3,204\s+It happened before/)
    expect(await text('#newest')).toMatch(
      /FIELD_RANGE\s*c1, partition 0, offset 1,200\s+age is 17; 18 to 100 is due\s+late\s*c1/,
    )
  })

  it('says that the connection is lost, and goes on by itself when it is back', async () => {
    await page.goto(url)
    await expect.poll(() => text('#state')).toBe('running')
    const { port } = new URL(url)
    await server.close()
    await expect.poll(() => text('#trouble'), { timeout: 15_000 }).toContain('trying again')
    expect(await text('#state')).toBe('connecting')
    server = await buildServer(parts)
    await listen(server, Number(port))
    await expect.poll(() => text('#state'), { timeout: 15_000 }).toBe('running')
    expect(await page.locator('#trouble').isVisible()).toBe(false)
  }, 40_000)

  it('tries again where the server refuses, which browsers take as final', async () => {
    let refusals = 2
    await page.route('**/v1/stream', (route) =>
      refusals-- > 0 ? route.fulfill({ status: 503 }) : route.continue(),
    )
    await page.goto(url)
    await expect.poll(() => text('#state'), { timeout: 15_000 }).toBe('running')
    expect(refusals).toBe(-1)
  }, 40_000)

  it('has a name for every control and picture, and reaches the controls by the keyboard', async () => {
    await page.goto(url)
    await expect.poll(() => page.locator('#moved .link').count()).toBeGreaterThan(0)
    const unnamed = await page.evaluate(
      `[...document.querySelectorAll('button, input, svg[role=img], section, table')]
        .filter((node) => !(node.textContent.trim() || node.labels?.length ||
          node.getAttribute('aria-label') || node.getAttribute('aria-labelledby')))
        .map((node) => node.outerHTML.slice(0, 80))`,
    )
    expect(unnamed).toEqual([])
    const reached: string[] = []
    for (let presses = 0; presses < 4; presses++) {
      await page.keyboard.press('Tab')
      reached.push(
        await page.evaluate('document.activeElement.id || document.activeElement.textContent'),
      )
    }
    expect(reached).toEqual(['customer', 'Look up', 'c-high-0', 'c-low-0'])
  })
})
