/* invitation.jsx: the way in, for someone who knows derivatives: three steps to why dgamma sums over the batch. */
import { useEffect, useState } from 'preact/hooks'
import { stepBack } from './lesson.js'

/* The steps that it speaks of, or null where the graph is another one. */
function places(lesson) {
  const node = (label) => lesson.shown.find((one) => one.label === label)
  const gamma = node('gamma')
  const copy = gamma && lesson.byId.get(lesson.users.get(gamma.id)[0]?.id)
  const product = copy?.op === 'broadcast' && lesson.byId.get(lesson.users.get(copy.id)[0]?.id)
  if (!product || product.op !== 'mul' || !gamma.adjoint) return null
  return { gamma, copied: lesson.computed.get(copy.id), sent: stepBack(lesson, product.id), added: stepBack(lesson, copy.id) }
}

export function Invitation({ lesson, step, pick, set }) {
  const at = places(lesson)
  const [seen, see] = useState(0)
  const picked = at && pick?.kind === 'adjoint' && pick.id === at.gamma.id && step >= at.added
  const reached = !at ? 0 : picked ? 3 : step >= at.sent ? 2 : step >= at.copied ? 1 : 0
  useEffect(() => { if (reached > seen) see(reached) }, [reached])
  if (!at) return null
  const take = (patch) => set({ view: 'steps', node: null, pick: null, ...patch })
  const last = { kind: 'adjoint', id: at.gamma.id, index: 1 }
  return (
    <section class="invitation" aria-label="a way in">
      <h2>Why does dgamma sum over the batch? Three steps</h2>
      <ol>
        <Step done={seen >= 1} now={seen === 0} act={() => take({ step: at.copied })} name="Forward">
          Each <b>Next</b> computes one array. gamma has 3 numbers, one a column, and h has 4 rows: to multiply, gamma is <b>copied</b> into every row.
        </Step>
        <Step done={seen >= 2} now={seen === 1} act={() => take({ step: at.sent, at: [1, 1] })} name="Backward">
          Then back: each op takes the gradient of its result and hands on its share, <b>what arrives times its local derivative</b>. The copy of gamma in row 1 gets what arrives there times hath of row 1.
        </Step>
        <Step done={seen >= 3} now={seen === 2} act={() => take({ step: at.added, pick: last, at: [1], node: null })} name="Add up">
          One gamma, 4 copies: moving it moves all 4, so the loss hears of it 4 times and the four shares <b>add up</b>. Click an element of dgamma: what feeds it is framed, a column of the batch.
        </Step>
      </ol>
      {seen >= 3 && <p class="done">✓ That is why: dgamma[j] = the sum over rows k of dy[k, j] * hath[k, j]. Now <button type="button" onClick={() => take({ step: lesson.last, pick: { kind: 'adjoint', id: lesson.shown[0].id, index: 4 }, at: [1, 1] })}>one element of dh</button>, then <button type="button" onClick={() => set({ view: 'paths' })}>its three paths</button> and <button type="button" onClick={() => set({ view: 'bugs' })}>the bugs people made of them</button>.</p>}
      <button type="button" class="close" onClick={() => set({ welcome: false })}>close</button>
    </section>
  )
}

function Step({ done, now, act, name, children }) {
  return (
    <li class={done ? 'done' : now ? 'now' : ''}>
      <h3>{done && <span aria-label="done">✓ </span>}{name} <button type="button" onClick={act} aria-label={`show me: ${name}`}>show me</button></h3>
      <p>{children}</p>
    </li>
  )
}
