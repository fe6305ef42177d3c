/* graph.jsx: the graph as SVG, and over it the same nodes as an ordered list of buttons, which a screen reader walks and a keyboard too: one of them is in
 * the tab order, Up and Down follow edges, with Shift the next edge where there are several. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { litOf, nearOf } from './feeds.js'
import { HeatMap } from './heat.jsx'
import { titleOf } from './layout.js'
import { adjointAt, definition, isKnown } from './lesson.js'
import { shapeText, shapeWords, text } from './numbers.js'

/* on: { node(id), pick(pick), hover(id) }; emphasis: Map id -> class, of a path that is shown. */
export function Graph({ lesson, layout, step, light, selected, emphasis, on, name = 'graph' }) {
  const pane = useRef(null)
  const [whole, setWhole] = useState(false)
  const zoom = whole && pane.current ? Math.min(1, pane.current.clientWidth / layout.width, pane.current.clientHeight / layout.height) : undefined
  const now = lesson.steps[step]
  const focus = selected ?? now.node?.id ?? lesson.shown[0].id
  useEffect(() => keepInView(pane.current, layout, focus, whole), [focus, layout, whole])
  return (
    <div class="frame">
      <button type="button" class="fit" aria-pressed={whole ? 'true' : 'false'} onClick={() => setWhole(!whole)}>whole graph</button>
      <div class="graph" ref={pane} id={name}>
        <div class="sheet" style={{ zoom, width: `${layout.width}px`, height: `${layout.height}px` }}>
          <svg width={layout.width} height={layout.height} viewBox={`0 0 ${layout.width} ${layout.height}`} aria-hidden="true" class="drawing">
            <defs>
              <marker id={`${name}-arrow`} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" /></marker>
            </defs>
            {layout.edges.map((edge) => <Edge key={edge.key} edge={edge} now={now} known={isKnown(lesson, edge.to, step)} emphasis={emphasis} arrow={`${name}-arrow`} />)}
            {lesson.shown.map((node) => <Node key={node.id} {...{ lesson, node, step, light, emphasis, on }} box={layout.boxes.get(node.id)} current={focus === node.id} acts={now.node?.id === node.id} />)}
          </svg>
          <NodeList {...{ lesson, layout, step, focus, on, name }} />
        </div>
      </div>
    </div>
  )
}

function Edge({ edge, now, known, emphasis, arrow }) {
  const acts = now.node?.id === edge.to && (now.kind === 'forward' || now.kind === 'back')
  const sends = acts && now.kind === 'back' && now.edges.some(({ slot, flow }) => slot === edge.slot && flow)
  const onPath = emphasis?.get(edge.from) && emphasis?.get(edge.to)
  const kind = ['edge', known ? 'known' : 'ahead', acts && now.kind === 'forward' && 'acts', sends && 'sends', onPath && 'on-path', emphasis && !onPath && 'off-path'].filter(Boolean).join(' ')
  return useMemo(() => <path class={kind} d={edge.path} marker-end={sends ? undefined : `url(#${arrow})`} marker-start={sends ? `url(#${arrow})` : undefined} />, [edge, kind])
}

/* Redrawn only when something of it changed. */
function Node({ lesson, node, step, light, emphasis, on, box, current, acts }) {
  const value = isKnown(lesson, node.id, step) ? node.value : null
  const adjoint = adjointAt(lesson, node.id, step)
  const part = emphasis ? emphasis.get(node.id) ?? 'off-path' : ''
  const lit = [litOf(light, 'value', node.id), nearOf(light, 'value', node.id), litOf(light, 'adjoint', node.id), nearOf(light, 'adjoint', node.id)]
  return useMemo(() => {
    const { cells, half, left, top, width, height } = box
    const split = node.adjoint ? left + width / 2 : left + width
    const kind = ['node', node.role, node.op, value ? 'known' : 'ahead', current && 'current', acts && 'acts', part]
    const right = split + 6
    return (
      <g class={kind.filter(Boolean).join(' ')} onClick={() => on.node(node.id)} onMouseEnter={() => on.hover(node.id)} onMouseLeave={() => on.hover(null)}>
        <path class="box" d={outline(node.op, left, top, width, height)} />
        <text class="title" x={left + width / 2} y={top + 14} text-anchor="middle">{titleOf(node)}</text>
        <text class="caption" x={left + 7} y={top + 28}>{shapeText(node.shape)}</text>
        {node.adjoint && <text class="caption" x={right} y={top + 28}>{node.adjoint_label}{adjoint && adjoint.parts < adjoint.of ? ` ${adjoint.parts}/${adjoint.of}` : ''}</text>}
        <HeatMap array={value} cells={cells} x={left + 7} y={top + 32} lit={lit[0]} near={lit[1]} onPick={(index) => on.pick({ kind: 'value', id: node.id, index })} />
        {node.adjoint && <path class="split" d={`M${split} ${top + 21}V${top + height - 4}`} />}
        {node.adjoint && <HeatMap array={adjoint?.array ?? null} cells={cells} x={right} y={top + 32} lit={adjoint && lit[2]} near={adjoint && lit[3]} onPick={(index) => on.pick({ kind: 'adjoint', id: node.id, index })} />}
      </g>
    )
  }, [node, box, value, adjoint?.array, adjoint?.parts, current, acts, part, ...lit])
}

