/* export.test.js: a step for elsewhere: LaTeX that pdflatex compiles, an SVG file that stands alone, the page on paper. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after } from 'node:test'

import { aboutOf, latexOf } from '../src/export.js'
import { lessonOf } from '../src/lesson.js'
import { closeBrowser, open } from './browse.js'
import { engine } from './built.js'

const folder = mkdtempSync(join(tmpdir(), 'weft-export-'))
after(closeBrowser)
after(() => rmSync(folder, { recursive: true }))

const presets = engine.presets()
const lesson = (question) => lessonOf(engine.trace({ ...question, check: false, program: false, derivation: false }))
const batchnorm = lesson(presets.find(({ name }) => name === 'batchnorm'))
const wide = lesson({ expression: 'a_long_name = tanh(x) * x; y = sum(where(a_long_name > 0, a_long_name, 0.1 * x) / 1e300)', inputs: { x: { shape: [2, 12], values: Array.from({ length: 24 }, (_, i) => (i - 12) / 7) } } })
const odd = lesson({ expression: 'b = concat((h, h)); c = log(b) / 0; y = c[1:] @ w', inputs: { h: [1, -2], w: [3, Infinity, NaN] } })

test('LaTeX has the formula over arrays, its numbers, and the formula of an element', () => {
  const said = latexOf(batchnorm, batchnorm.steps.findIndex(({ kind, node }) => kind === 'forward' && node.label === 'mu'))
  assert.match(said, /^% Forward \d+ of \d+: mu = t3 \/ 4/)
  assert.match(said, /\\mu &\\mathrel\{=\} .* = \\begin\{pmatrix\} 3 & 8 & 10 \\end\{pmatrix\}/)
  assert.match(said, /\\mu_\{j\} &= /)
  const forked = batchnorm.steps.findIndex(({ edges }) => edges?.some(({ flow, first }) => flow && !first))
  assert.match(latexOf(batchnorm, forked), /\\frac\{\\partial L\}\{\\partial \\mathrm\{xc\}_\{ij\}\} &\\mathrel\{\{\+\}\{=\}\}/)
})

test('what a label holds is text in LaTeX', () => {
  const trace = structuredClone(batchnorm.trace)
  trace.nodes.find(({ label }) => label === 'mu').label = 'a_b%$#&{}\\input{x}^é\n\\end{align*}'
  const strange = lessonOf(trace)
  for (let i = 0; i <= strange.last; i++) {
    const said = latexOf(strange, i)
    const body = said.slice(said.indexOf('\n'))
    assert.doesNotMatch(body, /\\input|é/)
    assert.ok((body.match(/\\end\{align\*\}/g) ?? []).length <= 1)
    assert.equal(said.split('\n')[0][0], '%')
  }
})

test('pdflatex compiles every step', { skip: spawnSync('pdflatex', ['--version']).status !== 0 && 'there is no pdflatex' }, () => {
  const steps = [...presets.map(lesson), wide, odd].flatMap((one) => Array.from({ length: one.last + 1 }, (_, i) => latexOf(one, i)))
  writeFileSync(join(folder, 'steps.tex'), `\\documentclass{article}\\usepackage{amsmath}\\begin{document}\n${steps.join('\n')}\n\\end{document}\n`)
  const { status, stdout } = spawnSync('pdflatex', ['-interaction=nonstopmode', '-halt-on-error', '-no-shell-escape', 'steps.tex'], { cwd: folder, encoding: 'utf8', timeout: 60000 })
  assert.equal(status, 0, stdout.split('\n').filter((line) => line.startsWith('!') || line.startsWith('l.')).join('\n'))
})

test('words for the drawing have its numbers, and not those to come', () => {
  assert.match(aboutOf(batchnorm, 2), /mu = t3 \/ 4: 3 8 10/)
  assert.doesNotMatch(aboutOf(batchnorm, 2), /sigma2 =/)
  assert.match(aboutOf(batchnorm, batchnorm.last), /dh 1 −1\.16/)
})

/* The file that the button saves. */
async function saved(page) {
  await page.locator('.share summary').click()
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'graph as SVG' }).click()])
  return readFileSync(await download.path(), 'utf8')
}

