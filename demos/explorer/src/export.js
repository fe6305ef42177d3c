/* export.js: the present step for elsewhere: the graph as an SVG file that stands alone, the step as LaTeX. */
import { texName, texOf } from './tex.js'
import { number } from '../engine.js'
import { adjointAt, definition, isKnown, sentence } from './lesson.js'
import { plane } from './numbers.js'

const drawn = { fill: 'black', 'fill-opacity': '1', stroke: 'none', 'stroke-dasharray': 'none', opacity: '1' }
const fonts = ['font-family', 'font-size', 'font-weight']

/* With each element's own style written into it. */
export function svgOf(svg, title) {
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
  const heading = document.createElementNS('http://www.w3.org/2000/svg', 'title')
  heading.textContent = title
  copy.prepend(heading)
  const ground = document.createElementNS('http://www.w3.org/2000/svg', 'rect')
  for (const [name, value] of Object.entries({ width: '100%', height: '100%', fill: getComputedStyle(document.body).backgroundColor })) ground.setAttribute(name, value)
  heading.after(ground)
  return new XMLSerializer().serializeToString(copy)
}

function matrix({ shape, values }) {
  const { columns } = plane(shape)
  const rows = []
  for (let at = 0; at < values.length; at += columns) rows.push(values.slice(at, at + columns).map((x) => numberTex(x)).join(' & '))
  return shape.length ? `\\begin{pmatrix} ${rows.join(' \\\\ ')} \\end{pmatrix}` : numberTex(values[0])
}

function numberTex(x) {
  const shown = String(Number(number(x).toPrecision(4)))
  return shown.includes('e') ? shown.replace(/e\+?(-?\d+)/, ' \\cdot 10^{$1}') : shown === 'NaN' ? '\\mathrm{NaN}' : shown.replace('Infinity', '\\infty')
}

/* An align* with the formulas of the step and its numbers; of amsmath. */
export function latexOf(lesson, step) {
  const now = lesson.steps[step]
  const lines = []
  const aligned = (left, sign, right, numbers) => lines.push(`  ${left} &\\mathrel{${sign}} ${right}${numbers?.values && numbers.values.length <= 64 ? ` = ${matrix(numbers)}` : ''}`)
  if (now.kind === 'inputs') for (const node of lesson.shown.filter(({ operands }) => !operands.length)) lines.push(`  ${texName(node.label)} &= ${node.value.values ? matrix(node.value) : '\\ldots'}`)
  if (now.kind === 'forward' && isKnown(lesson, now.node.id, step)) aligned(texName(now.node.label), '=', texOf(now.node.text), now.node.value)
  if (now.kind === 'seed') lines.push(`  ${texName(now.node.adjoint_label)} &= ${now.node.adjoint?.values ? matrix(now.node.adjoint) : '\\ldots'}`)
  if (now.kind === 'back')
    for (const edge of now.edges.filter(({ flow }) => flow)) {
      const operand = lesson.byId.get(edge.operand)
      aligned(texName(operand.adjoint_label), edge.first ? '=' : '+=', texOf(edge.text), edge.flow)
      const after = adjointAt(lesson, edge.operand, step)
      if (!edge.first && after.array.values) lines.push(`  ${texName(operand.adjoint_label)} &\\to ${matrix(after.array)}`)
    }
  const about = now.node ? `${sentence(lesson, step)}; ${definition(now.node)}` : sentence(lesson, step)
  return `% ${about.replace(/[\r\n]/g, ' ')}\n\\begin{align*}\n${lines.join(' \\\\\n')}\n\\end{align*}\n`
}

export function save(name, text, type) {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}
