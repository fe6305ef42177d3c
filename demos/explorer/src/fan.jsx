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

function Half({ title, few, many, fewShape, manyShape, to, index, out, dim, labels }) {
  const small = plane(fewShape)
  const large = plane(manyShape)
  const left = small.columns * cell.width
  const gap = 70
  const width = left + gap + large.columns * cell.width + 8
  const height = Math.max(small.rows, large.rows) * cell.height + 44
  const top = (rows) => 22 + ((Math.max(small.rows, large.rows) - rows) * cell.height) / 2
  const right = left + gap
  const lines = to.map((from, i) => {
    const x1 = 4 + (from % small.columns) * cell.width + cell.width / 2
    const y1 = top(small.rows) + Math.floor(from / small.columns) * cell.height + cell.height / 2
    const x2 = right + (i % large.columns) * cell.width + cell.width / 2
    const y2 = top(large.rows) + Math.floor(i / large.columns) * cell.height + cell.height / 2
    return { d: `M${x1} ${y1}C${x1 + 60} ${y1} ${x2 - 60} ${y2} ${x2} ${y2}`, strong: from === index }
  })
  const words = `${title}: ${labels[0]} ${shapeText(fewShape)} ${out ? 'to' : 'from'} ${labels[1]} ${shapeText(manyShape)}`
  return (
    <svg class={dim ? 'fan dim' : 'fan'} viewBox={`0 0 ${width} ${height}`} style={{ maxWidth: `${width}px` }} role="img" aria-label={words}>
      <text class="title" x="4" y="13">{title}</text>
      <Cells array={few} shape={fewShape} x={4} y={top(small.rows)} plane={small} strong={(i) => i === index} />
      <Cells array={many} shape={manyShape} x={right} y={top(large.rows)} plane={large} strong={(i) => to[i] === index} />
      {lines.map(({ d, strong }) => <path key={d} class={strong ? 'line strong' : 'line'} d={d} />)}
      <path class="way" d={out ? `M${left + 20} ${height - 10}h36m-6 -4l6 4l-6 4` : `M${left + 56} ${height - 10}h-36m6 -4l-6 4l6 4`} />
      <text class="caption" x="4" y={height - 6}>{labels[0]} {shapeText(fewShape)}</text>
      <text class="caption" x={width - 4} y={height - 6} text-anchor="end">{labels[1]} {shapeText(manyShape)}</text>
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
        {values && <text class="number" x={left + cell.width / 2} y={top + 14} text-anchor="middle">{text(values[i], 3)}</text>}
      </g>
    )
  })
}