for (const colorScheme of ['light', 'dark'])
  test(`the SVG file stands alone, ${colorScheme}`, async () => {
    const { page, close } = await open({ hash: 'p=batchnorm&s=20&welcome=0', colorScheme })
    const svg = await saved(page)
    assert.match(svg, /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
    assert.match(svg, /<title id="title">Back 1? ?of|<title id="title">Back \d+ of \d+/)
    assert.match(svg, /<desc id="desc">A graph of/)
    assert.doesNotMatch(svg, /var\(|light-dark|color-mix|class=|<script|href=|on\w+=/)
    const file = join(folder, `${colorScheme}.svg`)
    writeFileSync(file, svg)
    const viewer = await page.context().newPage() // another page: nothing of the explorer is there
    await viewer.goto(`file://${file}`)
    const { names, texts, ground } = await viewer.evaluate(() => ({
      names: document.querySelectorAll('parsererror').length, texts: document.querySelectorAll('text').length, ground: getComputedStyle(document.querySelector('rect')).fill,
    }))
    assert.equal(names, 0)
    assert.ok(texts > 30)
    assert.equal(ground, colorScheme === 'light' ? 'rgb(251, 250, 247)' : 'rgb(20, 23, 27)')
    if (spawnSync('rsvg-convert', ['--version']).status === 0) execFileSync('rsvg-convert', [file, '-o', join(folder, `${colorScheme}.png`)])
    await close()
  })

test('script in names is text in the SVG file too', async () => {
  const { page, close } = await open({ hash: 'p=product&s=3&welcome=0' })
  const trace = engine.trace({ ...presets.find(({ name }) => name === 'product'), check: false, program: false })
  for (const node of trace.nodes) if (node.name) Object.assign(node, { label: `</text><script>alert(1)</script>${node.label}\u0001`, adjoint_label: ']]>&d' })
  await page.locator('input[type=file]').setInputFiles({ name: 'a.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(trace)) })
  await page.locator('.dropped').waitFor()
  const svg = await saved(page)
  assert.doesNotMatch(svg, /<script/)
  const file = join(folder, 'script.svg')
  writeFileSync(file, svg)
  const viewer = await page.context().newPage()
  await viewer.goto(`file://${file}`)
  assert.equal(await viewer.evaluate(() => document.querySelectorAll('parsererror, script').length), 0)
  await close()
})

test('the link is copied, and shows the same', async () => {
  const { page, close } = await open({ hash: 'p=fork&s=4&welcome=0', permissions: ['clipboard-read', 'clipboard-write'] })
  await page.locator('#said').waitFor()
  const said = await page.locator('#said').innerText()
  await page.locator('.share summary').click()
  await page.getByRole('button', { name: 'copy the link' }).click()
  await page.locator('.share [role=status]', { hasText: /link/ }).waitFor()
  const link = await page.evaluate(() => navigator.clipboard.readText().catch(() => location.href))
  const other = await page.context().newPage()
  await other.goto(link)
  await other.locator('#said').waitFor()
  assert.equal(await other.locator('#said').innerText(), said)
  await close()
})

const paper = { width: 718, height: 1047 } // A4 at 96 dots an inch, less margins of 1 cm
for (const colorScheme of ['light', 'dark'])
  test(`on paper, ${colorScheme}: black on white, the step with its graph, and nothing cut off`, async () => {
    const { page, close } = await open({ hash: 'p=batchnorm&s=20', viewport: paper, colorScheme })
    await page.locator('.card').first().waitFor()
    await page.emulateMedia({ media: 'print', colorScheme })
    await page.screenshot({ path: join(process.env.SCREENSHOTS ?? folder, `print-${colorScheme}.png`), fullPage: true })
    const found = await page.evaluate(() => {
      const style = (selector) => getComputedStyle(document.querySelector(selector))
      const cut = [...document.querySelectorAll('.graph, .card, .card .scroll, .formula, .element, .said')].filter((e) => e.clientHeight && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1) && getComputedStyle(e).overflow !== 'visible')
      const hidden = ['.editor', '.stepper button', 'footer', '.tabs', '.invitation'].filter((selector) => [...document.querySelectorAll(selector)].some((e) => e.checkVisibility()))
      return { ink: style('.card').color, ground: style('html').backgroundColor + style('body').backgroundColor + style('.card').backgroundColor, wide: document.documentElement.scrollWidth > innerWidth, cut: cut.map((e) => e.className), hidden,
        right: [...document.querySelectorAll('.drawing, .card table')].map((e) => e.getBoundingClientRect().right), graph: document.querySelector('#graph').checkVisibility() }
    })
    assert.match(found.ink, /rgb\((\d|1\d|2\d|3\d), /, 'dark ink')
    assert.doesNotMatch(found.ground, /rgb\((\d|\d\d), /, 'a light ground')
    assert.equal(found.wide, false)
    assert.deepEqual(found.cut, [])
    assert.deepEqual(found.hidden, [])
    assert.ok(found.graph)
    assert.ok(found.right.every((x) => x <= paper.width + 1), String(found.right))
    await close()
  })
