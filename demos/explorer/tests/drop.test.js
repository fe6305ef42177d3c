/* drop.test.js: a trace that is dropped on the page is shown as it is in the file, without the engine; and whatever else is dropped is refused, with words
 * that name what is wrong. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after } from 'node:test'
import { fileURLToPath } from 'node:url'

import { readTrace } from '../src/drop.js'
import { feeders } from '../src/feeds.js'
import { layoutOf } from '../src/layout.js'
import { adjointAt, adjointBefore, lessonOf, sentence } from '../src/lesson.js'
import { most, NotATrace, traceOf } from '../src/valid.js'
import { backWords, forwardWords } from '../src/words.js'
import { closeBrowser, open, sizes, themes, unhindered } from './browse.js'
import { engine, weft } from './built.js'

const folder = mkdtempSync(join(tmpdir(), 'weft-drop-'))
after(closeBrowser)
after(() => rmSync(folder, { recursive: true }))

const presets = engine.presets()
const good = weft('trace', 'batchnorm')
const own = join(folder, 'own.json')
execFileSync(fileURLToPath(new URL('../../../build-explorer/native/demos/08_trace_your_own', import.meta.url)), [own])
const inC = readFileSync(own, 'utf8')

const refused = (text, words) => assert.throws(() => traceOf(text), (error) => {
  assert.ok(error instanceof NotATrace, String(error.stack))
  assert.match(error.message, words)
  assert.ok(error.message.length < 400, error.message)
  return true
})

/* Whether the page can do with a trace all that it does. */
function used(trace) {
  const lesson = lessonOf(trace)
  layoutOf(lesson)
  lesson.steps.forEach((step, i) => {
    assert.equal(typeof sentence(lesson, i), 'string')
    for (const edge of step.edges ?? []) {
      adjointBefore(lesson, edge)
      if (edge.flow?.values?.length) backWords(lesson, step.node, edge, 0)
    }
    if (step.kind === 'forward' && step.node.value.values?.length) forwardWords(lesson, step.node, 0)
  })
  for (const node of lesson.shown) {
    adjointAt(lesson, node.id, lesson.last)
    if (node.value.values?.length) feeders(lesson, { kind: 'value', id: node.id, index: 0 })
    if (node.adjoint?.values?.length) feeders(lesson, { kind: 'adjoint', id: node.id, index: 0 })
  }
}

test('every preset, and the trace of a C program', () => {
  for (const { name } of presets) used(traceOf(weft('trace', name)))
  used(traceOf(weft('trace', 'batchnorm', '--elements', '3', '--no-check', '--no-derivation')))
  used(traceOf(weft('trace', 'batchnorm', '--dtype', 'f32')))
  const trace = traceOf(inC)
  assert.equal(trace.expression, null)
  used(trace)
})

const more = [
  { expression: 'sum(take(table, index, 0) * 3)', inputs: { table: [[1, 2], [3, 4]], index: { dtype: 'i64', shape: [3], values: [1, 0, 1] } } },
  { expression: 'sum(where(x > 0, x, 0.1 * x)) + max(x) + sum(floor(x))', inputs: { x: [-1, 2, NaN, Infinity, 0] } },
  { expression: 'sum(x)', inputs: { x: [] } },
  { expression: 'x', inputs: { x: 1 } },
  { expression: 'attention(q, k, v)', inputs: { q: [[1, 5], [0.1, 7]], k: [[1, 2], [3, 4]], v: [[1, 0], [0, 1]] } },
  { expression: 'cumsum(gelu(x) + silu(x) + erf(x) + softplus(x) + x ** x, 0) + logsumexp(x, 0)', inputs: { x: [[1, 5], [0.1, 7]] } },
  { expression: 'sum(x * 1)', inputs: { x: { shape: [64, 65], values: Array(64 * 65).fill(1) } } },
]
for (const question of more) test(`shown: ${question.expression}`, () => used(traceOf(engine.traceText(question))))

/* --- a real trace, and what somebody did to it --- */

