/* words.js: a step for one element: the op's formula with the names of its elements, and then with their numbers. */
import { number } from '../engine.js'
import { sources, targets } from './feeds.js'
import { adjointAt } from './lesson.js'
import { bracketed, broadcastIndex, countOf, elementName, text } from './numbers.js'

const mostTerms = 8

/* An element by name and value; behind a broadcast, the element that was copied. */
function elementOf(lesson, id, index) {
  let node = lesson.byId.get(id)
  while (node.op === 'broadcast' && node.links[0]?.takes) {
    index = node.links[0].takes[index]
    node = lesson.byId.get(node.operands[0])
  }
  const value = node.value.values?.[index]
  const name = node.role === 'constant' ? text(value) : elementName(node.label, node.shape, index)
  return { name, value, constant: node.role === 'constant' }
}

/* { name, symbols, numbers, value } of element `index` of the node: "hath[0, 1]", "xc[0, 1] * t21[1]", "(−7) * 0.2", "−1.4". */
export function forwardWords(lesson, node, index) {
  const name = elementName(node.label, node.shape, index)
  const value = node.value.values?.[index]
  const parts = node.operands.map((id, slot) => sources(node, slot, index, lesson.byId.get(id)).map((i) => elementOf(lesson, id, i)))
  if (value === undefined) return null
  if (node.op === 'broadcast') return { name, symbols: parts[0][0].name, numbers: text(parts[0][0].value), value, copied: true }
  if (node.op === 'sum') return { name, ...listed(parts[0], ' + '), value }
  if (node.op === 'matmul') return { name, ...products(lesson, node, index), value }
  if (node.links.every((link) => link === 'same') && node.formula.startsWith('y = ')) {
    const letters = node.op === 'where' ? ['mask', 'a', 'b'] : ['a', 'b', 'c']
    const filled = (show) => node.formula.slice(4).replace(/\b(mask|a|b|c)\b/g, (letter) => show(parts[letters.indexOf(letter)]?.[0], letter)).replace(/-/g, '−')
    return { name, symbols: filled((e, letter) => (e ? (e.constant ? bracketed(e.value) : e.name) : letter)), numbers: filled((e, letter) => (e ? bracketed(e.value) : letter)), value }
  }
  return { name, symbols: node.formula.replace(/^y(\[.*?\])? \+?= /, ''), numbers: '', value }
}

function listed(terms, between) {
  const some = terms.length > mostTerms ? terms.slice(0, mostTerms - 1) : terms
  const more = some.length < terms.length ? `${between}… (${terms.length} terms)` : ''
  return { symbols: some.map((term) => term.name).join(between) + more, numbers: some.map((term, i) => (i ? bracketed(term.value) : text(term.value))).join(between) + more }
}

function products(lesson, node, index) {
  const [a, b] = node.operands.map((id) => lesson.byId.get(id))
  if (a.shape.length !== 2 || b.shape.length !== 2) return { symbols: 'sum over k of a[.., k] * b[k, ..]', numbers: '' }
  const [row, column] = [Math.floor(index / b.shape[1]), index % b.shape[1]]
  const terms = Array.from({ length: a.shape[1] }, (_, k) => [elementOf(lesson, a.id, row * a.shape[1] + k), elementOf(lesson, b.id, k * b.shape[1] + column)])
  const shown = terms.slice(0, mostTerms)
  const more = terms.length > shown.length ? ' + …' : ''
  return { symbols: shown.map(([x, y]) => `${x.name} * ${y.name}`).join(' + ') + more, numbers: shown.map(([x, y]) => `${bracketed(x.value)} * ${bracketed(y.value)}`).join(' + ') + more }
}

/* What the edge sends to element `index` of its operand: { name, symbols, numbers, value }. */
export function backWords(lesson, node, edge, index) {
  const operand = lesson.byId.get(edge.operand)
  const name = elementName(operand.adjoint_label, operand.shape, index)
  const value = edge.flow.values?.[index]
  const arrived = adjointAt(lesson, node.id, lesson.last)?.array
  if (value === undefined || !arrived?.values) return null
  const named = (i) => ({ name: elementName(node.adjoint_label, node.shape, i), value: arrived.values[i] })
  const reached = targets(node, edge.slot, index)
  if (edge.local !== undefined && node.links[edge.slot] === 'same') return { name, ...times(lesson, node, edge, named(index), index), value }
  const total = reached.reduce((sum, i) => sum + number(arrived.values[i]), 0)
  const plain = reached.length > 0 && Math.abs(total - number(value)) <= 1e-12 * (Math.abs(total) + 1e-300)
  if (plain && reached.length <= countOf(node.shape)) return { name, ...listed(reached.map(named), ' + '), value, sum: reached.length > 1 }
  return { name, symbols: edge.text, numbers: '', value }
}

/* What arrives times the local derivative. */
function times(lesson, node, edge, arrives, index) {
  const local = edge.local_value?.values ? number(edge.local_value.values[broadcastIndex(edge.local_value.shape, node.shape, index)]) : NaN
  if (edge.local === '1') return { symbols: arrives.name, numbers: text(arrives.value) }
  if (edge.local === '-1') return { symbols: `−${arrives.name}`, numbers: `−${bracketed(arrives.value)}` }
  const other = node.operands.findIndex((id, slot) => slot !== edge.slot && lesson.byId.get(id).label === edge.local)
  const known = lesson.trace.nodes.find(({ label }) => label === edge.local)
  const symbol = other >= 0 ? elementOf(lesson, node.operands[other], index).name
    : known ? elementName(known.label, known.shape, broadcastIndex(known.shape, node.shape, index)) : `(${edge.local})`.replace(/-/g, '−')
  return { symbols: `${arrives.name} * ${symbol}`, numbers: `${bracketed(arrives.value)} * ${bracketed(local)}` }
}
