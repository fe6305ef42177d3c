/* layout.js: where the nodes of the forward graph lie, by dagre, from the inputs down to the result. The adjoint is drawn on the same node, so nothing
 * moves while one steps. Sizes are in pixels of the drawing. */
import dagre from '@dagrejs/dagre'
import { plane, shapeText } from './numbers.js'
import { definition } from './lesson.js'

const most = { title: 30, cell: 12, map: 108, rows: 16 }
const character = 6.7 // of the drawing's 11 px monospace font

/* The cells of one heat map: side, columns, rows; of a single number room for its text. */
export function cellsOf(array) {
  if (!array.values) return { side: 0, width: 84, height: 14 }
  if (array.shape.length === 0 || array.values.length === 1) return { side: 0, width: 46, height: 14 }
  const { columns, rows } = plane(array.shape)
  const side = Math.max(1, Math.min(most.cell, most.map / Math.max(columns, 1), (most.rows * most.cell) / Math.max(rows, 1)))
  return { side, width: Math.max(columns * side, 4), height: Math.max(rows * side, 4), columns, rows }
}

export function titleOf(node) {
  const title = definition(node).replace(', keepdims=1)', ')') // the shape says so
  return title.length > most.title ? `${title.slice(0, most.title - 1)}…` : title
}

/* A node's box: title, captions, then its value and its adjoint side by side. */
export function boxOf(node) {
  const cells = cellsOf(node.value)
  const captions = [`${shapeText(node.shape)}`, node.adjoint ? node.adjoint_label : '']
  const half = Math.max(cells.width, captions[0].length * 5.6, captions[1].length * 5.6) + 4
  const width = Math.max(titleOf(node).length * character + 14, node.adjoint ? 2 * half + 22 : half + 14)
  return { cells, width, height: 20 + 12 + cells.height + 8, half }
}

export function layoutOf(lesson) {
  const graph = new dagre.graphlib.Graph({ multigraph: true })
  graph.setGraph({ rankdir: 'TB', nodesep: 12, ranksep: 24, marginx: 8, marginy: 8 })
  graph.setDefaultEdgeLabel(() => ({}))
  const boxes = new Map()
  for (const node of lesson.shown) {
    const box = boxOf(node)
    boxes.set(node.id, box)
    graph.setNode(String(node.id), { width: box.width, height: box.height })
  }
  const edges = []
  for (const node of lesson.shown)
    node.operands.forEach((operand, slot) => {
      if (lesson.fixed.has(operand)) return
      edges.push({ from: operand, to: node.id, slot, key: `${operand}-${node.id}-${slot}` })
      graph.setEdge(String(operand), String(node.id), {}, String(slot))
    })
  dagre.layout(graph)
  for (const [id, box] of boxes) {
    const { x, y } = graph.node(String(id))
    Object.assign(box, { left: x - box.width / 2, top: y - box.height / 2 })
  }
  for (const edge of edges) edge.path = pathOf(graph.edge({ v: String(edge.from), w: String(edge.to), name: String(edge.slot) }).points)
  const { width, height } = graph.graph()
  return { boxes, edges, width, height }
}

/* A smooth line through the points of an edge. */
function pathOf(points) {
  const at = ({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`
  let path = `M${at(points[0])}`
  for (let i = 1; i < points.length - 1; i++) {
    const next = points[i + 1]
    const middle = i === points.length - 2 ? next : { x: (points[i].x + next.x) / 2, y: (points[i].y + next.y) / 2 }
    path += `Q${at(points[i])} ${at(middle)}`
  }
  return points.length === 2 ? `${path}L${at(points[1])}` : path
}
