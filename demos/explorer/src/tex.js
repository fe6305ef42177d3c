/* tex.js: the texts of a trace, which are expressions as Weft reads them, as TeX, and TeX as MathML. What cannot be read stays as it is, in \text. */
import temml from 'temml'

const greek = 'alpha beta gamma delta epsilon eps zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi chi psi omega'.split(' ')
const hats = { hath: '\\hat h', xhat: '\\hat x', hhat: '\\hat h' }

const escaped = (text) => text.replace(/\\/g, '/').replace(/[{}$&#^_%~]/g, (c) => (c === '^' || c === '~' ? ' ' : `\\${c}`))

/* "sigma2" is \sigma^2, "dgamma" d\gamma, "t21" t_{21}. */
export function texName(name) {
  if (hats[name]) return hats[name]
  if (name === 'sigma2') return '\\sigma^2'
  if (greek.includes(name)) return name === 'eps' ? '\\varepsilon' : `\\${name}`
  const parts = /^([A-Za-z]+?)_?(\d+)$/.exec(name)
  if (parts && (parts[1].length === 1 || greek.includes(parts[1]))) return `${texName(parts[1])}_{${parts[2]}}`
  if (/^d[A-Za-z]/.test(name) && name.length > 1 && name.length < 12) {
    const rest = texName(name.slice(1))
    if (!rest.startsWith('\\mathit') || name.length <= 4) return `d${rest.includes('^') ? `(${rest})` : rest}`
  }
  return name.length === 1 ? name : `\\mathit{${escaped(name)}}`
}

/* A reader of expressions, precedence by precedence: + -, * / @, unary -, **. */
class Reader {
  constructor(text) {
    this.tokens = text.match(/\d+\.?\d*(?:e[+-]?\d+)?|\.\d+|[A-Za-z_]\w*|\*\*|[-+*/@()[\],=<>]/g) ?? []
    if (this.tokens.join('') !== text.replace(/\s+/g, '')) throw new Error('text')
    this.at = 0
  }
  peek() { return this.tokens[this.at] }
  take(token) {
    if (token !== undefined && this.peek() !== token) throw new Error(`expected ${token}`)
    if (this.at >= this.tokens.length) throw new Error('ends')
    return this.tokens[this.at++]
  }
  sum() {
    let left = this.product()
    while (this.peek() === '+' || this.peek() === '-') {
      const sign = this.take()
      left = { tex: `${left.tex} ${sign} ${grouped(this.product(), 2)}`, level: 1 }
    }
    return left
  }
  product() {
    let left = this.unary()
    while (['*', '/', '@'].includes(this.peek())) {
      const sign = this.take()
      const right = this.unary()
      if (sign === '/') left = { tex: `\\frac{${left.tex}}{${right.tex}}`, level: 2 }
      else left = { tex: `${grouped(left, 2)} ${sign === '@' ? '' : /^[-\d.]/.test(right.tex) ? '\\cdot ' : '\\, '}${grouped(right, 2, true)}`, level: 2 }
    }
    return left
  }
  unary() {
    if (this.peek() !== '-') return this.power()
    this.take()
    return { tex: `-${grouped(this.unary(), 2)}`, level: 1 }
  }
  power() {
    const base = this.atom()
    if (this.peek() !== '**') return base
    this.take()
    const exponent = this.unary().tex.replace(/^\\frac\{(-?\d+)\}\{(\d+)\}$/, '$1/$2')
    return { tex: `${grouped(base, 5)}^{${exponent}}`, level: 4 }
  }
  atom() {
    const token = this.take()
    if (token === '(') {
      const inner = this.sum()
      this.take(')')
      return inner
    }
    if (/^[\d.]/.test(token)) return { tex: scientific(token), level: 5 }
    if (!/^[A-Za-z_]/.test(token)) throw new Error('token')
    return this.peek() === '(' ? this.call(token) : { tex: texName(token), level: texName(token).includes('^') ? 4 : 5 }
  }
  call(name) {
    const given = []
    const options = []
    this.take('(')
    while (this.peek() !== ')') {
      if (this.tokens[this.at + 1] === '=') {
        const option = this.take()
        this.take('=')
        options.push(`${option}=${this.value()}`)
      } else given.push(this.sum())
      if (this.peek() === ',') this.take()
    }
    this.take(')')
    return callTex(name, given, options)
  }
  value() {
    let text = this.take()
    if (text === '-') text += this.take()
    if (text === '(' || text === '[') while (!text.endsWith(')') && !text.endsWith(']')) text += this.take()
    return text
  }
}

const grouped = (part, level, factor) => (part.level < level || (factor && part.tex.startsWith('-')) ? `\\left(${part.tex}\\right)` : part.tex)

function scientific(token) {
  const parts = /^(.*)e([+-]?\d+)$/.exec(token)
  if (!parts) return token
  const power = `10^{${Number(parts[2])}}`
  return parts[1] === '1' ? power : `${parts[1]}\\cdot ${power}`
}

function callTex(name, given, options) {
  const inner = given.map(({ tex }) => tex).join(', ')
  const axis = options.find((option) => option.startsWith('axis=')) ?? (given.length > 1 ? `axis=${given[1].tex}` : undefined)
  if (name === 'sum') return { tex: `\\sum_{${axis ? `\\text{${escaped(axis.replace('=', ' '))}}` : ''}} ${grouped(given[0], 2)}`.replace('_{}', ''), level: 1 }
  if (name === 'exp') return { tex: `e^{${inner}}`, level: 4 }
  if (name === 'sqrt') return { tex: `\\sqrt{${inner}}`, level: 5 }
  if (name === 'abs') return { tex: `\\left|${inner}\\right|`, level: 5 }
  return { tex: `\\operatorname{${escaped(name)}}\\left(${inner}\\right)`, level: 5 }
}

/* An expression, or "name = expression", as TeX. */
export function texOf(text) {
  const parts = /^\s*([A-Za-z_]\w*)\s*(\+?=)\s*(.*)$/s.exec(text)
  if (parts) return `${texName(parts[1])} \\mathrel{${parts[2]}} ${texOf(parts[3])}`
  try {
    const reader = new Reader(text)
    const { tex } = reader.sum()
    if (reader.peek() !== undefined) throw new Error('more')
    return tex
  } catch {
    return `\\text{${escaped(text)}}`
  }
}

const made = new Map()

/* TeX as MathML text; the same formula is made once. */
export function mathml(tex, display = false) {
  const key = `${display} ${tex}`
  if (!made.has(key)) {
    if (made.size > 2000) made.clear()
    const names = tex.replace(/\\mathrm\{([A-Za-z]+\d\w*)\}/g, '\\text{$1}') // of \mathrm{t24} Temml 0.13.5 leaves t2
    made.set(key, temml.renderToString(names, { displayMode: display, throwOnError: false, trust: false, strict: false }))
  }
  return made.get(key)
}