const changes = [
  ['no trace by kind', (t) => { t.kind = 'weft judgement' }, /its kind is "weft judgement"/],
  ['no kind', (t) => { delete t.kind }, /its kind is null/],
  ['a later schema', (t) => { t.schema = 2 }, /schema 2, and this page reads schema 1/],
  ['a schema as text', (t) => { t.schema = '1' }, /schema "1"/],
  ['no nodes', (t) => { delete t.nodes }, /nodes is missing/],
  ['nodes as an object', (t) => { t.nodes = { 0: t.nodes[0] } }, /nodes: .* is no list/],
  ['an empty list of nodes', (t) => { t.nodes = [] }, /there are none/],
  ['too many nodes', (t) => { t.nodes = Array(most.nodes + 1).fill(t.nodes[0]) }, /1001, and 1000 are the most/],
  ['null for a node', (t) => { t.nodes[4] = null }, /nodes\[4\]: null is no object/],
  ['an id twice', (t) => { t.nodes[1].id = 0 }, /another node has the id 0/],
  ['an id as text', (t) => { t.nodes[1].id = '1' }, /nodes\[1\]\.id: "1" is no whole number/],
  ['a negative id', (t) => { t.nodes[0].id = -1 }, /-1 is no whole number/],
  ['half an id', (t) => { t.nodes[0].id = 0.5 }, /0.5 is no whole number/],
  ['an id out of order', (t) => { t.nodes[1].id = 1000 }, /stands behind node 1000/],
  ['a label twice', (t) => { t.nodes[1].label = 'h' }, /another node is called "h"/],
  ['a label as a number', (t) => { t.nodes[1].label = 7 }, /nodes\[1\]\.label: 7 is no text/],
  ['no label', (t) => { t.nodes[1].label = '' }, /it is empty/],
  ['a label as long as a book', (t) => { t.nodes[1].label = 'x'.repeat(100000) }, /100000 characters, and 200 are the most/],
  ['no adjoint_label', (t) => { delete t.nodes[1].adjoint_label }, /adjoint_label is missing/],
  ['a role that is none', (t) => { t.nodes[0].role = 'villain' }, /"villain" is none of op, input/],
  ['a dtype that is none', (t) => { t.nodes[0].dtype = 'f16' }, /"f16" is none of f32/],
  ['a node that takes itself', (t) => { t.nodes[8].operands[1] = t.nodes[8].id }, /node 8 takes node 8, .* no cycles/],
  ['a cycle', (t) => { t.nodes[3].operands[0] = t.nodes[8].id }, /node 3 takes node 8, .* no cycles/],
  ['an operand that is not there', (t) => { t.nodes.splice(2, 1) }, /there is no node 2/],
  ['operands as text', (t) => { t.nodes[8].operands = 'h mu' }, /"h mu" is no list/],
  ['an operand more than links', (t) => { t.nodes[8].operands.push(0) }, /2 entries, and there must be 3/],
  ['a link that is none', (t) => { t.nodes[8].links[0] = 'some' }, /"some" is none of "same"/],
  ['same, and it is not', (t) => { t.nodes[5].links[0] = 'same'; t.nodes[5].shape = t.nodes[5].value.shape = [4, 3]; t.nodes[5].value.values = Array(12).fill(1) }, /"same" between/],
  ['takes too few', (t) => { at(t, 'broadcast').links[0].takes.pop() }, /takes: \d+ entries, and there must be/],
  ['takes what is not there', (t) => { at(t, 'broadcast').links[0].takes[0] = 99 }, /99 is beyond/],
  ['folds to where nothing is', (t) => { at(t, 'sum').links[0].folds[0] = -1 }, /-1 is no whole number/],
  ['a shape of too many axes', (t) => { t.nodes[0].shape = Array(9).fill(1) }, /9 axes/],
  ['a shape that no machine holds', (t) => { t.nodes[0].shape = [2 ** 30, 2 ** 30] }, /too large/],
  ['a shape with a minus', (t) => { t.nodes[0].shape = [-4, -3] }, /no whole number/],
  ['a value too short', (t) => { t.nodes[0].value.values.pop() }, /nodes\[0\]\.value\.values: 11 entries, and there must be 12/],
  ['a value of another shape', (t) => { t.nodes[0].value.shape = [3, 4] }, /\(3, 4\) does not fit \(4, 3\)/],
  ['a value of text', (t) => { t.nodes[0].value.values[3] = '7' }, /values\[3\]: "7" is no number/],
  ['null among numbers', (t) => { t.nodes[0].value.values[3] = null }, /values\[3\]: null is no number/],
  ['a value that is none', (t) => { t.nodes[0].value = 3 }, /nodes\[0\]\.value: 3 is no object/],
  ['half a summary', (t) => { t.nodes[0].value = { shape: [4, 3], min: 1, max: 2 } }, /mean is missing/],
  ['an adjoint of another shape', (t) => { t.nodes[0].adjoint.shape = [12] }, /\(12\) does not fit \(4, 3\)/],
  ['an adjoint that is missing', (t) => { delete t.nodes[0].adjoint }, /adjoint is missing/],
  ['no adjoint, and no reason', (t) => { t.nodes[0].adjoint = null }, /silence is missing/],
  ['an output that is not there', (t) => { t.output = 99 }, /output: there is no node 99/],
  ['an output as text', (t) => { t.output = 'y' }, /"y" is no whole number/],
  ['an expression as a list', (t) => { t.expression = ['h'] }, /expression: .* is no text/],
  ['a cotangent that does not fit', (t) => { t.cotangent.shape = [4]; t.cotangent.values = [1, 2, 3, 4] }, /cotangent\.shape: \(4\) does not fit/],
  ['a gradient of nothing', (t) => { t.wrt.push(99) }, /wrt\[3\]: there is no node 99/],
  ['inputs as numbers', (t) => { t.inputs[0] = 0 }, /inputs\[0\]: 0 is no text/],
  ['no walk', (t) => { delete t.walk }, /walk is missing/],
  ['a step of no node', (t) => { t.walk[3].node = 99 }, /walk\[3\]\.node: there is no node 99/],
  ['a step twice', (t) => { t.walk.splice(3, 0, t.walk[3]) }, /walk\[4\]\.node: .* against the order of the tape/],
  ['the walk forward', (t) => { t.walk.reverse() }, /walk\[\d+\]/],
  ['a walk that does not begin at the end', (t) => { t.walk.shift() }, /nothing has arrived at node/],
  ['half a walk', (t) => { t.walk.length = 5 }, /has an adjoint, and nothing is sent there/],
  ['an edge to another node', (t) => { t.walk[0].edges[0].operand = 0 }, /operand 0 of node 27 is node 25, not 0/],
  ['a slot that is none', (t) => { t.walk[0].edges[0].slot = 7 }, /7 is beyond/],
  ['a slot twice', (t) => { t.walk[0].edges.push(t.walk[0].edges[0]) }, /another edge has the slot/],
  ['an edge without text', (t) => { delete t.walk[0].edges[0].text }, /text is missing/],
  ['a flow of another shape', (t) => { t.walk[0].edges[0].flow.shape = [3, 4] }, /does not fit/],
  ['a flow to where none arrives', (t) => { const node = t.nodes.find(({ label }) => label === 'beta'); Object.assign(node, { adjoint: null, silence: 'unused' }) }, /has no adjoint/],
  ['= for +=', (t) => { t.walk.flatMap(({ edges }) => edges).find(({ flow, first }) => flow && !first).first = true }, /something has arrived there before/],
  ['first as text', (t) => { t.walk[0].edges[0].first = 'yes' }, /neither true nor false/],
  ['a local value that does not broadcast', (t) => { t.walk[0].edges[0].local_value = { shape: [5], values: [1, 2, 3, 4, 5] } }, /\(5\) does not fit/],
  ['TeX that reads files', (t) => { t.nodes[0].tex = '\\input{/etc/passwd}' }, /formulas have no \\input/],
  ['TeX that runs programs', (t) => { t.walk[0].edges[0].tex = '\\write18{rm -rf /}' }, /formulas have no \\write/],
  ['TeX that defines', (t) => { t.nodes[0].tex = '\\def\\a{\\a\\a}\\a' }, /formulas have no \\def/],
  ['TeX with a link', (t) => { t.nodes[0].tex = '\\href{javascript:alert(1)}{h}' }, /formulas have no \\href/],
  ['TeX that ends the line', (t) => { t.nodes[0].tex = 'h % and the rest' }, /formulas have no %/],
  ['TeX that ends the formula', (t) => { t.nodes[0].tex = 'h $ x' }, /formulas have no \$/],
  ['braces that do not match', (t) => { t.nodes[0].tex = 'h_{i' }, /braces do not match/],
  ['braces the wrong way round', (t) => { t.nodes[0].tex = '}h{' }, /braces do not match/],
  ['braces without an end', (t) => { t.nodes[0].tex = '{'.repeat(5000) + '}'.repeat(5000) }, /braces 5000 deep/],
  ['TeX in the derivation', (t) => { t.derivation.lines[3].right_tex = '\\includegraphics{x}' }, /derivation\.lines\[3\]\.right_tex: formulas have no \\includegraphics/],
  ['a rule of another kind', (t) => { t.derivation.lines[3].kind = 'guess' }, /"guess" is none of/],
  ['paths of another shape', (t) => { t.paths.parts[0].value.shape = [12] }, /paths\.parts\[0\]\.value\.shape/],
  ['a check of nothing', (t) => { t.check.x[0].node = 99 }, /check\.x\[0\]\.node: there is no node 99/],
  ['a check with another verdict', (t) => { t.check.x[0].verdict = 'fine' }, /"fine" is none of right/],
  ['a program as a list', (t) => { t.program = [] }, /program: \[\] is no object/],
]
const at = (trace, op) => trace.nodes.find((node) => node.op === op)

