/* browse.js: the built page in a browser, from file:// and offline, for the tests of its parts. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

import { chromium } from 'playwright-core'

import { page as file, screenshots } from './built.js'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export const sizes = { desktop: { viewport: { width: 1280, height: 900 } }, phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true } }
export const themes = ['light', 'dark']

let browser
export const closeBrowser = () => browser?.close()

/* The page at a hash; whatever it says is wrong, and whatever it asks for, fails the test when it is closed. */
export async function open({ hash = '', ...options } = {}) {
  browser ??= await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] })
  const context = await browser.newContext({ offline: true, reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  const wrong = []
  page.on('pageerror', (error) => wrong.push(String(error)))
  page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()))
  page.on('request', (request) => ['file:', 'data:', 'blob:'].some((kind) => request.url().startsWith(kind)) || wrong.push(request.url()))
  await page.goto(`${pathToFileURL(file).href}#${hash}`)
  await page.locator('header button').first().waitFor()
  return { page, close: () => context.close().then(() => assert.deepEqual(wrong, [])) }
}

/* After act(page): not wider than the screen, and without a violation that axe knows; a screenshot is kept. */
export async function unhindered(name, options, act = async () => {}) {
  const { page, close } = await open(options)
  await act(page)
  mkdirSync(screenshots, { recursive: true })
  await page.screenshot({ path: `${screenshots}/${name}.png`, fullPage: true })
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'wider than the screen')
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => globalThis.axe.run())
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(', ')}`), [])
  await close()
}
