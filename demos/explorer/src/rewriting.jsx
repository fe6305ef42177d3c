/* rewriting.jsx: from the staged gradient to the closed form, a named rule a step, each with its proof and how far the numbers moved. */
import { Formula } from './formula.jsx'
import { text } from './numbers.js'

export function Rewriting({ lesson, at, set }) {
  const steps = lesson.trace.rewriting?.steps
  if (!steps?.length) return null
  const index = Math.min(at, steps.length - 1)
  const step = steps[index]
  return (
    <section class="rewriting">
      <h3>Rewritten: step {index + 1} of {steps.length}</h3>
      <label class="wide"><span class="unseen">step of the rewriting</span><input type="range" min="0" max={steps.length - 1} value={index} aria-valuetext={step.rule} onInput={(event) => set(Number(event.currentTarget.value))} /></label>
      <p><b>{step.rule}</b>{step.proof && <>: {step.proof}</>}</p>
      {step.before && <p class="term" tabIndex={0}><Formula text={step.before} /> <b>→</b> <Formula text={step.after} /></p>}
      <p class="term" tabIndex={0}><Formula tex={step.tex} text={step.whole} display /></p>
      <p class="badge right">The numbers moved by {text(step.difference, 2)}.</p>
    </section>
  )
}