for (const [name, change, words] of changes)
  test(`refused: ${name}`, () => {
    const trace = JSON.parse(good)
    change(trace)
    refused(JSON.stringify(trace), words)
  })

for (const [name, text, words] of [
  ['nothing', '', /not JSON/], ['text', 'hello', /not JSON/], ['half a trace', good.slice(0, 5000), /not JSON/], ['a page', '<!doctype html><script>alert(1)</script>', /not JSON/], ['a number', '7', /no trace: 7/],
  ['null', 'null', /no trace: null/], ['a list', '[]', /no trace: \[\]/], ['another document', '{"schema":1,"command":"check"}', /its kind is null/], ['lists without an end', '['.repeat(1e6), /not JSON/],
  ['deep lists', '['.repeat(2000) + ']'.repeat(2000), /no trace/], ['a prototype', '{"__proto__":{"kind":"weft trace","schema":1}}', /its kind is/],
]) test(`refused: ${name}`, () => refused(text, words))

test('refused: 50 MB, and soon', async () => {
  const begun = performance.now()
  refused(' '.repeat(50e6), /50 MB, and 30 MB are the most/)
  await assert.rejects(readTrace(new File([new Uint8Array(50e6)], 'large.json')), /large\.json has 50 MB/)
  await assert.rejects(readTrace(new File([new Uint8Array([0xff, 0xfe, 0])], 'binary.json')), /binary\.json cannot be read as text/)
  assert.ok(performance.now() - begun < 2000)
})

