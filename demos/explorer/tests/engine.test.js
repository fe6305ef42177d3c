/* engine.test.js: the engine in the browser is the engine: the same bytes as the command, and errors with its words. */
import assert from 'node:assert/strict'
import test from 'node:test'

import { arrayOf, EngineError, loadEngine, number } from '../engine.js'
import { engine, native, onOneLine, traceCalls, wasm, weft } from './built.js'

test('the module imports nothing', () => {
  assert.deepEqual(WebAssembly.Module.imports(new WebAssembly.Module(wasm)), [])
})

const presets = engine.presets()

test('the presets are those of the command', () => {
  const listed = weft('trace', '--presets').trimEnd().split('\n').map((line) => line.split(/\s+/)[0])
  assert.deepEqual(presets.map(({ name }) => name), listed)
  assert.ok(listed.includes('batchnorm') && listed.includes('batchnorm-relu'))
})

for (const preset of presets)
  test(`${preset.name}: the bytes of weft trace`, () => assert.equal(engine.traceText(preset), weft('trace', preset.name)))

const batchnorm = presets.find(({ name }) => name === 'batchnorm')

test('the same in f32, without the check, with arrays summarised', () => {
  const narrow = (given) => ({ ...given, dtype: 'f32' })
  const inputs = Object.fromEntries(Object.entries(batchnorm.inputs).map(([name, given]) => [name, narrow(given)]))
  const question = { ...batchnorm, inputs, cotangent: narrow(batchnorm.cotangent), elements: 3, check: false }
  assert.equal(engine.traceText(question), weft('trace', 'batchnorm', '--dtype', 'f32', '--elements', '3', '--no-check'))
})

/* Sums, products, quotients and roots, which round alike on every machine. No staged function is among them: C leaves it open which argument of a call is
 * recorded first, gcc and clang differ there, and with the order go the ids. */
const questions = [
  { expression: 'x', inputs: { x: 2 } },
  { expression: 'x ** 2', inputs: { x: -3 } },
  { expression: 'matmul(a, b) @ v', inputs: { a: [[1, 2], [3, 4]], b: [[0.5, -1], [1 / 3, 2]], v: [1, -0.1] }, cotangent: [1, 2], wrt: ['b'] },
  { expression: 'fused_batchnorm(h, gamma, beta)', inputs: batchnorm.inputs, cotangent: batchnorm.cotangent, wrt: ['h', 'gamma'] },
  { expression: 'fused_layernorm(h, gamma, beta)', inputs: { h: [[1, 5, 2], [0.1, 7, 1e3]], gamma: [1, 2, 3], beta: [0, 0, 1] }, wrt: ['h'], check: false, program: false },
  { expression: 'a = h[1:, ::2]; b = concat((a, a), 0); sqrt(sum(b * b)) / 7', inputs: { h: [[1, 2, 3], [4, 5, 6], [7, 8, 10]] }, through: ['a'] },
  { expression: 'sum(take(table, index, 0) * 3)', inputs: { table: [[1, 2], [3, 4]], index: { dtype: 'i64', shape: [3], values: [1, 0, 1] } } },
  { expression: 'sum(where(x > 0, x, 0.1 * x)) + max(x)', inputs: { x: [-1, 2, NaN, Infinity, 0] } },
  { expression: 'sum(x)', inputs: { x: [] } },
  { expression: 'y = x; y', inputs: { x: { shape: [2, 0, 3], values: [] } } },
  { expression: 'sum(x * 1)', inputs: { x: { shape: [64, 64], values: Array.from({ length: 4096 }, (_, i) => (i * 7919) % 101) } } },
]
for (const question of questions)
  test(`as this machine computes it: ${question.expression}`, () => {
    const [expected] = native(traceCalls(question))
    assert.equal(JSON.parse(expected).kind, 'weft trace')
    assert.equal(onOneLine(engine.traceText(question)), expected)
  })

test('functions are those that weft ops lists', () => {
  const known = new Set(engine.functions().map(({ name }) => name))
  for (const name of ['mul', 'sum', 'softmax', 'batchnorm', 'fused_batchnorm', 'matmul', 'where']) assert.ok(known.has(name), name)
})

test('claims are judged and proved', () => {
  const istd = '(sigma2 + 1e-5)**(-1/2)'
  const closed = `gamma * ${istd} / 4 * (4 * dy - sum(dy, 0) - hath * sum(dy * hath, 0))`
  const right = engine.judge({ ...batchnorm, wrt: 'h', claimed: closed })
  assert.equal(right.diagnosis.verdict, 'right')
  assert.equal(right.proof.verdict, 'proved')
  const wrong = engine.judge({ ...batchnorm, wrt: 'h', claimed: `gamma * ${istd} * (dy - mean(dy, 0))` })
  assert.equal(wrong.diagnosis.verdict, 'wrong')
  assert.match(wrong.diagnosis.message, /variance sigma2 is missing/)
  assert.equal(wrong.proof.verdict, 'refuted')
  const sum = engine.judge({ ...batchnorm, wrt: 'gamma', claimed: 'dy * hath' }) // not summed over the batch: another shape, so no proof
  assert.equal(sum.diagnosis.verdict, 'wrong')
  assert.equal(sum.proof, undefined)
  assert.equal(engine.judge({ expression: 'x * x', inputs: { x: 3 }, wrt: 'x', claimed: '2 * x * dy' }).proof.verdict, 'proved')
})

