/* lesson.js: a trace as steps: forward an op at a time, the seed dy, then back an op at a time, and what is known after each of them.
 *
 * Constants, and what is made of constants alone, are drawn in the text of their users and have no step. An adjoint grows flow by flow: what an array has
 * received so far is the sum of the flows of the steps done, in the order of the walk, as the engine adds them. */
import { number } from '../engine.js'

export function lessonOf(trace) {
  const byId = new Map(trace.nodes.map((node) => [node.id, node]))
  const fixed = new Set() // made of constants alone
  for (const node of trace.nodes)
    if (node.role === 'constant' || (node.operands.length > 0 && node.operands.every((id) => fixed.has(id)))) fixed.add(node.id)
  if (fixed.has(trace.output)) fixed.clear()
  const shown = trace.nodes.filter((node) => !fixed.has(node.id))
  const forward = shown.filter((node) => node.operands.length > 0)
  const back = trace.walk.filter(({ node }) => byId.has(node))
  const steps = [
    { kind: 'inputs' },
    ...forward.map((node) => ({ kind: 'forward', node })),
    { kind: 'seed', node: byId.get(trace.output) },
    ...back.map((move) => ({ kind: 'back', node: byId.get(move.node), edges: move.edges })),
  ]
  const seed = forward.length + 1
  const computed = new Map(shown.map((node) => [node.id, 0]))
  forward.forEach((node, i) => computed.set(node.id, i + 1))
  const arrivals = new Map(trace.nodes.map((node) => [node.id, []])) // by operand: { step, from, slot, flow, text }
  steps.forEach((step, i) => {
    if (step.kind === 'back')
      for (const edge of step.edges) if (edge.flow) arrivals.get(edge.operand)?.push({ step: i, from: step.node.id, ...edge })
  })
  const users = new Map(trace.nodes.map((node) => [node.id, []]))
  for (const node of shown) node.operands.forEach((id, slot) => users.get(id)?.push({ id: node.id, slot }))
  return { trace, byId, fixed, shown, forward, steps, seed, last: steps.length - 1, computed, arrivals, users, sums: new Map() }
}

/* Is the value of the node there after that step? */
export const isKnown = (lesson, id, step) => (lesson.computed.get(id) ?? 0) <= step

/* What has arrived at the node after that step: { array, parts, of }, or null where nothing has, or ever does. */
export function adjointAt(lesson, id, step) {
  const node = lesson.byId.get(id)
  if (!node.adjoint) return null
  const all = lesson.arrivals.get(id)
  if (id === lesson.trace.output && step >= lesson.seed) return { array: node.adjoint, parts: 1, of: 1 }
  let parts = 0
  while (parts < all.length && all[parts].step <= step) parts++
  if (!parts) return null
  return { array: parts === all.length ? node.adjoint : sumOf(lesson, id, all, parts), parts, of: all.length }
}

/* What had arrived before the edge's flow did; null: nothing. */
export function adjointBefore(lesson, edge) {
  const all = lesson.arrivals.get(edge.operand)
  const parts = all.findIndex((one) => one.flow === edge.flow)
  return parts > 0 ? sumOf(lesson, edge.operand, all, parts) : null
}

/* The sum of the first flows, which later renderings find again as the same object. */
function sumOf(lesson, id, all, parts) {
  const key = `${id} ${parts}`
  if (!lesson.sums.has(key)) {
    const flows = all.slice(0, parts).map(({ flow }) => flow)
    const sum = flows.every(({ values }) => values)
      ? { shape: flows[0].shape, values: flows[0].values.map((x, i) => flows.slice(1).reduce((total, { values }) => total + number(values[i]), number(x))) }
      : flows[flows.length - 1]
    lesson.sums.set(key, sum)
  }
  return lesson.sums.get(key)
}

/* The step at which the walk back leaves the node, or for what sends nothing on, the last arrival. */
export function stepBack(lesson, id) {
  const at = lesson.steps.findIndex((step) => step.kind === 'back' && step.node.id === id)
  if (at >= 0) return at
  const all = lesson.arrivals.get(id)
  return all.length ? all[all.length - 1].step : lesson.last
}

/* "xc = h - mu", of a node without a name too; of an input its label. */
export function definition(node) {
  return node.operands.length && node.text !== node.label ? `${node.label} = ${node.text}` : node.label
}

/* What the step does, in one sentence, for the screen and for a voice. */
export function sentence(lesson, index) {
  const step = lesson.steps[index]
  if (step.kind === 'inputs') return `Start: the inputs ${lesson.trace.inputs.join(', ')} are given`
  if (step.kind === 'forward') return `Forward ${index} of ${lesson.forward.length}: ${definition(step.node)}`
  if (step.kind === 'seed') return `The loss sends back ${step.node.adjoint_label}`
  const receivers = step.edges.filter(({ flow }) => flow).map(({ operand }) => lesson.byId.get(operand).adjoint_label)
  return `Back ${index - lesson.seed} of ${lesson.last - lesson.seed}: through ${step.node.label} to ${[...new Set(receivers)].join(' and ') || 'nothing'}`
}
