import type { FastifyInstance } from 'fastify'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ScoreBoard } from '../../src/monitoring/score-board.js'
import { buildServer, listen } from '../../src/serving/http.js'
import type { EngineStatus } from '../../src/topology/status.js'
import { CHROMIUM_FLAGS, findChromium } from './chromium.js'
import { engineStatus, NOW, served } from './made-up.js'

const found = findChromium()

describe.skipIf(found.path === null)(`the page in a browser${skipText()}`, () => {
  let browser: Browser
  let server: FastifyInstance
  let board: ScoreBoard
  let url: string
  let page: Page
  let status: EngineStatus
  const trouble: string[] = []

  beforeAll(async () => {
    const parts = served(() => status)
    board = parts.board
    server = await buildServer(parts)
    url = await listen(server, 0)
    browser = await chromium.launch({ executablePath: found.path!, args: CHROMIUM_FLAGS })
  }, 60_000)

  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  beforeEach(async () => {
    status = engineStatus()
    trouble.length = 0
    await page?.close()
    page = await browser.newPage()
    page.on('pageerror', (error) => trouble.push(error.message))
    page.on('console', (line) => line.type() === 'error' && trouble.push(line.text()))
  })

  const text = (selector: string) => page.locator(selector).innerText()
  const row = { asOf: NOW, risk: 'medium', commit: 1, partition: 0, endOffset: 9 } as const

  it('says that what it shows is synthetic, and stops saying so where it is not', async () => {
    await page.goto(url)
    await expect.poll(() => text('#synthetic')).toMatch(/^Synthetic: .*generator.*model/)
    const model = { ...status.model, synthetic: false }
    status = engineStatus({ synthetic: false, model })
    await expect.poll(() => page.locator('#synthetic').isHidden()).toBe(true)
    expect(trouble).toEqual([])
  })

  it('shows a score that moved although nothing happened, and why', async () => {
    board.observe([{ ...row, customer: 'c00042', cause: 'event', probability: 0.41 }])
    await page.goto(url)
    board.observe([{ ...row, customer: 'c00042', cause: 'time', probability: 0.624 }])
    const first = page.locator('#changes tr').first()
    await expect.poll(() => first.locator('.why').innerText()).toBe('time')
    expect(await first.innerText()).toMatch(/c00042\s+41\.0 → 62\.4\s+\+21\.4/)
    await page.click('[data-filter="event"]')
    expect(await page.locator('#changes .why.time').count()).toBe(0)
    expect(trouble).toEqual([])
  })

  it('opens a customer by a click: features, score, and until when they hold', async () => {
    board.observe([{ ...row, customer: 'c 7/%', cause: 'time', probability: 0.5 }])
    await page.goto(url)
    await page.locator('#changes .link', { hasText: 'c 7/%' }).click()
    await expect.poll(() => text('#panel')).toContain('62.5 %')
    const panel = await text('#panel')
    expect(panel).toContain('yes, exact')
    expect(panel).toContain('until 3 Mar, 18:32 (4 h 12 min of event time), or the next event')
    expect(panel).toMatch(/logins last 7 days\s+1\n/)
    expect(panel).toContain('time alone: nothing happened')
    await page.keyboard.press('Escape')
    expect(await page.locator('#panel').isVisible()).toBe(false)
    await page.fill('#customer', 'nobody')
    await page.keyboard.press('Enter')
    await expect.poll(() => text('#panel')).toContain('CUSTOMER_NOT_FOUND')
  })

  it('tells the story of a customer: the score over time, and each step with its reason', async () => {
    await page.goto(url)
    await page.fill('#customer', 'c00042')
    await page.keyboard.press('Enter')
    await expect.poll(() => text('#panel')).toContain('the score moved twice')
    expect(await text('.summary')).toBe(
      'In the 7 d that are kept the score moved twice: never by what happened, twice because nothing did.',
    )
    const steps = page.locator('.steps li')
    expect(await steps.count()).toBe(4)
    expect(await steps.first().innerText()).toMatch(
      /nothing happened\s+3 Mar, 14:19\s+\+4\.4\s*62\.5 %/,
    )
    expect(await steps.first().innerText()).toContain('logins last 7 days 2 → 1')
    expect(await steps.last().innerText()).toContain('As far back as it is kept.')
    const marks = (cause: string) => page.locator(`.story-chart .mark.${cause}`).count()
    expect([await marks('event'), await marks('time')]).toEqual([1, 2])
    expect(await page.locator('.story-chart').getAttribute('aria-label')).toContain('moved twice')
    await steps.last().scrollIntoViewIfNeeded()
    expect(trouble).toEqual([])
  })

  it('computes rates from the counters, and shows rejects with their codes', async () => {
    await page.goto(url)
    await expect.poll(() => text('#rejects')).toMatch(/FIELD_RANGE\s+812/)
    status = engineStatus({}, { scoresByTime: 902_551 + 1_000_000 })
    const byTime = () => text('[data-rate="byTime"] .value')
    await expect.poll(byTime, { timeout: 5_000 }).toMatch(/^\d{3},\d{3}$/)
    expect(await text('[data-rate="byEvent"] .value')).toBe('0')
  })

  it('shows how far a restore is, and a failure with its reason', async () => {
    status = engineStatus({ state: 'restoring' }, { restoring: { done: 300, total: 1_200 } })
    await page.goto(url)
    await expect.poll(() => text('#restore')).toContain('300 of 1,200 records')
    status = engineStatus({ state: 'failed', failure: 'the disk is full' })
    await expect.poll(() => text('#trouble')).toBe('The engine failed: the disk is full')
  })

  it('fits a phone without scrolling sideways', async () => {
    await page.setViewportSize({ width: 360, height: 740 })
    board.observe([
      { ...row, customer: 'x'.repeat(200), cause: 'event', probability: 0.1 },
      { ...row, customer: 'x'.repeat(200), cause: 'event', probability: 0.9 },
    ])
    await page.goto(url)
    await expect.poll(() => page.locator('#changes tr').count()).toBeGreaterThan(0)
    const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
    expect(overflow).toBeLessThanOrEqual(0)
  })

  it('tells in the width of a phone that there is no customer of a very long name', async () => {
    await page.setViewportSize({ width: 360, height: 740 })
    const name = 'y'.repeat(250)
    const json = { title: 'No such customer', detail: `of ${name}`, code: 'CUSTOMER_NOT_FOUND' }
    await page.route(`**/${name}`, (route) => route.fulfill({ status: 404, json }))
    await page.goto(url)
    await page.fill('#customer', name)
    await page.press('#customer', 'Enter')
    await expect.poll(() => text('#panel-body')).toContain('CUSTOMER_NOT_FOUND')
    const overflow = await page.evaluate(
      '(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector("#panel"))',
    )
    expect(overflow).toBeLessThanOrEqual(0)
  })
})

function skipText(): string {
  return found.path === null ? ` (skipped: ${found.why})` : ''
}
