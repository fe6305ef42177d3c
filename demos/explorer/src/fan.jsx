/* fan.jsx: a broadcast and a sum as one picture and its reverse: few elements on the left, many on the right, a line from each to its copies. Forward a
 * broadcast copies from left to right and back its adjoint adds up from right to left; for a sum it is the other way. */
import { number } from '../engine.js'
import { largest, plane, shapeText, text } from './numbers.js'
import { signOf } from './grid.jsx'
import { strength } from './heat.jsx'

const cell = { width: 46, height: 20 }
const most = 48

export const isFan = (node) => (node.op === 'broadcast' && node.links[0]?.takes) || (node.op === 'sum' && node.links[0]?.folds)

/* The column of pictures: forward, then back where that is known. index: an element of the few, whose lines are strong. */
export function Fan({ lesson, node, back, adjoint, sent, index }) {
  const operand = lesson.byId.get(node.operands[0])
  const isBroadcast = node.op === 'broadcast'
  const [few, many] = isBroadcast ? [operand, node] : [node, operand]
  const to = isBroadcast ? node.links[0].takes : node.links[0].folds // element of the few, of each of the many
  if (to.length > most) return null
  const forward = { title: isBroadcast ? 'forward: copied' : 'forward: added up', few: few.value, many: many.value, out: isBroadcast, labels: [few.label, many.label] }
  const reverse = { title: isBroadcast ? 'backward: added up' : 'backward: copied', few: isBroadcast ? sent : adjoint, many: isBroadcast ? adjoint : sent, out: !isBroadcast,
    labels: [few.adjoint_label, many.adjoint_label] }
  return (
    <figure class="fans">
      <div class="pair">
        <Half {...forward} {...{ few: forward.few, fewShape: few.shape, manyShape: many.shape, to, index, dim: back }} />
        <Half {...reverse} {...{ fewShape: few.shape, manyShape: many.shape, to, index, dim: !back }} />
      </div>
      <figcaption>{isBroadcast ? 'What is copied forward is added up backward: every copy had a say in the loss.' : 'What is added up forward is copied backward: every term has the same say in the sum.'}</figcaption>
    </figure>
  )
}

/* Where the few have the columns of the many they lie above them, else at the left; a line ends at the edge of a copy and never crosses a number. */
function Half({ title, few, many, fewShape, manyShape, to, index, out, dim, labels }) {
  const small = plane(fewShape)
  const large = plane(manyShape)
  const above = small.columns === large.columns || small.rows !== large.rows
  const gap = above ? 40 : 70
  const top = 34
  const size = (p) => ({ width: p.columns * cell.width, height: p.rows * cell.height })
  const [a, b] = [size(small), size(large)]
  const manyAt = above ? { x: 4, y: top + a.height + gap } : { x: 4 + a.width + gap, y: top }
  const fewAt = above ? { x: 4 + Math.max(0, small.columns === large.columns ? 0 : (b.width - a.width) / 2), y: top } : { x: 4, y: top }
  const width = Math.max(manyAt.x + b.width, fewAt.x + a.width + (above ? 24 : 0), 190) + 8
  const height = Math.max(manyAt.y + b.height, fewAt.y + a.height) + (above ? 22 : 24)
  const lines = to.map((from, i) => {
    const x1 = fewAt.x + (from % small.columns) * cell.width + (above ? cell.width / 2 : cell.width)
    const y1 = fewAt.y + Math.floor(from / small.columns) * cell.height + (above ? cell.height : cell.height / 2)
    const x2 = manyAt.x + (i % large.columns) * cell.width + 3
    const y2 = manyAt.y + Math.floor(i / large.columns) * cell.height + (above ? cell.height / 2 : 3)
    const d = above ? `M${x1} ${y1}C${x1} ${y1 + gap * 0.7} ${x2} ${manyAt.y - gap * 0.6} ${x2} ${manyAt.y}V${y2}h3` : `M${x1} ${y1}C${x1 + gap * 0.6} ${y1} ${manyAt.x - gap * 0.4} ${y2} ${manyAt.x} ${y2}H${x2}v3`
    return { d, strong: from === index }
  })
  const middle = above ? { x: fewAt.x + a.width + 14, y: fewAt.y + a.height } : { x: fewAt.x + a.width + gap / 2, y: fewAt.y + a.height }
  const arrow = above ? (out ? `M${middle.x} ${middle.y + 2}v30m-4 -6l4 6l4 -6` : `M${middle.x} ${middle.y + 32}v-30m-4 6l4 -6l4 6`) : out ? `M${middle.x - 16} ${middle.y + 8}h32m-6 -4l6 4l-6 4` : `M${middle.x + 16} ${middle.y + 8}h-32m6 -4l-6 4l6 4`
  const words = `${title}: ${labels[0]} ${shapeText(fewShape)} ${out ? 'to' : 'from'} ${labels[1]} ${shapeText(manyShape)}`
  return (
    <svg class={dim ? 'fan dim' : 'fan'} viewBox={`0 0 ${width} ${height}`} style={{ maxWidth: `${width}px` }} role="img" aria-label={words}>
      <text class="title" x="4" y="12">{title}</text>
      <text class="caption" x={fewAt.x} y={fewAt.y - 5}>{labels[0]} {shapeText(fewShape)}</text>
      <Cells array={few} x={fewAt.x} y={fewAt.y} plane={small} strong={(i) => i === index} />
      <Cells array={many} x={manyAt.x} y={manyAt.y} plane={large} strong={(i) => to[i] === index} />
      {lines.map(({ d, strong }) => <path key={d} class={strong ? 'line strong' : 'line'} d={d} />)}
      <path class="way" d={arrow} />
      <text class="caption" x={manyAt.x} y={manyAt.y + b.height + 14}>{labels[1]} {shapeText(manyShape)}</text>
    </svg>
  )
}

function Cells({ array, x, y, plane: { rows, columns }, strong }) {
  const values = array?.values
  const largestOf = values ? largest(values) || 1 : 1
  return Array.from({ length: rows * columns }, (_, i) => {
    const left = x + (i % columns) * cell.width
    const top = y + Math.floor(i / columns) * cell.height
    const sign = values ? signOf(values[i]) : 'blank'
    return (
      <g key={i} class={strong(i) ? 'cell strong' : 'cell'}>
        <rect class="paper" x={left} y={top} width={cell.width} height={cell.height} />
        <rect class={sign} x={left} y={top} width={cell.width} height={cell.height} fill-opacity={values ? strength(number(values[i]), largestOf) * 0.45 : 1} />
        {values && <text class="number" x={left + cell.width - 4} y={top + 14} text-anchor="end">{text(values[i], 3)}</text>}
      </g>
    )
  })
}
