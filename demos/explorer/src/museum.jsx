/* museum.jsx: real bugs as cards: read a wrong gradient, see it fail, mend it; the engine judges, with numbers and with a proof. */
import { useMemo, useState } from 'preact/hooks'
import { bugs, questionOfBug } from './bugs.js'
import { Formula } from './formula.jsx'
import { Entry, Grid } from './grid.jsx'
import { largest, text } from './numbers.js'

export function Museum({ engine, presets, state, set }) {
  const [solved, setSolved] = useState(() => new Set())
  const bug = bugs.find(({ name }) => name === state.bug)
  const solve = (name) => { if (!solved.has(name)) setSolved(new Set([...solved, name])) }
  return (
    <section class="museum" id="view" role="tabpanel" aria-labelledby="tab-bugs" tabIndex={-1}>
      <p>Each card is a gradient that somebody got wrong. Read it, find what is missing, and mend it: the engine says at once what it finds. {solved.size} of {bugs.length} mended.</p>
      {bug ? <Exhibit key={bug.name} {...{ engine, presets, bug, state, set, solve }} solved={solved.has(bug.name)} /> : null}
      <ul class="cards">
        {bugs.map(({ name, title, thread }) => (
          <li key={name}><button type="button" aria-pressed={state.bug === name ? 'true' : 'false'} onClick={() => set({ bug: name, claim: null })}>
            <b>{solved.has(name) ? '✓ ' : ''}{title}</b><span>{thread}</span></button></li>
        ))}
      </ul>
    </section>
  )
}

function Exhibit({ engine, presets, bug, state, set, solve, solved }) {
  const [changed, change] = useState({})
  const [hint, showHint] = useState(false)
  const claim = state.claim ?? bug.wrong
  const question = useMemo(() => questionOfBug(bug, presets, changed), [bug, changed])
  const found = useMemo(() => judged(engine, question, bug.wrt, claim), [question, claim])
  const { diagnosis, proof, error } = found
  const degenerate = found.most !== undefined && found.most <= 1e-9 && bug.edit
  const right = diagnosis?.verdict === 'right' && proof?.verdict !== 'refuted' && !degenerate && (bug.fine || claim !== bug.wrong)
  if (right) solve(bug.name)
  const passes = diagnosis && (diagnosis.verdict !== 'wrong' || found.passes)
  return (
    <article class="card exhibit">
      <h2>{bug.title} <small>{bug.thread}</small></h2>
      <p>{bug.story}</p>
      <p class="op">The graph: <code>{question.expression}</code></p>
      <label class="wide">d{bug.wrt} as somebody wrote it
        <textarea rows="3" spellcheck={false} value={claim} aria-invalid={error ? 'true' : undefined} onInput={(event) => set({ claim: event.currentTarget.value })} /></label>
      <p class="term" tabIndex={0}><Formula text={`d${bug.wrt} = ${claim}`} display /></p>
      {error ? <pre class="refused" role="alert">{error.message}</pre> : (
        <div role="status">
          {degenerate && <p class="badge zero">⚠ The true d{bug.wrt} is zero by construction with this dy: the check compares zero with zero.</p>}
          <p class={`badge ${passes ? (degenerate ? 'zero' : 'right') : 'wrong'}`}>{passes ? '✓' : '✗'} With these numbers: {diagnosis.message}.{Number.isFinite(Number(diagnosis.max_abs)) && ` Largest difference ${text(diagnosis.max_abs, 3)}.`}</p>
          {proof && <p class={`badge ${proof.verdict === 'refuted' ? 'wrong' : 'right'}`}>{proof.verdict === 'refuted' ? '✗' : '✓'} For all numbers: {proof.verdict === 'refuted' && passes ? 'refuted. The numbers hide the mistake.' : proof.verdict}</p>}
          {right && <p class="solved">{bug.fine ? '✓ Right as it is.' : '✓ Mended.'}</p>}
        </div>
      )}
      <div class="arrays">
        {found.expected && <Grid label={`true d${bug.wrt}`} array={found.expected} shape={found.expected.shape} />}
        {(bug.edit ?? []).map((name) => (
          <Entry key={name} label={name} array={name === 'dy' ? question.cotangent : question.inputs[name]} onChange={(values) => change({ ...changed, [name]: { ...(name === 'dy' ? question.cotangent : question.inputs[name]), values } })} />
        ))}
      </div>
      <p>
        <button type="button" onClick={() => showHint(true)}>hint</button> <button type="button" onClick={() => { set({ claim: null }); change({}) }}>begin again</button>{' '}
        <button type="button" onClick={() => set({ bug: null, claim: null })}>close</button>
      </p>
      {hint && <p class="element">{bug.hint}</p>}
      {solved && !right && <p><small>Mended before.</small></p>}
    </article>
  )
}

function judged(engine, question, wrt, claimed) {
  try {
    const { diagnosis, proof } = engine.judge({ ...question, wrt, claimed })
    const trace = engine.trace({ ...question, wrt: [wrt], through: [], check: false, program: false })
    const expected = trace.nodes.find(({ label }) => label === wrt).adjoint
    return { diagnosis, proof, expected, most: largest(expected.values), passes: Number(diagnosis.max_abs) <= 1e-9 * Math.max(1, largest(expected.values)) }
  } catch (error) {
    return { error }
  }
}
