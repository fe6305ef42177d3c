/* closed.jsx: the closed form beside the staged graph: its terms, one for each way, and the way lights up in the graph; choose a node, and its terms do. */
import { useMemo, useState } from 'preact/hooks'
import { Formula } from './formula.jsx'
import { sumOf, titleOf, written } from './ledger.jsx'
import { largest, text } from './numbers.js'
import { number } from '../engine.js'
import { Rewriting } from './rewriting.jsx'
import { routeOf } from './routes.js'

const known = { // a closed form from the books, where the expression is the preset's
  batchnorm: 'gamma * (sigma2 + 1e-5)**(-1/2) / 4 * (4*dy - sum(dy, 0) - hath * sum(dy * hath, 0))',
  layernorm: '(sigma2 + 1e-5)**(-1/2) * (gamma*dy - mean(gamma*dy, 1, 1) - hath * mean(gamma*dy * hath, 1, 1))',
}

export function Closed({ engine, lesson, question, checked, hovered, route, preset, rewriting, setRewriting }) {
  const { paths } = lesson.trace
  const routes = useMemo(() => paths?.parts.map((part, k) => routeOf(lesson, k)), [lesson])
  if (!paths) return <article class="card"><h2>Staged and closed</h2><p>This example has no nodes chosen to tell paths apart; batch normalization has.</p><Rewriting lesson={lesson} at={rewriting} set={setRewriting} /></article>
  const node = lesson.byId.get(paths.x)
  const sum = sumOf(node.shape, paths.parts)
  const off = sum && node.adjoint?.values ? largest(sum.values.map((x, i) => x - number(node.adjoint.values[i]))) : null
  return (
    <article class="card closed">
      <h2>The closed form of {node.adjoint_label}, a term for each way</h2>
      <p>Point at a term, or move to it with Tab: its way through the graph lights up. Point at a node: the terms it takes part in do.</p>
      <ol class="terms">
        {paths.parts.map((part, k) => (
          <li key={part.label} tabIndex={0} class={hovered !== null && routes[k].get(hovered) === 'on-path' ? 'term lit' : 'term'} aria-label={`${part.label}, ${titleOf(lesson, k)}: ${part.closed ?? part.text}`}
            onMouseEnter={() => route(k)} onMouseLeave={() => route(null)} onFocus={() => route(k)} onBlur={() => route(null)}>
            <b>{k ? '+' : `${node.adjoint_label} =`}</b> <Formula text={written(part.closed ?? part.text)} /> <small>{titleOf(lesson, k)}</small>
          </li>
        ))}
      </ol>
      {off !== null && <p class={off <= 1e-9 * (largest(sum.values) || 1) ? 'badge right' : 'badge wrong'}>{off === 0 ? 'The terms add up to the staged gradient to the last bit.' : `The terms add up to the staged gradient: largest difference ${text(off, 2)}.`}</p>}
      <Rewriting lesson={lesson} at={rewriting} set={setRewriting} />
      {question && <Shorter engine={engine} question={question} lesson={lesson} node={node} start={known[preset] ?? paths.parts.map((part) => plain(part.closed ?? part.text, lesson)).join(' + ')} />}
      <Cost program={checked?.program} />
    </article>
  )
}

/* As the engine reads it back: broadcasts are NumPy's, the cotangent is dy. */
function plain(closed, lesson) {
  const seed = lesson.byId.get(lesson.trace.output).adjoint_label
  return `(${closed.replace(/\bbroadcast\(/g, '(').replace(new RegExp(`\\b${seed}\\b`, 'g'), 'dy')})`
}

/* Someone's own closed form, judged at every change. */
function Shorter({ engine, question, lesson, node, start }) {
  const [claim, setClaim] = useState(start)
  const found = useMemo(() => {
    try {
      return engine.judge({ ...question, wrt: node.label, claimed: claim })
    } catch (error) {
      return { error }
    }
  }, [claim, question])
  const right = found.diagnosis?.verdict === 'right'
  return (
    <section>
      <h3>Write it shorter: the engine proves or refutes</h3>
      <label class="wide"><span class="unseen">a closed form of {node.adjoint_label}</span><textarea rows="2" spellcheck={false} value={claim} onInput={(event) => setClaim(event.currentTarget.value)} /></label>
      {!found.error && <p class="term" tabIndex={0}><Formula text={`${node.adjoint_label} = ${claim}`} /></p>}
      {found.error ? <pre class="refused" role="status">{found.error.message}</pre>
        : <p class={right ? 'badge right' : 'badge wrong'} role="status">{right ? '✓' : '✗'} {found.diagnosis.message}{right ? `; largest difference ${text(found.diagnosis.max_abs, 2)}` : ''}. {found.proof && `Exact, at random points of a prime field: ${found.proof.verdict}.`}</p>}
      <small>Names: the arrays, what the expression assigns, and dy for {lesson.byId.get(lesson.trace.output).adjoint_label}.</small>
    </section>
  )
}

function Cost({ program }) {
  if (!program) return null
  return (
    <section>
      <h3>What the engine makes of value and gradients</h3>
      <table class="plain"><tbody>
        <tr><th scope="row">loops over arrays</th><td>{program.loops}</td></tr>
        <tr><th scope="row">passes over the largest array</th><td>{program.passes}</td></tr>
        <tr><th scope="row">bytes read, written</th><td>{program.bytes_read}, {program.bytes_written}</td></tr>
      </tbody></table>
      <details><summary>the program</summary><pre class="listing" tabIndex={0}>{program.listing}</pre></details>
    </section>
  )
}
