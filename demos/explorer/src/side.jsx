/* side.jsx: beside the graph: the view that was chosen. */
import { Card, pickedWords } from './card.jsx'
import { Badge, CheckView } from './check.jsx'
import { Closed } from './closed.jsx'
import { Ledger } from './ledger.jsx'
import { NodeCard } from './node_card.jsx'
import { countOf } from './numbers.js'
import { Predict } from './predict.jsx'

export function Side({ engine, lesson, question, checked, state, set, step, light, on, go, view, showRoute }) {
  const output = lesson.byId.get(lesson.trace.output)
  const flip = (k) => set((old) => ({ off: old.off.includes(k) ? old.off.filter((one) => one !== k) : [...old.off, k] }))
  const ones = question && countOf(output.shape) > 1 ? () => set({ cotangent: { shape: output.shape, values: Array(countOf(output.shape)).fill(1) } }) : null
  const selected = state.node !== null && lesson.byId.get(state.node)
  const hovered = state.hovered ?? state.node ?? null
  return (
    <div class="side" id="view" role="tabpanel" aria-label="view">
      {view !== 'paths' && <Badge checked={checked} lesson={lesson} />}
      {light && <p class="picked" role="status">{pickedWords(lesson, light)} <button type="button" onClick={() => set({ pick: null })}>clear</button></p>}
      {view === 'steps' && state.predict && <Predict {...{ lesson, step, at: state.at, score: state.score }} reveal={(right) => set((old) => ({ score: { right: old.score.right + (right ? 1 : 0), asked: old.score.asked + 1 }, step: Math.min(lesson.last, step + 1), node: null }))} />}
      {view === 'steps' && (selected && selected.id !== lesson.steps[step].node?.id ? <NodeCard {...{ lesson, step, light, on, go }} at={state.at} node={selected} close={() => set({ node: null })} /> : <Card {...{ lesson, step, light, on }} at={state.at} />)}
      {view === 'paths' && <Ledger {...{ engine, lesson, question, checked, flip, off: state.off, route: showRoute }} />}
      {view === 'closed' && <Closed {...{ engine, lesson, question, checked, hovered, route: showRoute, preset: state.preset, rewriting: state.rewriting }} setRewriting={(rewriting) => set({ rewriting })} />}
      {view === 'check' && <CheckView {...{ checked, lesson, ones }} />}
    </div>
  )
}