/* Numbers that are the same in every run. */
function draws(seed) {
  let state = seed
  return (below) => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 8) % below
}

test('whatever is changed at random is refused, or can be shown', () => {
  const draw = draws(3)
  const source = engine.traceText({ ...presets.find(({ name }) => name === 'batchnorm-relu'), program: false })
  const odd = [null, -1, 0, 1, 1e9, 0.5, '', 'x', '<b>', [], {}, true, [0], { shape: [], values: [1] }, 'NaN', 'same', 2 ** 53]
  let shown = 0
  const rounds = 3000
  for (let k = 0; k < rounds; k++) {
    const trace = JSON.parse(source)
    let parent = trace, key = 'nodes'
    for (let depth = 0; depth < 9; depth++) {
      const keys = Object.keys(parent)
      key = keys[draw(keys.length)]
      const next = parent[key]
      if (!next || typeof next !== 'object' || !Object.keys(next).length || (depth > 1 && draw(3) === 0)) break
      parent = next
    }
    const way = draw(4)
    if (way === 0 && !Array.isArray(parent)) delete parent[key]
    else if (way === 1 && Array.isArray(parent)) parent.splice(Number(key), 1)
    else parent[key] = odd[draw(odd.length)]
    let read
    try {
      read = traceOf(JSON.stringify(trace))
    } catch (error) {
      assert.ok(error instanceof NotATrace, String(error.stack))
      continue
    }
    used(read)
    shown++
  }
  assert.ok(shown > 50 && shown < rounds / 2, `${shown} shown`)
})

/* --- in the browser --- */

/* The input takes what a person chooses. */
const give = (page, name, text) => page.locator('input[type=file]').setInputFiles({ name, mimeType: 'application/json', buffer: Buffer.from(text) })

/* Drops a file on the page, as the pointer would. */
const drop = (page, name, text) => page.evaluate(({ name, text }) => {
  const dataTransfer = new DataTransfer()
  dataTransfer.items.add(new File([text], name))
  for (const kind of ['dragover', 'drop']) document.body.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }))
}, { name, text })

