/* numbers.js: numbers and shapes as people read them. */
import { number } from '../engine.js'

/* Four digits, a real minus sign. */
export function text(x, digits = 4) {
  const value = number(x)
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞'
  if (value === 0) return '0'
  const size = Math.abs(value)
  const shown = size < 1e-4 || size >= 1e6 ? value.toExponential(digits - 2).replace(/\.?0+e/, 'e').replace('e+', 'e') : String(Number(value.toPrecision(digits)))
  return shown.replace(/-/g, '−')
}

/* As a factor or a term of a sum. */
export function bracketed(x) {
  const shown = text(x)
  return shown.startsWith('−') ? `(${shown})` : shown
}

/* "(4, 3)"; "()" of a single number. */
export function shapeText(shape) {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
}

/* "4 by 3", for a voice. */
export function shapeWords(shape) {
  return shape.length ? `shape ${shape.join(' by ')}` : 'a single number'
}

export const countOf = (shape) => shape.reduce((product, length) => product * length, 1)

/* Rows and columns of the picture: all axes but the last are rows. */
export function plane(shape) {
  const columns = shape.length ? shape[shape.length - 1] : 1
  return { columns, rows: columns ? countOf(shape) / columns : 0 }
}

/* Element 5 of (4, 3) is [1, 2], and back. */
export function coordinates(shape, index) {
  const at = []
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    at.unshift(index % shape[axis])
    index = Math.floor(index / shape[axis])
  }
  return at
}

/* The element of this shape at coordinates of another array: last axis to last axis, as arrays broadcast. */
export function indexAt(shape, at) {
  let index = 0
  shape.forEach((length, axis) => {
    const wanted = at[at.length - shape.length + axis] ?? 0
    index = index * length + Math.min(wanted, length - 1)
  })
  return index
}

/* The element of `small` that broadcasts to element `index` of `large`. */
export function broadcastIndex(small, large, index) {
  const at = coordinates(large, index)
  return small.reduce((sum, length, axis) => sum * length + (length === 1 ? 0 : at[large.length - small.length + axis]), 0)
}

/* "h[1, 2]"; "c" of a single number. */
export function elementName(label, shape, index) {
  return shape.length ? `${label}[${coordinates(shape, index).join(', ')}]` : label
}

/* The largest |x| that is a number; 0 of nothing. */
export function largest(values) {
  let most = 0
  for (const x of values) {
    const size = Math.abs(number(x))
    if (size > most && Number.isFinite(size)) most = size
  }
  return most
}

/* Nested lists, as an array is typed. */
export function typed({ shape, values }) {
  const rows = (axis, from, count) => {
    if (axis === shape.length) return String(number(values[from]))
    const step = count / shape[axis]
    return `[${Array.from({ length: shape[axis] }, (_, i) => rows(axis + 1, from + i * step, step)).join(', ')}]`
  }
  return rows(0, 0, countOf(shape))
}
