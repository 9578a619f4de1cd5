/**
 * The pictures in the documents, made of a made-up business: `npm run screenshots` writes them anew,
 * any other run only looks whether the page comes up whole.
 */
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildServer, listen } from '../../src/serving/http.js'
import { CHROMIUM_FLAGS, findChromium } from './chromium.js'
import { sceneServed, sceneStream } from './scene.js'

const found = findChromium()
const isKept = process.env['SCREENSHOTS'] === '1'
const folder = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url))

const wide = { width: 1200, height: 900 }
const phone = { width: 360, height: 780 }

describe.skipIf(found.path === null)('a picture of the page', () => {
  let browser: Browser
  let server: FastifyInstance
  let url: string

  beforeAll(async () => {
    server = await buildServer(sceneServed())
    url = await listen(server, 0)
    browser = await chromium.launch({ executablePath: found.path!, args: CHROMIUM_FLAGS })
    if (isKept) mkdirSync(folder, { recursive: true })
  }, 60_000)

  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  it.each([
    ['page-light', wide, 'light', false],
    ['page-dark', wide, 'dark', false],
    ['page-phone', phone, 'light', false],
    ['story', wide, 'light', true],
    ['story-phone', phone, 'dark', true],
  ] as const)('%s', async (name, viewport, colorScheme, isStory) => {
    const page = await browser.newPage({ viewport, colorScheme, reducedMotion: 'reduce' })
    const trouble: string[] = []
    page.on('pageerror', (error) => trouble.push(error.message))
    page.on('console', (line) => line.type() === 'error' && trouble.push(line.text()))
    await page.route('**/v1/stream', (route) =>
      route.fulfill({ contentType: 'text/event-stream', body: sceneStream(Date.now()) }),
    )
    await page.goto(url)
    await expect.poll(() => page.locator('#moved tr').count()).toBe(12)
    expect(await page.locator('#changes tr').count()).toBe(16)
    expect(await page.locator('#bands .band').count()).toBe(2)
    expect(await page.locator('[data-rate="events"] .value').innerText()).toMatch(/^\d{3}$/)
    expect(await overflow(page)).toBeLessThanOrEqual(0)
    if (isStory) await page.locator('#moved .link', { hasText: 'c0002187' }).click()
    await expect.poll(() => page.locator('.steps li').count()).toBe(isStory ? 15 : 0)
    expect(trouble).toEqual([])
    if (name === 'page-dark')
      await page.evaluate("document.querySelector('.flow').scrollIntoView()")
    if (isKept) await page.screenshot({ path: `${folder}${name}.png` })
    await page.close()
  })
})

function overflow(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - innerWidth')
}
