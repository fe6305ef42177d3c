/* app.jsx: the page: the expression and its inputs, the graph, and beside it one of several views of it. The state is one object, kept in the address. */
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks'
import { useCheck, useLesson } from './ask.js'
import { Badge } from './check.jsx'
import { Card, pickedWords } from './card.jsx'
import { Drop } from './drop.jsx'
import { Editor } from './editor.jsx'
import { feeders } from './feeds.js'
import { Graph } from './graph.jsx'
import { Header } from './header.jsx'
import { sentence } from './lesson.js'
import { Museum } from './museum.jsx'
import { coordinates } from './numbers.js'
import { fresh, hashOf, stateOf } from './state.js'
import { Stepper, useStepKeys } from './stepper.jsx'

export function App({ engine, presets }) {
  const read = useCallback((text) => engine.array(text), [engine])
  const [state, setState] = useState(() => stateOf(location.hash, presets, read))
  const set = useCallback((patch) => setState((old) => ({ ...old, ...(typeof patch === 'function' ? patch(old) : patch) })), [])
  const { lesson, layout, error, question } = useLesson(engine, state)
  const checked = useCheck(engine, question, state.dropped)
  const preset = presets.find(({ name }) => name === state.preset)
  useAddress(state, preset, presets, read, setState)
  const step = Math.min(state.step, lesson?.last ?? 0)
  const go = useCallback((next) => set(() => ({ step: Math.max(0, Math.min(lesson.last, next)), node: null })), [lesson, set])
  const on = useMemo(() => ({
    node: (id) => set({ node: id }),
    pick: (pick) => set((old) => (same(old.pick, pick) ? { pick: null } : { pick, at: coordinates(lesson.byId.get(pick.id).shape, pick.index), node: pick.id })),
  }), [lesson, set])
  const light = useMemo(() => (lesson && isThere(lesson, state.pick) ? feeders(lesson, state.pick) : null), [lesson, state.pick])
  const shows = (part) => !state.hide.includes(part)
  const museum = state.view === 'bugs' && shows('bugs')
  useStepKeys(lesson ?? { last: 0 }, step, museum ? null : go)
  useEffect(() => { document.documentElement.classList.toggle('presenter', state.presenter) }, [state.presenter])
  const editor = shows('editor') && !state.presenter && !state.dropped
  const edit = { ...editing(set, state), read }
  return (
    <>
      <Header {...{ state, set, presets, shows }} choose={(name) => set((old) => ({ ...fresh(presets.find((one) => one.name === name)), view: old.view === 'bugs' ? 'steps' : old.view, hide: old.hide, presenter: old.presenter, welcome: old.welcome, score: old.score, found: old.found, solved: old.solved }))}>
        <Drop dropped={state.dropped} set={set} back={() => set({ dropped: null, step: 0, pick: null, node: null })} />
      </Header>
      {museum ? <Museum {...{ engine, presets, state, set, shows }} /> : <div class={editor ? 'columns' : 'columns two'}>
        {editor && <Editor state={{ ...state, cotangent: lesson?.trace.cotangent ?? state.cotangent }} error={error} result={lesson?.byId.get(lesson.trace.output)} names={Object.keys(state.inputs)} on={edit} />}
        {!lesson ? <p class="refused">{error?.message}</p> : (
          <div class={error ? 'lesson stale' : 'lesson'}>
            <Stepper lesson={lesson} step={step} go={go} />
            <div class="panes">
              <Graph {...{ lesson, layout, step, light, on }} selected={lesson.byId.has(state.node) ? state.node : null} />
              <div class="side">
                <Badge checked={checked} lesson={lesson} />
                {light && <p class="picked" aria-live="polite">{pickedWords(lesson, light)} <button type="button" onClick={() => set({ pick: null })}>clear</button></p>}
                <Card {...{ lesson, step, light, on }} at={state.at} />
              </div>
            </div>
          </div>
        )}
      </div>}
    </>
  )
}

const same = (a, b) => a && b && a.kind === b.kind && a.id === b.id && a.index === b.index
const isThere = (lesson, pick) => pick && lesson.byId.get(pick.id)?.[pick.kind]?.values?.length > pick.index

/* An edit of what is asked keeps the step, and forgets what was picked. */
function editing(set) {
  return {
    expression: (expression) => set({ expression, pick: null, node: null }),
    inputs: (inputs) => set((old) => ({ inputs, wrt: [...old.wrt.filter((name) => name in inputs), ...Object.keys(inputs).filter((name) => !(name in old.inputs))] })),
    cotangent: (cotangent) => set({ cotangent }),
    wrt: (wrt) => set({ wrt }),
  }
}

/* The state is in the hash; a hash that someone else wrote is read. */
function useAddress(state, preset, presets, read, setState) {
  useEffect(() => {
    if (state.dropped) return undefined
    const wait = setTimeout(() => {
      const hash = `#${hashOf(state, preset)}`
      if (location.hash !== hash) history.replaceState(null, '', hash)
    }, 150)
    return () => clearTimeout(wait)
  }, [state, preset])
  useEffect(() => {
    const changed = () => setState(stateOf(location.hash, presets, read))
    window.addEventListener('hashchange', changed)
    return () => window.removeEventListener('hashchange', changed)
  }, [presets, read, setState])
}
