/* check.jsx: the gradient check, always on: the gradients of the walk against central differences, entry by entry, and over a sweep of steps. */
import { useState } from 'preact/hooks'
import { number } from '../engine.js'
import { Grid } from './grid.jsx'
import { text } from './numbers.js'
import { Sweep } from './sweep.jsx'

const marks = { right: '✓', wrong: '✗', 'zero by construction': '⚠' }

const summaryOf = (lesson, checked) => (checked?.check?.x ?? []).map((one) => ({ ...one, label: lesson.byId.get(one.node)?.adjoint_label ?? '' }))

export function Badge({ checked, lesson }) {
  if (!checked) return <p class="badge waiting">gradient check …</p>
  const all = summaryOf(lesson, checked)
  if (!all.length) return <p class="badge waiting">no gradient check: {checked.check?.message ?? 'none of the inputs can be moved'}</p>
  const worst = all.find(({ verdict }) => verdict === 'wrong') ?? all.find(({ verdict }) => verdict !== 'right') ?? all[0]
  const most = Math.max(...all.map(({ error }) => number(error)))
  const kind = worst.verdict.split(' ')[0]
  if (kind === 'zero') return <p class="badge zero">⚠ {worst.label} is zero by construction: with this loss no change of {worst.label.slice(1)} moves it, so the check proves nothing. Behind a normalization never use sum(y); give {lesson.byId.get(lesson.trace.output).adjoint_label} uneven numbers.</p>
  return <p class={`badge ${kind}`}>{marks[worst.verdict] ?? ''} gradient check: {worst.verdict}. {all.length === 1 ? `${all[0].label} differs` : `All ${all.length} gradients differ`} from central differences by at most {text(most, 2)}.</p>
}

export function CheckView({ checked, lesson, ones }) {
  const [which, choose] = useState(0)
  const all = summaryOf(lesson, checked)
  if (!all.length) return <article class="card"><p>{checked?.check?.message ?? (checked ? 'There is nothing to check.' : 'Checking …')}</p></article>
  const one = all[Math.min(which, all.length - 1)]
  const node = lesson.byId.get(one.node)
  const off = node.adjoint?.values && one.numeric.values && { shape: node.shape, values: one.numeric.values.map((x, i) => number(node.adjoint.values[i]) - number(x)) }
  return (
    <article class="card">
      <h2>The gradient check</h2>
      <p>Move one element of an input a little up and a little down, by h, and see how far the loss moves: (loss(x + h) − loss(x − h)) / 2h. That knows nothing of the chain rule, and must give the same.</p>
      <p class="choice" role="group" aria-label="which gradient">{all.map(({ label, verdict }, i) => <button key={label} type="button" aria-pressed={i === which ? 'true' : 'false'} onClick={() => choose(i)}>{marks[verdict]} {label}</button>)}</p>
      <p class={`badge ${one.verdict.split(' ')[0]}`}>{one.verdict === 'zero by construction' ? `${one.label} is zero by construction: the loss does not respond, and a check compares nothing but rounding.` : one.message}</p>
      <div class="arrays">
        {node.adjoint && <Grid label={one.label} array={node.adjoint} shape={node.shape} note="by the walk back" />}
        <Grid label="by differences" array={one.numeric} shape={node.shape} note="h = 1e−5" />
        {off && <Grid label="difference" array={off} shape={node.shape} />}
      </div>
      <Sweep sweep={one.sweep} label={one.label} wrong={one.verdict !== 'right'} />
      <p><small>On the right of the curve h is large and the loss is not straight; on the left it is small and rounding is all that is left.</small></p>
      {ones && <p><button type="button" onClick={ones}>Try the loss sum({lesson.byId.get(lesson.trace.output).label})</button> <small>as many tests do</small></p>}
    </article>
  )
}
