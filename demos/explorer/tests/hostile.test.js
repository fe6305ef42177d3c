/* hostile.test.js: whatever strangers give to the page, there is an answer or a message, soon, and the next question is answered as ever. The same is
 * asked of the engine that is compiled for this machine under sanitizers. */
import assert from 'node:assert/strict'
import test from 'node:test'

import { EngineError } from '../engine.js'
import { engine, native, traceCalls } from './built.js'

const x = { x: [1, 2, 3] }
const label = { label: { dtype: 'i64', shape: [2], values: [0, 1] } }
const zeros = (...shape) => ({ shape, values: Array(shape.reduce((a, b) => a * b, 1)).fill(0) })

const refused = [
  { expression: '' },
  { expression: '\n;;\n' },
  { expression: '('.repeat(100000), inputs: x },
  { expression: `${'('.repeat(90)}x${')'.repeat(90)} +`, inputs: x },
  { expression: `${'-'.repeat(99)}x**`, inputs: x },
  { expression: '-'.repeat(1 << 20), inputs: x },
  { expression: 'x+'.repeat(300000) + 'x', inputs: x },
  { expression: 'sin('.repeat(20000) + 'x' + ')'.repeat(20000), inputs: x },
  { expression: 'x '.repeat(1 << 20), inputs: x },
  { expression: '\u{1f600} é \u202e x', inputs: x },
  { expression: '"'.repeat(1000), inputs: x },
  { expression: '%s%n%x', inputs: x },
  { expression: 'broadcast_to(x, (10**5, 10**5))', inputs: { x: 1 } },
  { expression: 'broadcast_to(x, (65536, 65536))', inputs: { x: 1 } },
  { expression: 'broadcast_to(x, (2**16, 2**16, 2**16, 2**16))', inputs: { x: 1 } },
  { expression: 'broadcast_to(x, (10**10, 10**10))', inputs: { x: 1 } },
  { expression: 'sum(broadcast_to(x, (4096, 4096)))', inputs: { x: 1 } },
  { expression: 'reshape(x, (0, 10**9, 10**9))', inputs: { x: [] } },
  { expression: 'reshape(x, (-1, -1))', inputs: x },
  { expression: 'x[2**31-1]', inputs: x },
  { expression: 'x[::0]', inputs: x },
  { expression: 'x[:,:,:,:,:,:,:,:,:]', inputs: x },
  { expression: `y = x${';y=concat((y,y))'.repeat(60)}`, inputs: x },
  { expression: `y = x${';y=y[:,None]*y[None];y=reshape(y,-1)'.repeat(6)}`, inputs: x },
  { expression: 'one_hot(label, 10**9)', inputs: label },
  { expression: 'one_hot(label, 2**31 - 1)', inputs: label },
  { expression: 'one_hot(label, 2**62)', inputs: label },
  { expression: 'scatter_add(x, label, 2**31-1)', inputs: { ...label, x: zeros(2, 2) } },
  { expression: 'sum(take(x, label, 0))', inputs: { x: [1], label: label.label } },
  { expression: 'pad(x, before=(2**31-2), after=(2**31-2))', inputs: x },
  { expression: 'pad(x, before=(2**30), after=(2**30))', inputs: x },
  { expression: 'stack((x,) * 3)', inputs: x },
  { expression: 'a @ b', inputs: { a: zeros(1024, 1024), b: zeros(1024, 1024) } },
  { expression: 'y = a @ a; y = y @ a; y = y @ a; sum(y)', inputs: { a: zeros(1000, 1000) } },
  { expression: 'x', inputs: { x: { dtype: 'i64', shape: [], values: [1] } } },
  { expression: 'x', inputs: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`x${i}`, 1])) },
  { expression: 'x', inputs: { x: zeros(1, 1, 1, 1, 1, 1, 1, 1, 1) } },
  { expression: 'x', inputs: { ['x'.repeat(64)]: 1 } },
  { expression: 'x', inputs: { 'x y': 1 } },
  { expression: 'x', inputs: { x: { shape: [0, 65536, 65536, 65536], values: [] } } },
  { expression: 'x', inputs: x, wrt: Array(40).fill('x').map((name, i) => name + i) },
  { expression: 'x', inputs: x, wrt: [''.padEnd(100000, 'x')] },
  { expression: 'x', inputs: x, through: ['\u0001'] },
  { expression: 'y = x * x', inputs: x, cotangent: zeros(3, 1) },
]

const shown = (text) => JSON.stringify(text.length > 50 ? `${text.slice(0, 40)}... of ${text.length}` : text)
const well = engine.traceText({ expression: 'sum(x / 3)', inputs: x })

