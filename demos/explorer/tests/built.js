/* built.js: what demos/explorer/tests/run has built for the tests: the engine as a module, the same compiled for this machine, and the weft command. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { arrayOf, loadEngine } from '../engine.js'

const at = (path) => fileURLToPath(new URL(`../../../build-explorer/${path}`, import.meta.url))

export const page = at('page/index.html')
export const screenshots = at('screenshots')
export const wasm = readFileSync(at('engine/demos/explorer/engine.wasm'))
export const engine = await loadEngine(wasm)

/* What a program writes, which has to end well and in time. */
function output(program, words, input = '') {
  const { status, signal, stdout, stderr, error } = spawnSync(at(`native/${program}`), words, { input, encoding: 'utf8', maxBuffer: 1 << 28, timeout: 60000 })
  if (error || status !== 0) throw new Error(`${program} ${words.join(' ')}: ${error ?? `${status ?? signal}: ${stderr}`}`)
  return stdout
}

export const weft = (...words) => output('demos/weft', words)

/* A question for Engine.trace() as the calls of native.c. */
export function traceCalls({ expression, inputs = {}, cotangent, wrt = [], through = [], elements, check = true, program = true }) {
  const array = (given) => {
    const { shape, values } = arrayOf(given)
    return [given?.dtype ?? 'f64', shape, values.map((x) => (Number.isFinite(x) ? x : String(x)))]
  }
  return [
    ['begin'],
    ...Object.entries(inputs).map(([name, given]) => ['input', name, ...array(given)]),
    ...(cotangent === undefined ? [] : [['cotangent', '', ...array(cotangent)]]),
    ...(wrt.length ? [['option', 'wrt', wrt.join(',')]] : []),
    ...(through.length ? [['option', 'through', through.join(',')]] : []),
    ...(elements === undefined ? [] : [['option', 'elements', String(elements)]]),
    ...(check ? [] : [['option', 'check', 'no']]),
    ...(program ? [] : [['option', 'program', 'no']]),
    ['trace', expression],
  ]
}

/* The documents of such calls by the engine of this machine, a text each. */
export const native = (calls) => output('demos/explorer/engine', [], JSON.stringify(calls)).split('\n').slice(0, -1)

export const onOneLine = (text) => text.replaceAll('\n', ' ')
