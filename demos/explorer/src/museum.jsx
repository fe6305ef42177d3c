/* museum.jsx: the museum of real bugs: a list of exhibits, and for one of them its graph, the gradient that was claimed, and two tasks: find what is wrong,
 * then mend it. What counts as right is what the engine proves. The words of its diagnosis are held back until the first task is done. */
import { useEffect, useMemo, useState } from 'preact/hooks'
import { Formula } from './formula.jsx'
import { Graph } from './graph.jsx'
import { Grid } from './grid.jsx'
import { layoutOf } from './layout.js'
import { lessonOf } from './lesson.js'
import { allowed, exhibitOf, exhibits, judged, questionOf, suspectsOf, truthOf } from './museum.js'
import { largest, shapeText, text } from './numbers.js'
import { texName } from './tex.js'
import './museum.css'

export function Museum({ engine, presets, state, set, shows }) {
  const { exhibit, numbers } = exhibitOf(state.bug)
  useEffect(() => { window.scrollTo(0, 0) }, [exhibit])
  return (
    <div class="museum" id="view" role="tabpanel" aria-label="museum of bugs" tabIndex={-1}>
      {exhibit ? <Exhibit key={exhibit.id} {...{ engine, presets, state, set, shows, exhibit, numbers }} /> : <Gallery state={state} set={set} />}
    </div>
  )
}

const open = (set, exhibit) => set({ bug: exhibit?.id ?? null, claim: null })

function Gallery({ state, set }) {
  const solved = exhibits.filter(({ id }) => state.solved.includes(id)).length
  return (
    <section aria-labelledby="museum">
      <h2 id="museum">Museum of real bugs</h2>
      <p>
        Each of these gradients was wrong in a project that people use, or was thought to be, or the check that should have found it was blind. Find the mistake, then mend the formula;
        the engine judges, and proves what is right for all numbers.
      </p>
      <p class="score">{solved} of {exhibits.length} solved{state.score.asked > 0 && <>; {state.score.right} of {state.score.asked} first answers right</>}.</p>
      <ol class="gallery">
        {exhibits.map((exhibit) => {
          const done = state.solved.includes(exhibit.id)
          return (
            <li key={exhibit.id}>
              <button type="button" class={done ? 'exhibit done' : 'exhibit'} onClick={() => open(set, exhibit)}>
                <b>{exhibit.title}</b> <small>{exhibit.source}</small> <span>{exhibit.story[0]}</span>
                <span class="mark">{done ? '✓ solved' : state.found.includes(exhibit.id) ? 'found, not mended' : ''}</span>
              </button>
            </li>
          )
        })}
      </ol>
    </section>
  )
}

