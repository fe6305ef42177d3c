/* export.js: the present step for elsewhere: the graph as an SVG file that stands alone, the step as LaTeX. */
import { texName, texOf } from './tex.js'
import { number } from '../engine.js'
import { adjointAt, definition, isKnown, sentence } from './lesson.js'
import { plane, text } from './numbers.js'

const drawn = { fill: 'black', 'fill-opacity': '1', stroke: 'none', 'stroke-dasharray': 'none', opacity: '1' }
const fonts = ['font-family', 'font-size', 'font-weight']

/* With each element's own style written into it: it needs neither the page nor its theme. `about` is what a screen reader says of it. */
export function svgOf(svg, title, about) {
  const copy = svg.cloneNode(true)
  const [from, to] = [svg, copy].map((root) => [...root.querySelectorAll('*')])
  from.forEach((element, i) => {
    const style = getComputedStyle(element)
    const put = (name) => to[i].setAttribute(name, style.getPropertyValue(name).replace(/px\b/g, ''))
    for (const [name, usual] of Object.entries(drawn)) if (element.tagName !== 'g' ? style.getPropertyValue(name) !== usual : name === 'opacity' && style.opacity !== '1') put(name)
    if (style.stroke !== 'none' && element.tagName !== 'g') put('stroke-width')
    if (element.tagName === 'text') fonts.forEach(put)
    for (const name of ['class', 'data-index']) to[i].removeAttribute(name)
  })
  copy.removeAttribute('class')
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  copy.removeAttribute('aria-hidden')
  copy.setAttribute('role', 'img')
  copy.setAttribute('aria-labelledby', 'title desc')
  const [heading, words] = [['title', title], ['desc', about]].map(([name, text]) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name)
    element.id = name
    element.textContent = text.replace(/[\u0000-\u0008\u000b-\u001f\ufffe\uffff]/g, ' ') // which XML has not
    return element
  })
  copy.prepend(heading, words)
  const ground = document.createElementNS('http://www.w3.org/2000/svg', 'rect')
  for (const [name, value] of Object.entries({ width: '100%', height: '100%', fill: getComputedStyle(document.body).backgroundColor })) ground.setAttribute(name, value)
  words.after(ground)
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(copy)}\n`
}

/* What the drawing holds after the step, in words. */
export function aboutOf(lesson, step) {
  const arrays = lesson.shown.filter(({ id }) => isKnown(lesson, id, step)).map((node) => {
    const gradient = adjointAt(lesson, node.id, step)
    return `${definition(node)}: ${listed(node.value)}${gradient ? `, ${node.adjoint_label} ${listed(gradient.array)}` : ''}`
  })
  return `A graph of ${lesson.shown.length} arrays, from the inputs down to ${lesson.byId.get(lesson.trace.output).label}. ${arrays.join('; ')}.`
}

const listed = ({ values, min, max }) => (!values ? `from ${text(min)} to ${text(max)}` : values.slice(0, 12).map((x) => text(x)).join(' ') + (values.length > 12 ? ' and more' : ''))

function matrix({ shape, values }) {
  const { columns } = plane(shape)
  const rows = []
  for (let at = 0; at < values.length; at += columns) rows.push(values.slice(at, at + columns).map((x) => numberTex(x)).join(' & '))
  if (!shape.length) return numberTex(values[0])
  if (columns > 10) return `\\left(\\begin{array}{*{${columns}}{c}} ${rows.join(' \\\\ ')} \\end{array}\\right)` // pmatrix has 10
  return `\\begin{pmatrix} ${rows.join(' \\\\ ')} \\end{pmatrix}`
}

function numberTex(x) {
  const shown = String(Number(number(x).toPrecision(4)))
  return shown.includes('e') ? shown.replace(/e\+?(-?\d+)/, ' \\cdot 10^{$1}') : shown === 'NaN' ? '\\mathrm{NaN}' : shown.replace('Infinity', '\\infty')
}

/* "mu_{j} = \frac{1}{N} \sum_{k} h_{kj}" and what is before its =. */
const sides = (tex) => (tex?.includes(' = ') ? [tex.slice(0, tex.indexOf(' = ')), tex.slice(tex.indexOf(' = ') + 3)] : [tex, null])

const mostNumbers = 64

/* An align* with the formulas of the step over arrays, with its numbers, and in index notation; of amsmath. */
export function latexOf(lesson, step) {
  const now = lesson.steps[step]
  const lines = []
  const line = (left, sign, right) => lines.push(`  ${left} &${sign === '=' || sign === '\\to' ? sign : `\\mathrel{${sign}}`} ${right}`)
  const numbers = (array) => (array?.values && array.values.length <= mostNumbers ? ` = ${matrix(array)}` : '')
  const given = (node, name, array) => line(name, '=', array?.values && array.values.length <= mostNumbers ? matrix(array) : '\\ldots')
  if (now.kind === 'inputs') for (const node of lesson.shown.filter(({ operands }) => !operands.length)) given(node, texName(node.label), node.value)
  if (now.kind === 'seed') given(now.node, texName(now.node.adjoint_label), now.node.adjoint)
  if (now.kind === 'forward') {
    const [left, right] = sides(now.node.tex)
    lines.push(`  ${texName(now.node.label)} &\\mathrel{=} ${texOf(now.node.text)}${numbers(now.node.value)}`)
    if (right) line(left, '=', right)
  }
  if (now.kind === 'back')
    for (const edge of now.edges.filter(({ flow }) => flow)) {
      const operand = lesson.byId.get(edge.operand)
      const name = texName(operand.adjoint_label)
      lines.push(`  ${name} &\\mathrel{${edge.first ? '=' : '{+}{=}'}} ${texOf(edge.text)}${numbers(edge.flow)}`)
      const after = adjointAt(lesson, edge.operand, step)
      if (!edge.first && after.array.values?.length <= mostNumbers) line(name, '\\to', matrix(after.array))
      const [element] = sides(operand.tex)
      if (edge.tex && element) line(`\\frac{\\partial L}{\\partial ${element}}`, edge.first ? '=' : '{+}{=}', edge.tex)
    }
  const about = now.node ? `${sentence(lesson, step)}; ${definition(now.node)}` : sentence(lesson, step)
  const body = lines.length ? `\\begin{align*}\n${lines.join(' \\\\\n')}\n\\end{align*}\n` : ''
  return `% ${about}`.replace(/[\r\n]/g, ' ') + `\n${body}`.replace(/[^\x20-\x7e\n]/g, '?') // which pdflatex may not know
}

export function save(name, text, type) {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}
