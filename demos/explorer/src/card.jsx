/* card.jsx: the present step in full: formula, shapes, arrays, and the numbers of one element. */
import { backWords, forwardWords } from './words.js'
import { Fan, isFan } from './fan.jsx'
import { litOf, nearOf } from './feeds.js'
import { Formula } from './formula.jsx'
import { Grid } from './grid.jsx'
import { adjointAt, adjointBefore, definition, isKnown } from './lesson.js'
import { countOf, indexAt, plane, shapeText, text } from './numbers.js'
import { targets } from './feeds.js'

/* on: { pick }. at: the coordinates that "this element" has in every array. */
export function Card({ lesson, step, at, light, on }) {
  const now = lesson.steps[step]
  const shared = { lesson, step, at, light, on }
  if (now.kind === 'inputs') return <Start {...shared} />
  if (now.kind === 'forward') return <Forward {...shared} node={now.node} />
  if (now.kind === 'seed') return <Seed {...shared} node={now.node} />
  return <Back {...shared} node={now.node} edges={now.edges} />
}

/* A grid of a node's value or adjoint after the step. */
export function ArrayOf({ lesson, step, at, light, on, node, kind, array, note }) {
  const known = array !== undefined ? array : kind === 'value' ? (isKnown(lesson, node.id, step) ? node.value : null) : adjointAt(lesson, node.id, step)?.array ?? null
  return (
    <Grid label={kind === 'value' ? node.label : node.adjoint_label} array={known} shape={node.shape} note={note} lit={litOf(light, kind, node.id)} near={nearOf(light, kind, node.id)}
      focus={indexAt(node.shape, at)} onPick={(index) => on.pick({ kind, id: node.id, index })} />
  )
}

function Start({ lesson, ...shared }) {
  const inputs = lesson.shown.filter((node) => node.operands.length === 0)
  return (
    <article class="card">
      <h2>The inputs</h2>
      <p>All that the graph begins with. Everything below them is not computed yet, and blank. Next computes one array at a time.</p>
      <div class="arrays">{inputs.map((node) => <ArrayOf key={node.id} {...shared} lesson={lesson} node={node} kind="value" />)}</div>
    </article>
  )
}

function Heading({ lead, node }) {
  return <h2><span class="lead">{lead}</span> <Formula tex={node.tex} text={definition(node)} /></h2>
}

function Forward({ lesson, step, at, light, on, node }) {
  const shared = { lesson, step, at, light, on }
  const index = indexAt(node.shape, at)
  const words = countOf(node.shape) > 0 ? forwardWords(lesson, node, index) : null
  const operands = [...new Set(node.operands)].filter((id) => !lesson.fixed.has(id)).map((id) => lesson.byId.get(id))
  return (
    <article class="card">
      <Heading lead="Forward" node={node} />
      <p class="op"><b>{node.op}</b> {node.formula}{node.attributes && <span>, {node.attributes}</span>}. Shape {operands.map(({ shape }) => shapeText(shape)).join(' and ')} → {shapeText(node.shape)}</p>
      {words && <Element words={words} sign="=" />}
      {isFan(node) && <Fan lesson={lesson} node={node} index={isFan(node) ? fewIndex(node, index) : 0} />}
      {!isFan(node) && (
        <div class="arrays">
          {operands.map((operand) => <ArrayOf key={operand.id} {...shared} node={operand} kind="value" />)}
          <span class="makes" aria-hidden="true">→</span>
          <ArrayOf {...shared} node={node} kind="value" />
        </div>
      )}
    </article>
  )
}

/* The element of the few that element `index` of the node belongs to. */
const fewIndex = (node, index) => (node.op === 'broadcast' ? node.links[0].takes[index] : index)

/* One line: this element, in names and in numbers. */
function Element({ words, sign, before }) {
  const changed = words.numbers && words.numbers !== words.symbols
  return (
    <p class="element">
      <span class="name">{words.name}</span> <b>{sign}</b> <span class="symbols">{words.symbols}</span>
      {changed && words.numbers !== text(words.value) && <> = <span class="worked">{words.numbers}</span></>} = <b class="result">{text(words.value)}</b>
      {before !== undefined && <span class="sum">; before it {text(before)}, now {text(before + Number(words.value))}</span>}
    </p>
  )
}

function Seed({ lesson, node, ...shared }) {
  const one = countOf(node.shape) === 1
  return (
    <article class="card">
      <h2><span class="lead">Turn round</span> <Formula text={node.adjoint_label} /></h2>
      <p>
        {one ? `The loss is ${node.label} itself, so d(loss)/d${node.label} is ${text(lesson.trace.cotangent.values?.[0] ?? 1)}.`
          : `The loss is sum(${node.adjoint_label} * ${node.label}): ${node.adjoint_label} says how much each element of ${node.label} counts. It comes from whatever is behind ${node.label}, and here it is given.`}
        {' '}From here we go back: each op turns the gradient of its result into gradients of its operands. “{node.adjoint_label}” is short for d(loss)/d{node.label}, and has the shape of {node.label}.
      </p>
      <div class="arrays">
        <ArrayOf {...shared} lesson={lesson} node={node} kind="value" />
        <ArrayOf {...shared} lesson={lesson} node={node} kind="adjoint" />
      </div>
    </article>
  )
}