for (const question of refused)
  test(`refused: ${shown(question.expression)} of ${shown(Object.keys(question.inputs ?? {}).join())}`, () => {
    const begun = performance.now()
    assert.throws(() => engine.trace(question), (error) => {
      assert.ok(error instanceof EngineError, String(error.stack))
      assert.notEqual(error.status, 'stopped', error.message)
      assert.ok(error.message.length > 3 && error.message.length < 600)
      return true
    })
    assert.ok(performance.now() - begun < 5000, 'in time')
    assert.equal(engine.traceText({ expression: 'sum(x / 3)', inputs: x }), well)
  })

test('this machine has an answer to all of it too', () => {
  const answers = native(refused.flatMap(traceCalls)).map((text) => JSON.parse(text))
  assert.equal(answers.length, refused.length)
  const accepted = refused.filter((_, i) => !answers[i].error).map(({ expression }) => expression)
  assert.deepEqual(accepted, ['reshape(x, (0, 10**9, 10**9))', 'x']) // shapes without elements that 32 bits do not count
})

/* Large, and still answered. */
const large = [
  { expression: Array(2000).fill('x').join('*'), inputs: { x: 1 } },
  { expression: `y = x${';y=y*y+x'.repeat(1500)}`, inputs: { x: 0.1 }, check: false },
  { expression: `${'('.repeat(98)}x${')'.repeat(98)}`, inputs: { x: 1 } },
  { expression: 'sum(x)', inputs: { x: zeros(1024, 1024) } },
  { expression: 'sum(a @ b)', inputs: { a: zeros(200, 200), b: zeros(200, 200) } },
  { expression: 'x * 1e308 * 1e308 - x * 1e308 * 1e308', inputs: { x: [1, NaN, -Infinity] } },
]
for (const question of large)
  test(`answered: ${shown(question.expression)}`, () => {
    const begun = performance.now()
    assert.equal(engine.trace(question).schema, 1)
    assert.ok(performance.now() - begun < 10000, 'in time')
  })

/* Numbers that are the same in every run. */
function draws(seed) {
  let state = seed
  return (below) => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 8) % below
}

test('texts that were damaged at random', () => {
  const draw = draws(1)
  const sources = [...engine.presets(), { expression: 'softmax(h[1:, ::-1] @ transpose(h[:2]), axis=-1)', inputs: { h: [[1, 2], [3, 4], [5, 6]] } }]
  const pieces = [...'()[]+-*/@.,;:=<>!x0129e\n"\'\u00e9', '**', '10**9', '2**31', '-1', 'axis=', 'None', '...', 'sum(', 'concat((', 'reshape(', ', (0, 7)', 'h', 'mu']
  const questions = Array.from({ length: 3000 }, () => {
    const source = sources[draw(sources.length)]
    let text = source.expression
    for (let n = 1 + draw(3); n > 0; n--) {
      const at = draw(text.length + 1)
      text = text.slice(0, at) + pieces[draw(pieces.length)] + text.slice(at + draw(2))
    }
    return { ...source, expression: text, cotangent: undefined, through: [], wrt: [], check: false, program: draw(2) === 0 }
  })
  let answered = 0
  for (const question of questions) {
    try {
      engine.traceText(question)
      answered++
    } catch (error) {
      assert.ok(error instanceof EngineError && error.status !== 'stopped', `${question.expression}: ${error.stack}`)
    }
  }
  assert.ok(answered > 50 && answered < questions.length / 2, `${answered} answered`)
  const there = native(questions.slice(0, 500).flatMap(traceCalls)).map((text) => JSON.parse(text))
  assert.equal(there.length, 500)
})

test('claims that were damaged at random', () => {
  const draw = draws(2)
  const batchnorm = engine.presets().find(({ name }) => name === 'batchnorm')
  const claim = 'gamma * (sigma2 + 1e-5)**(-1/2) / 4 * (4 * dy - sum(dy, 0) - hath * sum(dy * hath, 0))'
  for (let k = 0; k < 100; k++) {
    const at = draw(claim.length)
    const text = claim.slice(0, at) + ['', 'dy', '*', '0', 'h', '-', '2**31', '(', ')', '1e308'][draw(10)] + claim.slice(at + draw(3))
    try {
      assert.match(engine.judge({ ...batchnorm, wrt: ['h', 'gamma', 'mu', 'y'][draw(4)], claimed: text }).diagnosis.verdict, /right|wrong|empty/)
    } catch (error) {
      assert.ok(error instanceof EngineError && error.status !== 'stopped', `${text}: ${error.stack}`)
    }
  }
})
