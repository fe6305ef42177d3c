/* valid.js: is a text that a stranger dropped on the page a trace? What it must be is in demos/command/trace.md; all that the page reads is looked at, so
 * that nothing behind it meets a surprise: kinds of fields, ids, the order of the nodes, in which there are no cycles, lengths of arrays, and commands in
 * formulas. What is refused is refused with the place and what is wrong there. */

export class NotATrace extends Error {}

export const most = { bytes: 30e6, nodes: 1000, name: 200, words: 20000, tex: 20000, lines: 1000, depth: 60 }

/* The trace, or an exception with words. */
export function traceOf(text) {
  if (text.length > most.bytes) refuse('the file', `${megabytes(text.length)}, and ${megabytes(most.bytes)} are the most; weft trace --elements N writes fewer numbers`)
  let trace
  try {
    trace = JSON.parse(text)
  } catch (error) {
    throw new NotATrace(`This is not JSON: ${short(error.message, 160)}.`)
  }
  checkTrace(trace)
  return trace
}

export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`

function refuse(where, what) {
  throw new NotATrace(`This is no trace that can be shown: ${where}: ${what}.`)
}

/* Of a stranger's value, what a message can hold. */
export function short(value, most = 60) {
  let text
  try {
    text = typeof value === 'string' ? value : JSON.stringify(value) ?? String(value)
  } catch {
    text = 'something very deep'
  }
  text = text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, ' ')
  return text.length > most ? `${text.slice(0, most - 3)}…` : text
}

/* --- kinds of fields: each takes the value and its place --- */

const shown = (value) => (typeof value === 'string' ? `"${short(value)}"` : short(value))

function field(object, key, where, kind, ...more) {
  if (!Object.hasOwn(object, key)) refuse(where, `${key} is missing`)
  return kind(object[key], where ? `${where}.${key}` : key, ...more)
}

function optional(object, key, where, kind, ...more) {
  return Object.hasOwn(object, key) ? field(object, key, where, kind, ...more) : undefined
}

function object(value, where) {
  if (!value || typeof value !== 'object' || Array.isArray(value)) refuse(where, `${shown(value)} is no object`)
  return value
}

function list(value, where, kind, count) {
  if (!Array.isArray(value)) refuse(where, `${shown(value)} is no list`)
  if (count !== undefined && value.length !== count) refuse(where, `${value.length} entries, and there must be ${count}`)
  value.forEach((one, i) => kind(one, `${where}[${i}]`))
  return value
}

function words(value, where, length = most.words) {
  if (typeof value !== 'string') refuse(where, `${shown(value)} is no text`)
  if (value.length > length) refuse(where, `a text of ${value.length} characters, and ${length} are the most`)
  return value
}

const name = (value, where) => words(value, where, most.name)

const oneOf = (...names) => (value, where) => {
  if (!names.includes(value)) refuse(where, `${shown(value)} is none of ${names.join(', ')}`)
  return value
}

function whole(value, where, below = Number.MAX_SAFE_INTEGER) {
  if (!Number.isInteger(value) || value < 0) refuse(where, `${shown(value)} is no whole number from 0 on`)
  if (value >= below) refuse(where, `${value} is beyond ${below - 1}`)
  return value
}

function truth(value, where) {
  if (typeof value !== 'boolean') refuse(where, `${shown(value)} is neither true nor false`)
}

function real(value, where) {
  if (typeof value !== 'number' && !['NaN', 'Infinity', '-Infinity'].includes(value)) refuse(where, `${shown(value)} is no number`)
}

const dims = (shape) => `(${shape.join(', ')})`
const countOf = (shape) => shape.reduce((product, length) => product * length, 1)

function shapeOf(value, where) {
  list(value, where, whole)
  if (value.length > 8) refuse(where, `${value.length} axes, and 8 are the most`)
  if (countOf(value) > 2 ** 40) refuse(where, `an array of shape ${dims(value)} is too large`)
  return value
}

const same = (a, b) => a.length === b.length && a.every((length, axis) => length === b[axis])
const spreads = (small, large) => small.length <= large.length && small.every((length, i) => length === 1 || length === large[large.length - small.length + i])

/* An ARRAY: whole, or a summary. fits(shape) says whether it may have that shape, wanted which. */
function array(value, where, wanted, fits = same) {
  object(value, where)
  const shape = field(value, 'shape', where, shapeOf)
  if (wanted && !fits(shape, wanted)) refuse(`${where}.shape`, `${dims(shape)} does not fit ${dims(wanted)}`)
  if (Object.hasOwn(value, 'values')) field(value, 'values', where, list, real, countOf(shape))
  else {
    for (const key of ['min', 'max', 'mean', 'rms']) field(value, key, where, real)
    field(value, 'not_finite', where, whole)
  }
  return value
}

/* --- formulas --- */

const greek = 'alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega'
const commands = new Set(`${greek} frac dfrac tfrac sum prod min max arg partial nabla hat widehat bar tilde mathrm mathbf mathit mathsf operatorname text left right
  ln log exp sin cos tan sinh cosh tanh sqrt infty lfloor rfloor lceil rceil lvert rvert lVert rVert ne neq le leq ge geq lt gt cdot times odot top quad qquad neg land lor mathrel`.split(/\s+/))

/* TeX that draws a formula and can do nothing else, here and in a document that it is exported to. */
function formula(value, where, prose = false) {
  words(value, where, most.tex)
  let depth = 0, deepest = 0, dollars = 0
  for (const [token, command] of value.matchAll(/\\([A-Za-z]+)|\\[\s\S]|\\$|[{}$&#%~]/g)) {
    if (command !== undefined) {
      if (!commands.has(command)) refuse(where, `formulas have no \\${short(command)}`)
    } else if (token === '{') deepest = Math.max(deepest, ++depth)
    else if (token === '}') {
      if (--depth < 0) break
    } else if (token === '$' && prose) dollars++
    else if (token[0] !== '\\' || !/^\\[,;:! _%&#${}|]$/.test(token)) refuse(where, `formulas have no ${short(token)}`)
  }
  if (depth) refuse(where, 'its braces do not match')
  if (dollars % 2) refuse(where, 'its dollars do not match')
  if (deepest > most.depth) refuse(where, `braces ${deepest} deep, and ${most.depth} are the most`)
}

/* Text with formulas between dollars. */
const prose = (value, where) => formula(value, where, true)

/* --- the document --- */

const silences = ['constant', 'integers', 'stopped', 'unused']

export function checkTrace(trace) {
  if (!trace || typeof trace !== 'object' || Array.isArray(trace)) throw new NotATrace(`This is JSON and no trace: ${shown(trace)} where an object with "kind": "weft trace" is expected.`)
  if (trace.kind !== 'weft trace') throw new NotATrace(`This is JSON and no trace: its kind is ${shown(trace.kind ?? null)}, and that of a trace is "weft trace". The command weft trace writes one, and weft_trace() from C.`)
  if (trace.schema !== 1) throw new NotATrace(`This trace has schema ${shown(trace.schema ?? null)}, and this page reads schema 1: page and trace come from different versions of Weft.`)
  field(trace, 'nodes', '', (value, where) => {
    if (Array.isArray(value) && value.length === 0) refuse(where, 'there are none')
    if (Array.isArray(value) && value.length > most.nodes) refuse(where, `${value.length}, and ${most.nodes} are the most that the page draws`)
    list(value, where, object)
  })
  const byId = new Map()
  const labels = new Set()
  trace.nodes.forEach((node, i) => {
    checkNode(node, `nodes[${i}]`, byId, i ? trace.nodes[i - 1].id : -1)
    if (labels.has(node.label)) refuse(`nodes[${i}].label`, `another node is called ${shown(node.label)}`)
    labels.add(node.label)
    byId.set(node.id, node)
  })
  const known = (value, where) => {
    whole(value, where)
    return byId.get(value) ?? refuse(where, `there is no node ${value}`)
  }
  if (trace.expression !== null) field(trace, 'expression', '', words)
  field(trace, 'inputs', '', list, name)
  const output = field(trace, 'output', '', known)
  if (!output.adjoint) refuse('output', `node ${output.id} has no adjoint, and the walk begins there`)
  field(trace, 'cotangent', '', array, output.shape, (shape, wanted) => same(shape, wanted) || countOf(shape) === countOf(wanted))
  field(trace, 'wrt', '', list, known)
  checkWalk(trace, byId, known)
  optional(trace, 'paths', '', checkPaths, known)
  optional(trace, 'derivation', '', checkDerivation, known)
  optional(trace, 'check', '', checkCheck, known)
  optional(trace, 'program', '', checkProgram)
}

function checkNode(node, where, byId, before) {
  field(node, 'id', where, whole, 2 ** 32)
  if (byId.has(node.id)) refuse(`${where}.id`, `another node has the id ${node.id}`)
  if (node.id < before) refuse(`${where}.id`, `node ${node.id} stands behind node ${before}: nodes stand in the order of the tape`)
  for (const key of ['op', 'label', 'adjoint_label', 'name', 'scope']) field(node, key, where, name)
  if (!node.label) refuse(`${where}.label`, 'it is empty')
  for (const key of ['formula', 'text', 'attributes']) field(node, key, where, words)
  optional(node, 'index', where, words)
  optional(node, 'tex', where, formula)
  field(node, 'role', where, oneOf('op', 'input', 'parameter', 'constant'))
  field(node, 'dtype', where, oneOf('f32', 'f64', 'i64'))
  const shape = field(node, 'shape', where, shapeOf)
  const operands = field(node, 'operands', where, list, (id, at) => {
    whole(id, at)
    if (!byId.has(id)) refuse(at, id >= node.id ? `node ${node.id} takes node ${id}, which does not come before it: a graph has no cycles` : `there is no node ${id}`)
  })
  field(node, 'links', where, list, wordOrObject, operands.length)
  operands.forEach((id, slot) => checkLink(node.links[slot], `${where}.links[${slot}]`, shape, byId.get(id).shape))
  field(node, 'value', where, array, shape)
  field(node, 'adjoint', where, (value, at) => value === null || array(value, at, shape))
  if (node.adjoint === null) field(node, 'silence', where, oneOf(...silences))
}

function wordOrObject(value, where) {
  if (typeof value !== 'string') object(value, where)
}

function checkLink(link, where, own, operand) {
  if (link === 'any') return
  if (link === 'same') {
    if (countOf(own) !== countOf(operand)) refuse(where, `"same" between ${dims(operand)} and ${dims(own)}`)
    return
  }
  if (link?.takes) list(link.takes, `${where}.takes`, (i, at) => whole(i, at, countOf(operand)), countOf(own))
  else if (link?.folds) list(link.folds, `${where}.folds`, (i, at) => whole(i, at, countOf(own)), countOf(operand))
  else refuse(where, `${shown(link)} is none of "same", "any", takes and folds`)
}

function checkWalk(trace, byId, known) {
  const arrived = new Set([trace.output])
  let before = Infinity
  field(trace, 'walk', '', list, (step, where) => {
    object(step, where)
    const node = field(step, 'node', where, known)
    if (node.id >= before) refuse(`${where}.node`, `node ${node.id} is walked behind node ${before}: the walk goes against the order of the tape`)
    if (!arrived.has(node.id)) refuse(`${where}.node`, `nothing has arrived at node ${node.id}`)
    before = node.id
    const slots = new Set()
    field(step, 'edges', where, list, (edge, at) => {
      object(edge, at)
      const operand = field(edge, 'operand', at, known)
      const slot = field(edge, 'slot', at, whole, Math.max(node.operands.length, 1))
      if (node.operands[slot] !== operand.id) refuse(at, `operand ${slot} of node ${node.id} is node ${node.operands[slot]}, not ${operand.id}`)
      if (slots.has(slot)) refuse(`${at}.slot`, `another edge has the slot ${slot}`)
      slots.add(slot)
      checkEdge(edge, at, node, operand)
      if (edge.flow && edge.first === arrived.has(operand.id)) refuse(`${at}.first`, edge.first ? 'something has arrived there before' : 'nothing has arrived there before')
      if (edge.flow) arrived.add(operand.id)
    })
  })
  for (const { id, adjoint } of trace.nodes) if (adjoint && !arrived.has(id)) refuse('walk', `node ${id} has an adjoint, and nothing is sent there`)
}

function checkEdge(edge, where, node, operand) {
  field(edge, 'text', where, words)
  field(edge, 'first', where, truth)
  field(edge, 'flow', where, (value, at) => value === null || array(value, at, operand.shape))
  if (edge.flow && !operand.adjoint) refuse(`${where}.flow`, `it is sent to node ${operand.id}, which has no adjoint`)
  optional(edge, 'local', where, words)
  optional(edge, 'local_value', where, (value, at) => value === null || array(value, at, node.shape, spreads))
  optional(edge, 'index', where, words)
  optional(edge, 'tex', where, formula)
}

function checkPaths(paths, where, known) {
  object(paths, where)
  const x = field(paths, 'x', where, known)
  field(paths, 'through', where, list, known)
  field(paths, 'parts', where, list, (part, at) => {
    object(part, at)
    field(part, 'label', at, name)
    for (const key of ['text', 'closed']) field(part, key, at, words)
    field(part, 'value', at, array, x.shape)
  })
}

const kinds = ['definition', 'chain', 'local', 'inserted', 'adjoint', 'start', 'step']

function checkDerivation(derivation, where, known) {
  object(derivation, where)
  optional(derivation, 'message', where, words)
  const need = Object.hasOwn(derivation, 'message') ? optional : field
  need(derivation, 'symbols', where, list, (symbol, at) => {
    object(symbol, at)
    field(symbol, 'text', at, name)
    field(symbol, 'tex', at, formula)
    field(symbol, 'value', at, real)
  })
  const lines = need(derivation, 'lines', where, list, (line, at) => {
    object(line, at)
    field(line, 'kind', at, oneOf(...kinds))
    optional(line, 'node', at, known)
    for (const key of ['left', 'right']) field(line, key, at, words)
    for (const key of ['left_tex', 'right_tex']) field(line, key, at, formula)
    for (const key of ['rule', 'proof', 'about']) optional(line, key, at, words)
    for (const key of ['proof_tex', 'about_tex']) optional(line, key, at, prose)
    for (const key of ['moved', 'from_staged']) optional(line, key, at, real)
    optional(line, 'proved', at, oneOf('proved', 'not proved', 'refuted'))
  })
  if (lines?.length > most.lines) refuse(`${where}.lines`, `${lines.length}, and ${most.lines} are the most`)
  for (const key of ['moved', 'from_staged']) optional(derivation, key, where, real)
}

function checkCheck(check, where, known) {
  object(check, where)
  optional(check, 'message', where, words)
  const need = Object.hasOwn(check, 'message') ? optional : field
  need(check, 'x', where, list, (one, at) => {
    object(one, at)
    const node = field(one, 'node', at, known)
    field(one, 'numeric', at, array, node.shape)
    field(one, 'sweep', at, list, (point, there) => {
      object(point, there)
      for (const key of ['h', 'error']) field(point, key, there, real)
    })
    field(one, 'error', at, real)
    field(one, 'verdict', at, oneOf('right', 'wrong', 'zero by construction'))
    field(one, 'message', at, words)
  })
}

function checkProgram(program, where) {
  object(program, where)
  for (const key of ['loops', 'calls', 'passes', 'bytes_read', 'bytes_written', 'peak']) optional(program, key, where, whole)
  optional(program, 'listing', where, (value, at) => words(value, at, 10 * most.words))
}