function Exhibit({ engine, presets, state, set, shows, exhibit, numbers }) {
  const [node, setNode] = useState(null)
  const question = useMemo(() => questionOf(exhibit, presets, numbers), [exhibit, presets, numbers])
  const known = useMemo(() => truthOf(engine, question), [engine, question])
  const lesson = useMemo(() => whole(lessonOf(known.trace)), [known])
  const layout = useMemo(() => layoutOf(lesson), [exhibit])
  const claim = state.claim ?? exhibit.claim
  const result = useMemo(() => judged(engine, question, known, claim), [engine, question, known, claim])
  const found = state.found.includes(exhibit.id) || !shows('predict')
  const solved = state.solved.includes(exhibit.id)
  const mended = result.solved && (!exhibit.innocent || found)
  useEffect(() => {
    if (mended && !solved) set((old) => ({ solved: [...old.solved, exhibit.id], found: withFound(old.found, exhibit.id) }))
  }, [mended, solved])
  const on = useMemo(() => ({ node: setNode, pick: ({ id }) => setNode(id) }), [])
  const accused = found ? (result.diagnosis?.findings[0]?.node ?? null) : null
  const selected = [node, accused].find((id) => lesson.byId.has(id) && !lesson.fixed.has(id)) ?? known.node.id
  const at = exhibits.indexOf(exhibit)
  return (
    <section aria-labelledby="exhibit">
      <nav class="rooms" aria-label="exhibits">
        <button type="button" onClick={() => open(set, null)}>All bugs</button>
        <button type="button" onClick={() => open(set, exhibits[at - 1])} disabled={at === 0}>◀ Previous bug</button>
        <button type="button" onClick={() => open(set, exhibits[at + 1])} disabled={at === exhibits.length - 1}>Next bug ▶</button>
        <span>{at + 1} of {exhibits.length}{state.score.asked > 0 && `, first answers right: ${state.score.right} of ${state.score.asked}`}</span>
      </nav>
      <div class="panes">
        <div class="side">
          <h2 id="exhibit">{exhibit.title} {solved && <span class="mark">✓ solved</span>}</h2>
          <p class="source">{exhibit.source}</p>
          <p class="story">{exhibit.story[0]}{found && ` ${exhibit.story[1]}`}</p>
          <Claim {...{ exhibit, claim, result, set, known }} edited={state.claim !== null && state.claim !== exhibit.claim} />
          <Numbers {...{ exhibit, numbers, set }} />
          <Check {...{ result, known }} />
          {!result.error && <Arrays {...{ result, known }} />}
          {shows('predict') && <Find {...{ exhibit, state, set, found }} />}
          <Verdict {...{ exhibit, result, found, lesson, mended }} />
          <details class="hint"><summary>Hint</summary><p>{exhibit.hint}</p></details>
          <p><button type="button" onClick={() => set(walkOf(exhibit, presets, question))}>Walk through this graph step by step</button></p>
        </div>
        <Graph {...{ lesson, layout, on, selected }} step={lesson.last} light={null} name="exhibit-graph" />
      </div>
    </section>
  )
}

/* One step behind the last, at which all is known and nothing acts. */
const whole = (lesson) => ({ ...lesson, steps: [...lesson.steps, { kind: 'done' }], last: lesson.last + 1 })

const withFound = (found, id) => [...found.filter((one) => one !== id && one !== `-${id}`), id]

/* The same graph as a lesson. */
function walkOf(exhibit, presets, question) {
  const { name } = presets.find((one) => one.name === exhibit.preset) ?? presets[0]
  return { preset: name, expression: question.expression, inputs: question.inputs, cotangent: question.cotangent, wrt: [question.wrt], through: [], dropped: null, view: 'steps', step: 0, at: [], pick: null, node: null }
}

function Claim({ exhibit, claim, edited, result, set, known }) {
  const refused = result.error?.message
  return (
    <div class="claim">
      <label for="claim">The claimed gradient <Formula tex={texName(known.node.adjoint_label)} />, to edit. It may use every array of the graph, and dy.</label>
      <textarea id="claim" rows={claim.split('\n').length + 1} spellcheck={false} autocapitalize="off" value={claim} aria-invalid={refused ? 'true' : undefined} aria-describedby={refused ? 'claim-refused' : undefined}
        onInput={(event) => set({ claim: event.currentTarget.value })} />
      {edited && <button type="button" onClick={() => set({ claim: null })}>As it was</button>}
      {refused && <div class="refused" role="alert" id="claim-refused"><b>{result.error.status}</b><pre>{refused}</pre></div>}
    </div>
  )
}

function Numbers({ exhibit, numbers, set }) {
  if (!exhibit.numbers) return null
  const { id, words } = exhibit.numbers
  return (
    <label class="numbers-switch"><input type="checkbox" checked={numbers === id} onChange={(event) => set({ bug: event.currentTarget.checked ? `${exhibit.id}.${id}` : exhibit.id })} /> Check with {words}</label>
  )
}

/* What an ordinary check of numbers says. */
function Check({ result, known }) {
  if (result.error) return <p class="badge waiting">gradient check: nothing to check yet</p>
  const name = known.node.adjoint_label
  const said = {
    passes: ['right', `✓ gradient check passes: ${name} as claimed is within ${text(result.most, 2)} of central differences, and ${text(allowed, 2)} of the largest entry is allowed.`],
    fails: ['wrong', `✗ gradient check fails: ${name} as claimed is up to ${text(result.most)} away from central differences.`],
    empty: ['zero', `⚠ gradient check passes and is empty: ${name} is 0 by construction, to within ${text(result.most, 2)}, so that 0 is compared with 0.`],
    shape: ['wrong', `✗ wrong shape: ${name} as claimed is ${shapeText(result.value.shape)}, and ${known.node.label} is ${shapeText(known.node.shape)}.`],
  }[result.check]
  return <p class={`badge ${said[0]}`} aria-live="polite" data-check={result.check}>{said[1]}</p>
}

