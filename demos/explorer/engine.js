/* engine.js: the engine of the page, for JavaScript: its WebAssembly module, loaded from bytes, and the calls of engine.h as functions of plain values.
 *
 *     const engine = await loadEngine(bytes)
 *     const trace = engine.trace({ expression: 'sum(h * h)', inputs: { h: [[1, 2], [3, 4]] }, wrt: ['h'] })
 *     trace.nodes[0].value.values          // [1, 2, 3, 4]; "NaN", "Infinity" and "-Infinity" as strings, see number()
 *
 * What the engine refuses is an EngineError with its message. Every call begins anew; nothing is kept between calls but the module's memory. Works in a
 * browser and in node, and needs neither. */

export class EngineError extends Error {
  constructor(status, message) {
    super(message)
    this.name = 'EngineError'
    this.status = status // "malformed expression", "shapes do not fit", ...: weft_status_text()
  }
}

const dtypes = {
  f32: { code: 0, Array: Float32Array, of: Number },
  f64: { code: 1, Array: Float64Array, of: Number },
  i64: { code: 2, Array: BigInt64Array, of: (x) => BigInt(Math.trunc(Number(x))) },
}

/* A number of a document: those that JSON has no word for are strings there. */
export function number(x) {
  return typeof x === 'string' ? Number(x) : x
}

/* { shape, values } of a number, of nested lists of numbers, or of { shape, values }. */
export function arrayOf(x) {
  if (x && typeof x === 'object' && !Array.isArray(x)) {
    const count = x.shape.reduce((product, length) => product * length, 1)
    if (x.values.length !== count) throw new EngineError('shape', `an array of shape (${x.shape.join(', ')}) has ${count} numbers, and ${x.values.length} are given`)
    return { shape: x.shape, values: Array.from(x.values, number) }
  }
  const shape = []
  for (let at = x; Array.isArray(at); at = at[0]) shape.push(at.length)
  const values = []
  const walk = (at, axis) => {
    if (Array.isArray(at) !== axis < shape.length || (Array.isArray(at) && at.length !== shape[axis]))
      throw new EngineError('shape', 'the rows of an array must have one length')
    if (Array.isArray(at)) at.forEach((part) => walk(part, axis + 1))
    else values.push(number(at))
  }
  walk(x, 0)
  return { shape, values }
}

/* source: the bytes of engine.wasm, or a promise of them. */
export async function loadEngine(source) {
  return new Engine(await WebAssembly.compile(await source))
}

class Engine {
  #module
  #instance = null

  constructor(module) {
    this.#module = module
  }

  /* The document of weft_trace(). cotangent: that of the result, 1 where it is left out; wrt, through: names; elements: how many an array has at most that is given whole; check, program, derivation: false leaves out. */
  trace(question) {
    return JSON.parse(this.traceText(question))
  }

  /* The same as the text that the engine writes. */
  traceText({ expression, inputs = {}, cotangent, wrt = [], through = [], elements, check = true, program = true, derivation = true }) {
    return this.#ask(inputs, cotangent, (call) => {
      if (wrt.length) call('option', 'wrt', wrt.join(','))
      if (through.length) call('option', 'through', through.join(','))
      if (elements !== undefined) call('option', 'elements', String(elements))
      if (!check) call('option', 'check', 'no')
      if (!program) call('option', 'program', 'no')
      if (!derivation) call('option', 'derivation', 'no')
      return call('trace', expression)
    })
  }

  /* Is `claimed` the gradient of the expression with respect to `wrt`? See engine_judge(). */
  judge({ expression, inputs = {}, cotangent, wrt, claimed }) {
    return JSON.parse(this.#ask(inputs, cotangent, (call) => call('judge', expression, wrt, claimed)))
  }

  /* The text `claimed`, which may be the name of an array, against central differences: { sweep, error, verdict, message }. See engine_check(). */
  check({ expression, inputs = {}, cotangent, wrt, claimed }) {
    return JSON.parse(this.#ask(inputs, cotangent, (call) => call('check', expression, wrt, claimed))).check
  }

  /* The examples: [{ name, title, teaches, expression, inputs, wrt, through, cotangent }]; each is a question for trace(). */
  presets() {
    return JSON.parse(this.#ask({}, undefined, (call) => call('presets'))).presets
  }

  /* { shape, values } of an array as people type it, "[[1, 2], [3, 4]]", or of a number. */
  array(text) {
    return JSON.parse(this.#ask({}, undefined, (call) => call('array', text))).array
  }

  /* What an expression may call: [{ name, signature }]. */
  functions() {
    return JSON.parse(this.#ask({}, undefined, (call) => call('functions'))).functions
  }

  /* --- calls --- */

  #exports() {
    if (!this.#instance) {
      this.#instance = new WebAssembly.Instance(this.#module, {})
      this.#instance.exports._initialize()
    }
    return this.#instance.exports
  }

  /* Begins anew, passes the arrays in, and returns the document of the question. */
  #ask(inputs, cotangent, question) {
    try {
      this.#exports().engine_begin()
      for (const [name, given] of Object.entries(inputs)) this.#array(given, (...array) => this.#with([encode(name)], (at) => this.#exports().engine_input(at, ...array)))
      if (cotangent !== undefined) this.#array(cotangent, (...array) => this.#exports().engine_cotangent(...array))
      return this.#document(question((...call) => this.#call(...call)))
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error
      this.#instance = null // its memory is in no known state: the next call starts it afresh
      throw new EngineError('stopped', `the engine stopped: ${error.message}`)
    }
  }

  /* use(dtype, rank, dims, data) with the array in the module's memory. */
  #array(given, use) {
    const { dtype = 'f64' } = given ?? {}
    if (!dtypes[dtype]) throw new EngineError('dtype', `the number type "${dtype}" is none of f32, f64 and i64`)
    const { shape, values } = arrayOf(given)
    const { code, Array: Typed, of } = dtypes[dtype]
    this.#with([Uint32Array.from(shape), Typed.from(values, of)], (dims, data) => use(code, shape.length, dims, data))
  }

  #call(name, ...texts) {
    return this.#with(texts.map(encode), (...at) => this.#exports()[`engine_${name}`](...at))
  }

  /* Copies typed arrays into the module's memory for the time of one use. */
  #with(arrays, use) {
    const { engine_allocate, engine_release, memory } = this.#exports()
    const places = []
    try {
      for (const array of arrays) {
        const at = engine_allocate(array.byteLength)
        if (!at) throw new EngineError('out of memory', 'it takes more than the page allows; smaller arrays show the same')
        places.push(at)
        new Uint8Array(memory.buffer).set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at)
      }
      return use(...places)
    } finally {
      if (this.#instance) places.forEach((at) => engine_release(at))
    }
  }

  #document(at) {
    const { engine_length, memory } = this.#exports()
    const text = new TextDecoder().decode(new Uint8Array(memory.buffer, at, engine_length()))
    if (text.startsWith('{"schema":1,"error":')) {
      const { status, message } = JSON.parse(text).error
      throw new EngineError(status, message)
    }
    return text
  }
}

function encode(text) {
  if (String(text).includes('\0')) throw new EngineError('malformed text', 'the text holds a character of code 0')
  return new TextEncoder().encode(`${text}\0`)
}