test('a C program is stepped, and the engine is not asked', async () => {
  const { page, close } = await open({ hash: 'v=bugs' })
  await page.getByText('solved').first().waitFor()
  await page.evaluate(() => { // from here on any call into the module fails
    WebAssembly.Instance = class { constructor() { throw new Error('the engine was asked') } }
    const decode = TextDecoder.prototype.decode
    TextDecoder.prototype.decode = function (bytes, options) {
      if (bytes instanceof Uint8Array && bytes.buffer.byteLength > 1e5 && bytes.byteOffset > 0) throw new Error('the engine was asked')
      return decode.call(this, bytes, options)
    }
  })
  await drop(page, 'own.json', inC)
  await page.locator('.dropped', { hasText: 'own.json' }).waitFor()
  assert.match(await page.locator('.dropped').innerText(), /of a C program/)
  assert.equal(await page.locator('.editor').count(), 0)
  const lesson = lessonOf(JSON.parse(inC))
  for (let i = 1; i <= lesson.last; i++) {
    await page.keyboard.press('ArrowRight')
    await page.locator('#said').getByText(sentence(lesson, i), { exact: true }).waitFor({ timeout: 5000 })
  }
  assert.match(await page.locator('.badge').first().innerText(), /gradient check: /)
  await close()
})

test('numbers of a dropped trace are those of the file', async () => {
  const { page, close } = await open()
  const trace = JSON.parse(good)
  trace.nodes.find(({ label }) => label === 'h').value.values[0] = 123.25 // which no engine would say
  await give(page, 'changed.json', JSON.stringify(trace))
  await page.locator('.dropped', { hasText: 'changed.json' }).waitFor()
  assert.ok((await page.locator('table[aria-label^="h,"]').first().innerText()).includes('123.3'))
  await page.getByRole('button', { name: 'Back to the examples' }).click()
  await page.locator('.editor').waitFor()
  assert.equal(await page.locator('.dropped').count(), 0)
  await close()
})

test('what is no trace is refused with words, and what was shown stays', async () => {
  const { page, close } = await open()
  const said = await page.locator('#said').innerText()
  for (const [text, words] of [['{"kind":', /not JSON/], ['{"kind":"weft trace","schema":9}', /schema 9/], [good.replace('"op":"sum"', '"op":7'), /nodes\[3\]\.op: 7 is no text/]]) {
    await drop(page, 'bad.json', text)
    await page.locator('.dropping', { hasText: words }).waitFor()
    assert.equal(await page.locator('#said').innerText(), said)
  }
  await page.locator('.dropping button').click()
  assert.equal(await page.locator('.dropping').count(), 0)
  await close()
})

test('script in names is text', async () => {
  const { page, close } = await open()
  const trace = JSON.parse(good)
  const evil = '<img src=x onerror="globalThis.ran=1"><script>globalThis.ran=1</script>'
  for (const node of trace.nodes) {
    Object.assign(node, { formula: evil, text: evil, name: evil, scope: evil, attributes: evil, index: evil, tex: `\\text{<img src=x onerror=ran()>} ${'x'} </math><b>` })
    if (node.role !== 'constant') Object.assign(node, { label: `${evil}${node.id}`, adjoint_label: `${evil}d` })
  }
  for (const { edges } of trace.walk) for (const edge of edges) Object.assign(edge, { text: evil, index: evil, tex: '</mtext><img src=x onerror=ran()>', ...(edge.local ? { local: evil } : {}) })
  trace.check.x[0].message = trace.expression = evil
  await give(page, `${evil}.json`.slice(0, 90), JSON.stringify(trace))
  await page.locator('.dropped').waitFor()
  for (const key of ['End', 'Home']) await page.keyboard.press(key)
  for (let i = 1; i <= lessonOf(trace).last; i++) {
    await page.locator('.slide input').fill(String(i))
    await page.evaluate(() => new Promise(requestAnimationFrame))
  }
  assert.equal(await page.evaluate(() => globalThis.ran), undefined)
  assert.equal(await page.locator('main img, main script').count(), 0)
  await close()
})

for (const [size, options] of Object.entries(sizes))
  for (const colorScheme of themes)
    test(`a dropped trace, ${size}, ${colorScheme}: nothing is in anybody's way`, () =>
      unhindered(`dropped-${size}-${colorScheme}`, { ...options, colorScheme }, async (page) => {
        await give(page, 'own.json', inC)
        await page.locator('.dropped').waitFor()
        await page.locator('.slide input').fill('12')
        await drop(page, 'bad.json', '{')
        await page.locator('.dropping').waitFor()
      }))