function Back({ lesson, step, at, light, on, node, edges }) {
  const shared = { lesson, step, at, light, on }
  return (
    <article class="card">
      <Heading lead="Back through" node={node} />
      {!isFan(node) && <div class="arrays"><ArrayOf {...shared} node={node} kind="adjoint" note="arrives" /></div>}
      {edges.filter(({ operand }) => !lesson.fixed.has(operand)).map((edge) => <Sent key={edge.slot} {...shared} node={node} edge={edge} />)}
    </article>
  )
}

/* What one edge sends, and what the operand has then. */
function Sent({ lesson, step, at, light, on, node, edge }) {
  const operand = lesson.byId.get(edge.operand)
  if (!edge.flow) return <section class="sent"><p><b>{operand.label}</b> receives nothing: {operand.silence ? silences[operand.silence] ?? operand.silence : 'the derivative is 0'}.</p></section>
  const index = indexAt(operand.shape, at)
  const words = countOf(operand.shape) > 0 ? backWords(lesson, node, edge, index) : null
  const before = adjointBefore(lesson, edge)
  const sign = edge.first ? '=' : '+='
  const after = adjointAt(lesson, operand.id, step)
  const shared = { lesson, step, at, light, on }
  return (
    <section class="sent">
      <h3><Formula tex={edge.tex && `${edge.tex}`} text={`${operand.adjoint_label} ${sign} ${edge.text}`} /> <span class="shape">{shapeText(node.shape)} → {shapeText(operand.shape)}</span></h3>
      {edge.local !== undefined && edge.local !== '1' && <p class="local">arrives times local derivative: ∂{node.label}/∂{operand.label} = <Formula text={edge.local} /></p>}
      {edge.local === '1' && <p class="local">∂{node.label}/∂{operand.label} = 1: it passes on what arrives.</p>}
      {words && <Element words={words} sign={sign} before={before?.values ? Number(before.values[index]) : undefined} />}
      {isFan(node) && <Fan lesson={lesson} node={node} back adjoint={adjointAt(lesson, node.id, step)?.array} sent={edge.flow} index={node.op === 'broadcast' ? index : targets(node, 0, index)[0]} />}
      <div class="arrays">
        {before?.values && <Grid label={`${operand.adjoint_label} before`} array={before} shape={operand.shape} />}
        {before?.values && <span class="makes" aria-hidden="true">+</span>}
        {(before || isFan(node)) && before && <Grid label="sent now" array={edge.flow} shape={operand.shape} />}
        {before?.values && <span class="makes" aria-hidden="true">=</span>}
        <ArrayOf {...shared} node={operand} kind="adjoint" note={after.parts < after.of ? `so far: ${after.parts} of ${after.of} have arrived` : after.of > 1 ? `all ${after.of} have arrived` : ''} />
      </div>
    </section>
  )
}

const silences = {
  constant: 'it is the same whatever the inputs are',
  integers: 'whole numbers have no derivative',
  stopped: 'its derivative is 0 by definition',
  unused: 'the result does not need it',
}

/* Rows that one picked element is fed by, in words. */
export function pickedWords(lesson, light) {
  const { kind, id, index } = light.pick
  const node = lesson.byId.get(id)
  const target = kind === 'adjoint' ? lesson.trace.output : null
  const label = kind === 'adjoint' ? node.adjoint_label : node.label
  const name = `${label}${node.shape.length ? `[${indexWords(node.shape, index)}]` : ''}`
  if (target === null) return `${name} is made of the elements that are framed.`
  const set = litOf(light, 'adjoint', target)
  const end = lesson.byId.get(target)
  if (!set || target === id) return `${name} is where the walk back begins.`
  const { columns } = plane(end.shape)
  const inColumns = new Set([...set].map((i) => i % columns))
  const all = set.size === countOf(end.shape) && set.size > 1
  const column = !all && columns > 1 && inColumns.size === 1 && set.size === countOf(end.shape) / columns && set.size > 1
  const amount = all ? `all ${set.size} elements` : column ? `the whole column ${[...inColumns][0]}, ${set.size} elements,` : set.size === 1 ? 'one element' : `${set.size} elements`
  return `${name} is fed by ${amount} of ${end.adjoint_label}; they are framed.`
}

function indexWords(shape, index) {
  const at = []
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    at.unshift(index % shape[axis])
    index = Math.floor(index / shape[axis])
  }
  return at.join(', ')
}
