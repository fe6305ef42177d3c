/* validate.js: a trace from outside, read with suspicion: everything that the page will use is checked and copied, everything else is left. What does not fit
 * is an Error with a message. */

export const mostBytes = 32 << 20
const most = { nodes: 2000, drawn: 400, operands: 64, rank: 8, elements: 1 << 20, text: 4000, label: 200 }

function refuse(where, what) {
  throw new Error(`${where}: ${what}`)
}

const isObject = (x) => x !== null && typeof x === 'object' && !Array.isArray(x)

function list(x, where, longest) {
  if (!Array.isArray(x)) refuse(where, 'a list is expected')
  if (x.length > longest) refuse(where, `${x.length} are too many for a page, which takes ${longest}`)
  return x
}

function text(x, where, longest = most.text) {
  if (x === undefined || x === null) return ''
  if (typeof x !== 'string') refuse(where, 'a text is expected')
  if (x.length > longest) refuse(where, `a text of ${x.length} characters is too long`)
  return x
}

function numeric(x, where) {
  if ((typeof x === 'number' && Number.isFinite(x)) || x === 'NaN' || x === 'Infinity' || x === '-Infinity') return x
  return refuse(where, 'a number is expected, or "NaN", "Infinity" or "-Infinity"')
}

function whole(x, where, below = 2 ** 31) {
  if (!Number.isInteger(x) || x < 0 || x >= below) refuse(where, 'a whole number in its range is expected')
  return x
}

function shape(x, where) {
  const dims = list(x, where, most.rank).map((length) => whole(length, where))
  if (dims.reduce((product, length) => product * length, 1) > 2 ** 40) refuse(where, 'the shape is too large')
  return dims
}

function array(x, where, expected) {
  if (!isObject(x)) refuse(where, 'an array is expected')
  const own = shape(x.shape, where)
  if (expected && JSON.stringify(own) !== JSON.stringify(expected)) refuse(where, `its shape is (${own.join(', ')}), and (${expected.join(', ')}) is expected`)
  const count = own.reduce((product, length) => product * length, 1)
  if (x.values === undefined) return { shape: own, ...Object.fromEntries(['min', 'max', 'mean', 'rms'].map((key) => [key, numeric(x[key], `${where}, ${key}`)])), not_finite: whole(x.not_finite ?? 0, where) }
  const values = list(x.values, where, most.elements)
  if (values.length !== count) refuse(where, `${values.length} numbers for the shape (${own.join(', ')})`)
  return { shape: own, values: values.map((value) => numeric(value, where)) }
}

function link(x, where, node, operand) {
  if (x === 'any') return x
  const count = (dims) => dims.reduce((product, length) => product * length, 1)
  if (x === 'same') return count(node.shape) === count(operand.shape) ? x : refuse(where, '"same" links arrays of one size')
  const key = isObject(x) && (x.takes ? 'takes' : x.folds ? 'folds' : null)
  if (!key) refuse(where, 'a link is "same", "any", takes or folds')
  const [length, below] = key === 'takes' ? [count(node.shape), count(operand.shape)] : [count(operand.shape), count(node.shape)]
  const elements = list(x[key], where, most.elements)
  if (elements.length !== length) refuse(where, `${elements.length} elements, where ${length} are expected`)
  return { [key]: elements.map((i) => whole(i, where, below)) }
}

const roles = ['op', 'input', 'parameter', 'constant']

function nodeOf(x, i, known, labels) {
  const where = `node ${i + 1}`
  if (!isObject(x)) refuse(where, 'an object is expected')
  const node = { id: whole(x.id, `${where}, id`), op: text(x.op, where, most.label), role: x.role, label: text(x.label, where, most.label), adjoint_label: text(x.adjoint_label, where, most.label) || `d${x.label}` }
  if (known.has(node.id)) refuse(where, `the id ${node.id} is there twice`)
  if (!roles.includes(x.role)) refuse(where, `its role is none of ${roles.join(', ')}`)
  if (!node.label || labels.has(node.label)) refuse(where, 'it needs a label of its own')
  for (const key of ['name', 'scope', 'formula', 'text', 'attributes', 'dtype', 'silence', 'tex', 'index']) if (x[key] !== undefined) node[key] = text(x[key], `${where}, ${key}`)
  node.formula ??= ''
  node.text ??= node.label
  node.shape = shape(x.shape, `${where}, shape`)
  node.operands = list(x.operands ?? [], `${where}, operands`, most.operands).map((id) => (known.has(id) ? id : refuse(where, `its operand ${JSON.stringify(id)?.slice(0, 20)} is none of the nodes before it`)))
  const links = list(x.links ?? [], `${where}, links`, most.operands)
  if (links.length !== node.operands.length) refuse(where, 'it needs a link for each operand')
  node.links = links.map((one, slot) => link(one, `${where}, link ${slot}`, node, known.get(node.operands[slot])))
  node.value = array(x.value, `${where}, value`, node.shape)
  node.adjoint = x.adjoint == null ? null : array(x.adjoint, `${where}, adjoint`, node.shape)
  return node
}

