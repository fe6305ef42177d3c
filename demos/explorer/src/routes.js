/* routes.js: the ways from x to the result that one part of a gradient stands for: those that meet none of the chosen nodes, or those that meet one of them
 * first. Map id -> 'on-path', or 'behind' for what all ways share after that node. */

export function routeOf(lesson, k) {
  const { x, through } = lesson.trace.paths
  const chosen = new Set(through)
  const next = (id) => lesson.users.get(id).map((user) => user.id)
  const before = (id) => lesson.byId.get(id).operands
  const from = reach(x, next, chosen)
  const route = new Map()
  if (k === 0) {
    const to = reach(lesson.trace.output, before, chosen)
    for (const id of from) if (to.has(id)) route.set(id, 'on-path')
    return route
  }
  const node = through[k - 1]
  const to = reach(node, before, new Set(through.filter((id) => id !== node)))
  const after = reach(node, next, new Set())
  const end = reach(lesson.trace.output, before, new Set())
  for (const id of after) if (end.has(id)) route.set(id, 'behind')
  for (const id of from) if (to.has(id)) route.set(id, 'on-path')
  route.set(node, 'on-path')
  return route
}

/* What can be reached without entering a node of `avoid`; the start itself may be one. */
function reach(start, near, avoid) {
  const seen = new Set([start])
  const queue = [start]
  while (queue.length)
    for (const id of near(queue.pop()))
      if (!seen.has(id) && !avoid.has(id)) {
        seen.add(id)
        queue.push(id)
      }
  return seen
}
