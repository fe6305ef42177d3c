/* feeds.js: which elements make which, by the links of the trace. Of an element that was picked, all that feed it: of a value, elements of values before it;
 * of an adjoint, elements of the adjoints that it came from, by the same links the other way round. */
import { countOf } from './numbers.js'

/* Elements of the operand that make element `index` of the node. */
export function sources(node, slot, index, operand) {
  const link = node.links[slot]
  if (link === 'same') return [index]
  if (link?.takes) return [link.takes[index]]
  if (link?.folds) return link.folds.flatMap((to, i) => (to === index ? [i] : []))
  return Array.from({ length: countOf(operand.shape) }, (_, i) => i)
}

/* Elements of the node that element `index` of the operand goes into. */
export function targets(node, slot, index) {
  const link = node.links[slot]
  if (link === 'same') return [index]
  if (link?.takes) return link.takes.flatMap((from, i) => (from === index ? [i] : []))
  if (link?.folds) return [link.folds[index]]
  return Array.from({ length: countOf(node.shape) }, (_, i) => i)
}

const keyOf = (kind, id) => `${kind} ${id}`

/* pick: { kind: 'value' | 'adjoint', id, index }. Map "adjoint 7" -> Set of elements; `near` has those of one step. */
export function feeders(lesson, pick) {
  const lit = new Map()
  const near = new Map()
  const add = (map, kind, id, index) => {
    const key = keyOf(kind, id)
    if (!map.has(key)) map.set(key, new Set())
    const set = map.get(key)
    const isNew = !set.has(index)
    set.add(index)
    return isNew
  }
  const queue = [{ ...pick, depth: 0 }]
  add(lit, pick.kind, pick.id, pick.index)
  while (queue.length) {
    const { kind, id, index, depth } = queue.pop()
    for (const next of kind === 'value' ? valueSources(lesson, id, index) : adjointSources(lesson, id, index)) {
      if (depth === 0) add(near, kind, next.id, next.index)
      if (add(lit, kind, next.id, next.index)) queue.push({ kind, ...next, depth: depth + 1 })
    }
  }
  return { pick, lit, near }
}

function valueSources(lesson, id, index) {
  const node = lesson.byId.get(id)
  return node.operands.flatMap((operand, slot) =>
    lesson.fixed.has(operand) ? [] : sources(node, slot, index, lesson.byId.get(operand)).map((i) => ({ id: operand, index: i })))
}

function adjointSources(lesson, id, index) {
  return lesson.arrivals.get(id).flatMap(({ from, slot }) => targets(lesson.byId.get(from), slot, index).map((i) => ({ id: from, index: i })))
}

/* The elements of one array that are lit: Set or undefined. */
export const litOf = (light, kind, id) => light?.lit.get(keyOf(kind, id))
export const nearOf = (light, kind, id) => light?.near.get(keyOf(kind, id))