function Arrays({ result, known }) {
  const name = known.node.adjoint_label
  const tiny = 1e-12 * largest(known.truth.values)
  const truth = { ...known.truth, values: known.truth.values.map((x) => (Math.abs(x) <= tiny || result.check === 'empty' ? 0 : x)) }
  return (
    <div class="arrays">
      <Grid label={`${name} claimed`} array={result.check === 'empty' ? { ...result.value, values: result.value.values.map(() => 0) } : result.value} shape={result.value.shape} />
      <Grid label={`${name} true`} array={truth} shape={known.node.shape} />
      {result.difference && <Grid label="difference" array={result.check === 'empty' ? { ...result.difference, values: truth.values } : result.difference} shape={known.node.shape} />}
    </div>
  )
}

/* The first task. The first answer counts. */
function Find({ exhibit, state, set, found }) {
  const [tried, setTried] = useState([])
  const suspects = useMemo(() => suspectsOf(exhibit), [exhibit])
  const answered = state.found.some((one) => one === exhibit.id || one === `-${exhibit.id}`)
  const answer = ({ words, right }) => {
    setTried([...tried, words])
    set((old) => ({
      found: right ? withFound(old.found, exhibit.id) : answered ? old.found : [...old.found, `-${exhibit.id}`],
      score: answered ? old.score : { right: old.score.right + (right ? 1 : 0), asked: old.score.asked + 1 },
    }))
  }
  return (
    <fieldset class="find">
      <legend>1. Find it: what is wrong here?</legend>
      {suspects.map((suspect) => {
        const open = found ? suspect.right : tried.includes(suspect.words)
        return (
          <div key={suspect.words} class={open ? (suspect.right ? 'suspect right' : 'suspect wrong') : 'suspect'}>
            <button type="button" disabled={found || tried.includes(suspect.words)} onClick={() => answer(suspect)}>{open && (suspect.right ? '✓ ' : '✗ ')}{suspect.words}</button>
            {open && <p role="status">{suspect.right ? '' : 'No. '}{suspect.because}</p>}
          </div>
        )
      })}
    </fieldset>
  )
}

/* The second task, and what the engine says of the claim as it stands. */
function Verdict({ exhibit, result, found, lesson, mended }) {
  const { diagnosis, proof } = result
  const named = (words) => words.replace(/%(\d+)/g, (whole, id) => lesson.byId.get(Number(id))?.label ?? whole)
  const says = proof?.verdict === 'proved' ? ['right', '✓ proved: it is the gradient, for all numbers.']
    : proof?.verdict === 'refuted' ? ['wrong', result.check === 'fails' ? '✗ refuted: at other numbers it is not the gradient either.' : '✗ refuted: it passes at these numbers, and at others it is wrong. A check is no better than its numbers.']
    : ['wrong', proof ? `not proved: ${proof.message}` : '✗ it has another shape than what it is the gradient of.']
  return (
    <section class="verdict" aria-label="judgement">
      <h3>{exhibit.innocent ? 'What the engine says' : '2. Mend it: edit the claim until it is proved'}</h3>
      {result.error ? <p>The claim cannot be read as it stands.</p> : (
        <div aria-live="polite">
          <p class={`badge ${says[0]}`} data-proof={proof?.verdict ?? 'none'}>{says[1]}</p>
          {found ? <p class="diagnosis">{named(diagnosis.message)}.</p> : !result.solved && <p class="diagnosis">The engine names the mistake once you have found it.</p>}
          {found && result.check !== 'fails' && diagnosis.findings.length > 0 && diagnosis.verdict === 'right' && <ul>{diagnosis.findings.map(({ words }) => <li key={words}>{named(words)}</li>)}</ul>}
          {mended && <p class="mark">✓ solved</p>}
        </div>
      )}
    </section>
  )
}
