/* ledger.jsx: a gradient as the sum of its paths, each with a switch. What is left is checked against differences, as if it were the whole. */
import { useMemo } from 'preact/hooks'
import { number } from '../engine.js'
import { Formula } from './formula.jsx'
import { Grid } from './grid.jsx'
import { largest, text } from './numbers.js'
import { Sweep } from './sweep.jsx'

export function Ledger({ engine, lesson, question, checked, off, flip, route }) {
  const { paths } = lesson.trace
  const node = paths && lesson.byId.get(paths.x)
  const sum = useMemo(() => paths && sumOf(node.shape, paths.parts.filter((part, k) => !off.includes(k))), [lesson, off])
  const found = useMemo(() => (paths && sum && question ? claim(engine, question, node.label, sum) : null), [sum, question])
  if (!paths) return <NoPaths />
  const numeric = checked?.check?.x.find((one) => one.node === paths.x)?.numeric
  const difference = numeric?.values && sum && { shape: node.shape, values: sum.values.map((x, i) => x - number(numeric.values[i])) }
  const verdict = found?.verdict ?? (difference ? (largest(difference.values) <= 1e-6 * (largest(numeric.values) || 1) ? 'right' : 'wrong') : null)
  return (
    <article class="card ledger">
      <h2>{node.label} moves the loss by {paths.parts.length} ways, and {node.adjoint_label} is their sum</h2>
      <div class="parts">
        {paths.parts.map((part, k) => (
          <section key={part.label} class={off.includes(k) ? 'part off' : 'part'} onMouseEnter={() => route(k)} onMouseLeave={() => route(null)} onFocusCapture={() => route(k)} onBlurCapture={() => route(null)}>
            <label class="switch"><input type="checkbox" role="switch" checked={!off.includes(k)} onChange={() => flip(k)} /> {titleOf(lesson, k)}</label>
            <Grid label={part.label} array={part.value} shape={node.shape} />
            <Zero part={part} shape={node.shape} />
          </section>
        ))}
      </div>
      <div class="arrays">
        {sum && <Grid label={off.length ? `what is left of ${node.adjoint_label}` : node.adjoint_label} array={sum} shape={node.shape} note="the sum of what is on" />}
        {difference && <Grid label="minus the differences" array={difference} shape={node.shape} />}
      </div>
      {verdict && <p class={`badge ${verdict.split(' ')[0]}`} role="status">{verdict === 'right' ? '✓' : '✗'} gradient check: {verdict}. Largest difference {text(found?.error ?? largest(difference.values), 3)}. {verdict === 'wrong' && missing(lesson, off)}</p>}
      {found && <Sweep sweep={found.sweep} label={node.adjoint_label} wrong={verdict !== 'right'} />}
      {paths.parts.map((part, k) => <p key={part.label} class={off.includes(k) ? 'term gone' : 'term'} tabIndex={0}><Formula text={`${node.adjoint_label} = ${written(part.text)}`} /> <small>{titleOf(lesson, k)}</small></p>)}
    </article>
  )
}

export function titleOf(lesson, k) {
  const { through } = lesson.trace.paths
  return k === 0 ? 'directly' : `through ${lesson.byId.get(through[k - 1]).label}`
}

/* As on paper, where a broadcast is not said. */
export const written = (text) => text.replace(/\bbroadcast\(/g, '(')

function NoPaths() {
  return <article class="card"><h2>Paths</h2><p>This example has no nodes chosen to tell paths apart. Take batch normalization, or name nodes under “ways through” below the expression.</p></article>
}

const missing = (lesson, off) => (off.length ? `What is missing: ${off.map((k) => titleOf(lesson, k)).join(' and ')}.` : '')

export function sumOf(shape, parts) {
  if (parts.some(({ value }) => !value.values)) return null
  const count = shape.reduce((product, length) => product * length, 1)
  return { shape, values: Array.from({ length: count }, (_, i) => parts.reduce((total, { value }) => total + number(value.values[i]), 0)) }
}

function claim(engine, question, wrt, values) {
  const name = 'ledger_claim'
  try {
    return engine.check({ ...question, inputs: { ...question.inputs, [name]: values }, wrt, claimed: name })
  } catch {
    return null // x is no input, or too large to check
  }
}

/* Columns that cancel: why a program may leave an edge out and still be right. */
function Zero({ part, shape }) {
  if (!part.value.values || shape.length !== 2) return null
  const columns = Array.from({ length: shape[1] }, (_, j) => part.value.values.reduce((total, x, i) => total + (i % shape[1] === j ? number(x) : 0), 0))
  const most = largest(part.value.values)
  return most && columns.every((x) => Math.abs(x) <= 1e-12 * most) ? <small>Each column adds up to 0: nothing of it reaches the mean.</small> : null
}
