/* rewriting.jsx: the derivation as on paper: from the chain rule's last line to the closed form, a named rule a step of the slider, each with why it holds,
 * how far the numbers moved, and whether the engine proved it; and before that the chain rule itself, with Kronecker deltas. */
import { Formula } from './formula.jsx'
import { text } from './numbers.js'

export function Rewriting({ derivation, node, at, set }) {
  if (!derivation) return null
  if (!derivation.lines) return <p><small>Not written as on paper: {derivation.message}.</small></p>
  const steps = derivation.lines.filter((line) => line.node === node.id && (line.kind === 'start' || line.kind === 'step'))
  if (!steps.length) return null
  const index = Math.min(at, steps.length - 1)
  const step = steps[index]
  return (
    <section class="rewriting">
      <h3>From the chain rule to the closed form: line {index + 1} of {steps.length}</h3>
      <label class="wide"><span class="unseen">line of the derivation</span>
        <input type="range" min="0" max={steps.length - 1} value={index} aria-valuetext={step.rule ?? 'the chain rule'} onInput={(event) => set(Number(event.currentTarget.value))} /></label>
      <div role="status">
        {step.kind === 'start' ? <p><b>the chain rule</b>, as every node has recorded it. Here dx is short for ∂L/∂x.</p>
          : <p><b>{step.rule}</b>{step.about_tex && <> <Formula tex={step.about_tex} /></>}: <Proof line={step} /></p>}
        <p class="term" tabIndex={0}><Formula tex={`${steps[0].left_tex} = ${step.right_tex}`} text={`${steps[0].left} = ${step.right}`} display /></p>
        <p class={step.proved === 'refuted' ? 'badge wrong' : 'badge right'}>{step.proved === 'refuted' ? '✗' : '✓'} {moved(step)}; {step.proved} for all numbers.</p>
      </div>
      {derivation.symbols.length > 0 && <p><small>where {derivation.symbols.map(({ text: name, value }) => `${name} = ${text(value)}`).join(', ')}</small></p>}
      <details>
        <summary>the chain rule for each array, with Kronecker deltas</summary>
        <div class="scroll" tabIndex={0}>
          {derivation.lines.filter(({ kind }) => kind !== 'start' && kind !== 'step').map((line, i) => <p key={i} class={`paper ${line.kind}`}>
            <Formula tex={`${line.left_tex} = ${line.right_tex}`} text={`${line.left} = ${line.right}`} /></p>)}
        </div>
      </details>
    </section>
  )
}

/* A proof may have formulas between dollars. */
function Proof({ line }) {
  return line.proof_tex ? line.proof_tex.split('$').map((part, i) => (i % 2 ? <Formula key={i} tex={part} /> : part)) : line.proof
}

function moved(step) {
  if (step.kind === 'start') return Number(step.from_staged) === 0 ? 'the same numbers as the gradient that the engine recorded' : `within ${text(step.from_staged, 2)} of the gradient that the engine recorded`
  return Number(step.moved) === 0 ? 'the numbers did not move' : `the numbers moved by ${text(step.moved, 2)} of their size`
}