test('a gradient given by its numbers is checked, over a sweep of steps', () => {
  const question = { expression: 'x * x * x', inputs: { x: [1, -2] }, cotangent: [1, 3], wrt: 'x' }
  const right = engine.check({ ...question, inputs: { ...question.inputs, claim: [3, 36] }, claimed: 'claim' }) // dy * 3 x**2
  assert.equal(right.verdict, 'right')
  assert.equal(right.sweep.length, 11)
  assert.ok(right.error < 1e-8 && right.sweep[0].error > 1e-4, 'a large step is far off, by dy * h**2')
  const wrong = engine.check({ ...question, claimed: 'dy * 3 * x' }) // off by dy * 3 (x**2 - x): 0 and 54
  assert.equal(wrong.verdict, 'wrong')
  assert.ok(Math.abs(wrong.error - 54) < 1e-6, String(wrong.error))
  assert.throws(() => engine.check({ ...question, claimed: 'dy * 3 *' }), /the text ends/)
})

test('errors are exceptions with the words of the engine', () => {
  const refused = (question, status, words) => assert.throws(() => engine.trace(question), (error) => {
    assert.ok(error instanceof EngineError, String(error))
    assert.equal(error.status, status)
    assert.match(error.message, words)
    return true
  })
  refused({ expression: 'x +', inputs: { x: 1 } }, 'malformed expression', /line 1, column 4: expected a number, a name/)
  refused({ expression: 'sum(h * gama)', inputs: { h: [1], gamma: [1] } }, 'malformed expression', /gamma/)
  refused({ expression: 'a + b', inputs: { a: [1, 2, 3], b: [1, 2] } }, 'shapes do not fit', /./)
  refused({ expression: 'x', inputs: { x: 1 }, wrt: ['z'] }, 'bad argument', /"z"/)
  refused({ expression: 'x * y', inputs: { x: [1, 2], y: 2 }, cotangent: [1, 2, 3] }, 'shapes do not fit', /cotangent/)
  refused({ expression: 'x', inputs: { x: [[1, 2], [3]] } }, 'shape', /rows/)
  refused({ expression: 'x', inputs: { '2x': 1 } }, 'bad argument', /letters/)
  refused({ expression: 'x\0', inputs: { x: 1 } }, 'malformed text', /code 0/)
  assert.equal(engine.trace({ expression: 'x', inputs: { x: 1 } }).nodes[0].label, 'x') // and nothing of it stays
})

test('arrays as people type them', () => {
  assert.deepEqual(engine.array('[[1, .5], [-2e3, inf]]'), { shape: [2, 2], values: [1, 0.5, -2000, 'Infinity'] })
  assert.deepEqual(engine.array('-3'), { shape: [], values: [-3] })
  for (const text of ['', '[', '[1,[2]]', '1 2', 'x', '[[1],[2,3]]']) assert.throws(() => engine.array(text), EngineError, text)
  assert.deepEqual(arrayOf([[1, 2], ['NaN', 4]]), { shape: [2, 2], values: [1, 2, NaN, 4] })
  assert.deepEqual(arrayOf({ shape: [2], values: ['-Infinity', 1] }), { shape: [2], values: [-Infinity, 1] })
  for (const ragged of [[1, [2]], [[1], 2], [[1], [2, 3]], { shape: [2], values: [1] }]) assert.throws(() => arrayOf(ragged), EngineError)
  assert.equal(number('Infinity'), Infinity)
})

test('its memory may grow', async () => {
  const fresh = await loadEngine(wasm)
  const count = 1 << 19
  const { nodes } = fresh.trace({ expression: 'sum(x * x)', inputs: { x: { shape: [count], values: Array(count).fill(2) } }, check: false })
  assert.equal(nodes.at(-1).value.values[0], 4 * count)
  assert.equal(fresh.traceText(batchnorm), engine.traceText(batchnorm))
})

test('how long a step takes, beside the 16 ms of a frame', (t) => {
  const median = (parts) => {
    const times = Array.from({ length: 20 }, () => {
      const begun = performance.now()
      engine.trace({ ...batchnorm, ...parts })
      return performance.now() - begun
    }).sort((a, b) => a - b)
    return times[10].toFixed(1)
  }
  const numbers = median({ program: false, check: false, derivation: false })
  t.diagnostic(`batch normalization traced: ${numbers} ms for the numbers, ${median({ derivation: false })} with check and program, ${median({})} with the derivation`)
})
