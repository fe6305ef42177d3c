/* node_card.jsx: a node that was chosen in the graph, whatever the present step is: its arrays, and the steps at which it acts. */
import { ArrayOf } from './card.jsx'
import { Formula } from './formula.jsx'
import { definition, stepBack } from './lesson.js'

export function NodeCard({ lesson, step, at, light, on, node, go, close }) {
  const shared = { lesson, step, at, light, on, node }
  const forward = lesson.computed.get(node.id)
  const back = node.adjoint ? stepBack(lesson, node.id) : null
  const users = lesson.users.get(node.id).map(({ id }) => lesson.byId.get(id).label)
  return (
    <article class="card">
      <h2><span class="lead">Node</span> <Formula text={definition(node)} /> <button type="button" onClick={close}>back to the step</button></h2>
      <p class="op"><b>{node.op}</b>{node.operands.length > 0 && `: ${node.formula}`}{node.scope && `; in ${node.scope}`}. {users.length ? `Used by ${users.join(', ')}.` : 'The result.'}</p>
      <div class="arrays">
        <ArrayOf {...shared} kind="value" />
        {node.adjoint ? <ArrayOf {...shared} kind="adjoint" /> : <p>No gradient: {node.silence || 'nothing flows here'}.</p>}
      </div>
      <p>
        {forward > 0 && <button type="button" onClick={() => go(forward)}>where it is computed</button>}{' '}
        {back !== null && <button type="button" onClick={() => go(back)}>where its gradient is used</button>}
      </p>
    </article>
  )
}