/* A broadcast widens downwards, a sum narrows: the one is the other upside down. */
function outline(op, left, top, width, height) {
  const slant = op === 'broadcast' ? 8 : op === 'sum' ? -8 : 0
  const above = Math.max(slant, 0)
  const below = Math.max(-slant, 0)
  const right = left + width
  if (slant) return `M${left - 4 + above} ${top}H${right + 4 - above}L${right + 4 - below} ${top + height}H${left - 4 + below}Z`
  return `M${left + 4} ${top}H${right - 4}q4 0 4 4V${top + height - 4}q0 4 -4 4H${left + 4}q-4 0 -4 -4V${top + 4}q0 -4 4 -4Z`
}

function NodeList({ lesson, layout, step, focus, on, name }) {
  const list = useRef(null)
  const move = (event, id) => {
    const next = neighbour(lesson, id, event)
    if (next === undefined) return
    event.preventDefault()
    event.stopPropagation()
    on.node(next)
    list.current.querySelector(`[data-node="${next}"]`)?.focus({ preventScroll: true })
  }
  return (
    <ol ref={list} class="nodes" aria-label="the graph, node by node; up and down follow its edges">
      {lesson.shown.map((node) => <Item key={node.id} {...{ lesson, node, step, on, move, name }} box={layout.boxes.get(node.id)} current={focus === node.id} />)}
    </ol>
  )
}

function Item({ lesson, node, step, on, move, name, box, current }) {
  const words = useMemo(() => spoken(lesson, node, step), [lesson, node, isKnown(lesson, node.id, step), adjointAt(lesson, node.id, step)?.array])
  return (
    <li>
      <button type="button" data-node={node.id} id={`${name}-node-${node.id}`} tabIndex={current ? 0 : -1} style={{ left: `${box.left}px`, top: `${box.top}px`, width: `${box.width}px` }} aria-current={current ? 'true' : undefined}
        onClick={() => on.node(node.id)} onFocus={() => on.hover(node.id)} onBlur={() => on.hover(null)} onKeyDown={(event) => move(event, node.id)}><span class="unseen">{words}</span></button>
    </li>
  )
}

/* Up: an operand; Down: a user; with Shift the next one. */
function neighbour(lesson, id, event) {
  if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return undefined
  const near = event.key === 'ArrowUp' ? lesson.byId.get(id).operands.filter((operand) => !lesson.fixed.has(operand)) : lesson.users.get(id).map((user) => user.id)
  return event.shiftKey ? near[near.length - 1] : near[0]
}

function spoken(lesson, node, step) {
  const value = isKnown(lesson, node.id, step) ? numbersOf(node.value) : 'not computed yet'
  const adjoint = adjointAt(lesson, node.id, step)
  const gradient = !node.adjoint ? 'no gradient' : adjoint ? `${node.adjoint_label} ${numbersOf(adjoint.array)}${adjoint.parts < adjoint.of ? ' so far' : ''}` : `${node.adjoint_label} not computed yet`
  return `${definition(node)}, ${shapeWords(node.shape)}, value ${value}, ${gradient}`
}

function numbersOf({ values, min, max }) {
  if (!values) return `from ${text(min)} to ${text(max)}`
  return values.length > 12 ? `${values.slice(0, 12).map((x) => text(x, 3)).join(' ')} and more` : values.map((x) => text(x, 3)).join(' ')
}

/* Scrolls the pane, not the page. */
function keepInView(pane, layout, id, whole) {
  const box = layout.boxes.get(id)
  if (!pane || !box || whole) return
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches
  const zoom = Number(getComputedStyle(pane.firstChild).zoom) || 1
  const top = zoom * (box.top + box.height / 2) - pane.clientHeight / 2
  const left = zoom * (box.left + box.width / 2) - pane.clientWidth / 2
  pane.scrollTo({ top, left, behavior: calm ? 'auto' : 'smooth' })
}
