/* heat.jsx: an array as a heat map of SVG: blue with a plus for what is positive, orange with a minus for what is negative, stronger for what is larger.
 * What is not known is an empty frame, never a 0. */
import { number } from '../engine.js'
import { largest, text } from './numbers.js'

/* x, y: its corner; cells: of cellsOf(). lit: elements with a frame. onPick(index). */
export function HeatMap({ array, cells, x, y, lit, near, onPick }) {
  if (!array) return <rect class="blank" x={x} y={y} width={cells.width} height={cells.height} rx="2" />
  if (!array.values) return <text class="number" x={x} y={y + 11}>{`${text(array.min, 3)}..${text(array.max, 3)}`}</text>
  if (!cells.side) return <OneNumber value={array.values[0]} x={x} y={y} cells={cells} lit={lit} onPick={onPick} />
  const { side, columns } = cells
  const most = largest(array.values) || 1
  const signs = { plus: '', minus: '' }
  const squares = array.values.map((given, i) => {
    const value = number(given)
    const left = x + (i % columns) * side
    const top = y + Math.floor(i / columns) * side
    if (side >= 7 && value) signs[value > 0 ? 'plus' : 'minus'] += signPath(value > 0, left + side / 2, top + side / 2, side / 5)
    return (
      <rect key={i} class={value > 0 ? 'positive' : value < 0 ? 'negative' : Number.isNaN(value) ? 'wrong' : 'zero'} x={left} y={top} width={side} height={side}
        fill-opacity={strength(value, most)} data-index={i} onClick={onPick && ((event) => { event.stopPropagation(); onPick(i) })} />
    )
  })
  return (
    <g class="heat">
      <rect class="paper" x={x} y={y} width={cells.width} height={cells.height} />
      {squares}
      <path class="sign" d={signs.plus + signs.minus} />
      <rect class="frame" x={x} y={y} width={cells.width} height={cells.height} />
      {frames(lit, columns, side, x, y, 'lit')}
      {frames(near, columns, side, x, y, 'near')}
    </g>
  )
}

/* From faint to full, by the square root, so that small numbers still show. */
export function strength(value, most) {
  if (!Number.isFinite(value)) return 1
  return value === 0 ? 0 : (0.18 + 0.82 * Math.sqrt(Math.abs(value) / most)).toFixed(2)
}

function signPath(plus, x, y, arm) {
  const line = `M${(x - arm).toFixed(1)} ${y.toFixed(1)}h${(2 * arm).toFixed(1)}`
  return plus ? `${line}M${x.toFixed(1)} ${(y - arm).toFixed(1)}v${(2 * arm).toFixed(1)}` : line
}

function frames(set, columns, side, x, y, name) {
  if (!set) return null
  return [...set].map((i) => (
    <rect key={`${name}${i}`} class={name} x={x + (i % columns) * side + 0.75} y={y + Math.floor(i / columns) * side + 0.75} width={side - 1.5} height={side - 1.5} />
  ))
}

function OneNumber({ value, x, y, cells, lit, onPick }) {
  const shown = number(value)
  return (
    <g class={onPick ? 'heat pickable' : 'heat'} onClick={onPick && ((event) => { event.stopPropagation(); onPick(0) })}>
      <rect class={shown > 0 ? 'positive' : shown < 0 ? 'negative' : 'zero'} x={x} y={y} width={cells.width} height={cells.height} fill-opacity={shown ? 0.25 : 0} />
      {lit && <rect class="lit" x={x} y={y} width={cells.width} height={cells.height} />}
      <text class="number" x={x + cells.width / 2} y={y + 10.5} text-anchor="middle">{text(value)}</text>
    </g>
  )
}