function edgeOf(x, where, node, known) {
  if (!isObject(x)) refuse(where, 'an edge is expected')
  const slot = whole(x.slot, where, node.operands.length)
  if (x.operand !== node.operands[slot]) refuse(where, 'operand and slot do not agree')
  const edge = { operand: x.operand, slot, text: text(x.text, where), first: x.first === true, flow: x.flow == null ? null : array(x.flow, `${where}, flow`, known.get(x.operand).shape) }
  if (x.tex !== undefined) edge.tex = text(x.tex, where)
  if (edge.flow && !known.get(x.operand).adjoint) refuse(where, 'it sends to a node without an adjoint')
  if (x.local !== undefined) {
    edge.local = text(x.local, where)
    if (x.local_value != null) {
      edge.local_value = array(x.local_value, `${where}, local_value`)
      const own = edge.local_value.shape
      if (own.length > node.shape.length || own.some((length, i) => length !== 1 && length !== node.shape[node.shape.length - own.length + i])) refuse(where, 'its local derivative does not broadcast to the node')
    }
  }
  return edge
}

function pathsOf(x, known) {
  if (!isObject(x)) return undefined
  const node = known.get(x.x) ?? refuse('paths', 'x is no node')
  const through = list(x.through, 'paths', 64).map((id) => (known.has(id) ? id : refuse('paths', 'a node of "through" is not there')))
  const parts = list(x.parts, 'paths', 65).map((part) => ({ label: text(part?.label, 'paths', most.label), text: text(part?.text, 'paths'), ...(part?.closed !== undefined && { closed: text(part.closed, 'paths') }), value: array(part?.value, 'paths', node.shape) }))
  if (parts.length !== through.length + 1) refuse('paths', 'there is one part more than nodes')
  return { x: x.x, through, parts }
}

function checkOf(x, known) {
  if (!isObject(x)) return undefined
  const one = (each) => {
    const node = known.get(each?.node) ?? refuse('check', 'a node is not there')
    const sweep = list(each.sweep ?? [], 'check', 100).map((point) => ({ h: numeric(point?.h, 'check'), error: numeric(point?.error, 'check') }))
    return { node: each.node, numeric: array(each.numeric, 'check', node.shape), sweep, error: numeric(each.error, 'check'), verdict: text(each.verdict, 'check', 40), message: text(each.message, 'check') }
  }
  return { x: list(x.x ?? [], 'check', most.nodes).map(one), ...(x.message !== undefined && { message: text(x.message, 'check') }) }
}

const words = ['left', 'right', 'left_tex', 'right_tex', 'rule', 'proof', 'proof_tex', 'about', 'about_tex', 'proved']

function derivationOf(x, known) {
  if (!isObject(x)) return undefined
  if (x.lines === undefined) return { message: text(x.message, 'derivation') }
  const line = (each) => {
    if (!known.has(each?.node)) refuse('derivation', 'a node is not there')
    const given = Object.fromEntries(words.map((key) => [key, text(each[key], 'derivation', 20000)]))
    return { kind: text(each.kind, 'derivation', 40), node: each.node, ...given, moved: numeric(each.moved ?? 0, 'derivation'), from_staged: numeric(each.from_staged ?? 0, 'derivation') }
  }
  const symbols = list(x.symbols ?? [], 'derivation', 100).map((symbol) => ({ text: text(symbol?.text, 'derivation', most.label), tex: text(symbol?.tex, 'derivation', most.label), value: numeric(symbol?.value, 'derivation') }))
  return { symbols, lines: list(x.lines, 'derivation', 5000).map(line) }
}

function programOf(x) {
  if (!isObject(x)) return undefined
  return { ...Object.fromEntries(['loops', 'calls', 'passes', 'bytes_read', 'bytes_written', 'peak'].map((key) => [key, numeric(x[key] ?? 0, 'program')])), listing: text(x.listing, 'program', 200000) }
}

/* The text of a file, or an object: the trace that the page draws. */
export function validTrace(given) {
  if (given.length > mostBytes) refuse('the file', `it has more than ${mostBytes >> 20} MiB`)
  let x
  try {
    x = JSON.parse(given)
  } catch (error) {
    refuse('the file', `it is no JSON: ${error.message.slice(0, 120)}`)
  }
  if (!isObject(x) || x.kind !== 'weft trace') refuse('the file', 'it is no trace of weft: "kind" must be "weft trace"')
  if (x.schema !== 1) refuse('the file', 'this page reads traces of schema 1')
  const known = new Map()
  const labels = new Set()
  list(x.nodes, 'nodes', most.nodes).forEach((each, i) => {
    const node = nodeOf(each, i, known, labels)
    known.set(node.id, node)
    labels.add(node.label)
  })
  const nodes = [...known.values()]
  if (nodes.filter(({ role }) => role !== 'constant').length > most.drawn) refuse('nodes', `more than ${most.drawn} are too many to draw`)
  const output = known.get(x.output) ?? refuse('output', 'it is no node')
  const walk = list(x.walk ?? [], 'walk', most.nodes).map((step, i) => {
    const node = known.get(step?.node) ?? refuse(`step ${i + 1} back`, 'it is at no node')
    return { node: step.node, edges: list(step.edges ?? [], 'walk', most.operands).map((edge, k) => edgeOf(edge, `step ${i + 1} back, edge ${k + 1}`, node, known)) }
  })
  const wrt = list(x.wrt ?? [], 'wrt', most.nodes).map((id) => (known.has(id) ? id : refuse('wrt', 'a node is not there')))
  return { schema: 1, kind: x.kind, expression: x.expression == null ? null : text(x.expression, 'expression', 100000), inputs: list(x.inputs ?? [], 'inputs', most.nodes).map((name) => text(name, 'inputs', most.label)), nodes, output: x.output,
    cotangent: array(x.cotangent, 'cotangent', output.shape), wrt, walk, paths: pathsOf(x.paths, known), derivation: derivationOf(x.derivation, known), check: checkOf(x.check, known), program: programOf(x.program) }
}
