/* grid.jsx: an array as a table of numbers on a ground of their sign and size. Its numbers can be picked, with the pointer or the arrow keys, or edited. */
import { useRef } from 'preact/hooks'
import { number } from '../engine.js'
import { strength } from './heat.jsx'
import { coordinates, largest, plane, shapeText, text } from './numbers.js'

const tooMany = 400

/* array: null is drawn blank, in `shape`. onPick(index); focus: the element in the tab order. */
export function Grid({ label, array, shape, lit, near, focus = 0, onPick, note }) {
  const table = useRef(null)
  const { rows, columns } = plane(shape)
  if (array && !array.values)
    return <p class="summary">{label} {shapeText(shape)}: too large to show whole; from {text(array.min)} to {text(array.max)}, mean {text(array.mean)}</p>
  if (rows * columns > tooMany) return <p class="summary">{label} {shapeText(shape)}: {rows * columns} numbers</p>
  const most = array ? largest(array.values) || 1 : 1
  const move = (event, index) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key]
    if (!step) return
    event.preventDefault()
    event.stopPropagation()
    const next = index + step
    if (next < 0 || next >= rows * columns || (Math.abs(step) === 1 && columns > 1 && Math.floor(next / columns) !== Math.floor(index / columns))) return
    onPick(next)
    table.current.querySelector(`[data-index="${next}"]`)?.focus()
  }
  return (
    <figure class="grid">
      <figcaption><b>{label}</b> <span class="shape">{shapeText(shape)}</span>{note && <span class="note"> {note}</span>}</figcaption>
      <div class="scroll">
        <table ref={table} class={array ? 'numbers' : 'numbers unknown'} aria-label={`${label}, ${shapeText(shape)}${array ? '' : ', not computed yet'}`}>
          <tbody>
            {Array.from({ length: rows }, (_, row) => (
              <tr key={row}>
                {Array.from({ length: columns }, (_, column) => {
                  const index = row * columns + column
                  return <Cell key={column} {...{ label, shape, index, most, onPick, move }} value={array?.values[index]} lit={lit?.has(index)} near={near?.has(index)} tab={index === focus} />
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </figure>
  )
}

function Cell({ label, shape, index, value, most, lit, near, tab, onPick, move }) {
  if (value === undefined) return <td class="blank"><span class="unseen">not computed yet</span></td>
  const kind = [signOf(value), lit && 'lit', near && 'near'].filter(Boolean).join(' ')
  const style = { '--strength': strength(number(value), most) }
  if (!onPick) return <td class={kind} style={style}>{text(value)}</td>
  return (
    <td class={kind} style={style}>
      <button type="button" data-index={index} tabIndex={tab ? 0 : -1} aria-pressed={lit ? 'true' : 'false'} aria-label={`${label} ${coordinates(shape, index).join(', ')}: ${text(value)}`}
        onClick={() => onPick(index)} onKeyDown={(event) => move(event, index)}>{text(value)}</button>
    </td>
  )
}

export function signOf(value) {
  const x = number(value)
  return x > 0 ? 'positive' : x < 0 ? 'negative' : x === 0 ? 'zero' : 'wrong'
}

/* Numbers to edit. onChange(values). */
export function Entry({ label, array, onChange }) {
  const { rows, columns } = plane(array.shape)
  if (rows * columns > tooMany) return <p class="summary">{label} {shapeText(array.shape)}: {rows * columns} numbers</p>
  const edit = (index, typed) => {
    const value = Number(typed.trim().replace(/−/g, '-').replace(',', '.'))
    if (typed.trim() !== '' && !Number.isNaN(value)) onChange(array.values.map((x, i) => (i === index ? value : x)))
  }
  return (
    <figure class="grid">
      <figcaption><b>{label}</b> <span class="shape">{shapeText(array.shape)}</span></figcaption>
      <div class="scroll">
        <table class="numbers entry"><tbody>
          {Array.from({ length: rows }, (_, row) => (
            <tr key={row}>
              {Array.from({ length: columns }, (_, column) => {
                const index = row * columns + column
                const at = coordinates(array.shape, index)
                return <td key={column}><input inputMode="decimal" value={String(array.values[index])} aria-label={at.length ? `${label} ${at.join(', ')}` : label} onInput={(event) => edit(index, event.currentTarget.value)} /></td>
              })}
            </tr>
          ))}
        </tbody></table>
      </div>
    </figure>
  )
}
