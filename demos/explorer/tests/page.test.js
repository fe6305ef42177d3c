/* page.test.js: the built file in a browser, from file:// and offline: it shows the engine's numbers, soon, to everybody. Screenshots of each size and
 * theme are in build-explorer/screenshots. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import test, { after, before } from 'node:test'
import { pathToFileURL } from 'node:url'

import { chromium } from 'playwright-core'

import { page as file, screenshots, weft } from './built.js'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const sizes = { desktop: { viewport: { width: 1280, height: 800 } }, phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true } }
const themes = ['light', 'dark']
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'

let browser
before(async () => {
  mkdirSync(screenshots, { recursive: true })
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
})
after(() => browser?.close())

/* The page once it shows numbers; whatever it says is wrong fails the test. */
async function open(options = {}) {
  const context = await browser.newContext({ offline: true, ...options })
  const page = await context.newPage()
  const wrong = []
  page.on('pageerror', (error) => wrong.push(String(error)))
  page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()))
  page.on('request', (request) => request.url().startsWith('file:') || request.url().startsWith('data:') || wrong.push(request.url()))
  await page.goto(pathToFileURL(file).href)
  await page.locator('td.array').first().waitFor()
  return { page, close: () => context.close().then(() => assert.deepEqual(wrong, [])) }
}

test('the page is less than 500 KB', (t) => {
  const { size } = statSync(file)
  t.diagnostic(`page: ${Math.round(size / 1000)} KB`)
  assert.ok(size < 500000, `${size} bytes`)
})

test('it is there within a second', async (t) => {
  const { page, close } = await open()
  const { paint, ready } = await page.evaluate(() => ({
    paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
    ready: performance.getEntriesByName('weft-ready')[0].startTime,
  }))
  t.diagnostic(`first paint: ${Math.round(paint)} ms, numbers: ${Math.round(ready)} ms`)
  await close()
})

test('numbers are those of the command', async () => {
  const { page, close } = await open()
  await page.getByLabel('Example').selectOption('batchnorm')
  const { nodes } = JSON.parse(weft('trace', 'batchnorm'))
  const shown = await page.locator('tbody tr').evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)))
  assert.deepEqual(shown.map(([label]) => label), nodes.map(({ label }) => label))
  nodes.forEach(({ value, adjoint }, i) => {
    const [is, gradient] = shown[i].slice(3).map((cell) => cell.split(/\s+/).filter(Boolean).map(Number))
    const near = (got, exact) => got.forEach((x, k) => assert.ok(Math.abs(x - exact.values[k]) <= 5e-4 * Math.abs(exact.values[k]), `${x} for ${exact.values[k]}`))
    near(is, value)
    assert.equal(gradient.length, adjoint?.values.length ?? 0)
    if (adjoint) near(gradient, adjoint)
  })
  await close()
})

for (const [size, options] of Object.entries(sizes))
  for (const colorScheme of themes)
    test(`${size}, ${colorScheme}: nothing is in anybody's way`, async () => {
      const { page, close } = await open({ ...options, colorScheme })
      await page.getByLabel('Example').selectOption('batchnorm')
      await page.screenshot({ path: `${screenshots}/batchnorm-${size}-${colorScheme}.png`, fullPage: true })
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'wider than the screen')
      await page.evaluate(axe)
      const { violations } = await page.evaluate(() => globalThis.axe.run())
      assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(', ')}`), [])
      await close()
    })
