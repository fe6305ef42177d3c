/* app.jsx: the page: the expression and its inputs, the graph, and beside it one of several views of it. The state is one object, kept in the address. */
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks'
import { useAddress } from './address.js'
import { useCheck, useLesson } from './ask.js'
import { shownTrace } from './drop.js'
import { Drop } from './drop.jsx'
import { Editor } from './editor.jsx'
import { feeders } from './feeds.js'
import { Graph } from './graph.jsx'
import { Header } from './header.jsx'
import { Invitation } from './invitation.jsx'
import { Museum } from './museum.jsx'
import { coordinates } from './numbers.js'
import { routeOf } from './routes.js'
import { Share } from './share.jsx'
import { Side } from './side.jsx'
import { fresh, stateOf } from './state.js'
import { Stepper, useStepKeys } from './stepper.jsx'
import { Tabs } from './views.jsx'

export function App({ engine, presets }) {
  const read = useCallback((text) => engine.array(text), [engine])
  const [state, setState] = useState(() => stateOf(location.hash, presets, read))
  const set = useCallback((patch) => setState((old) => ({ ...old, ...(typeof patch === 'function' ? patch(old) : patch) })), [])
  const [shownRoute, showRoute] = useState(null)
  const { lesson, layout, error, question } = useLesson(engine, state)
  const checked = useCheck(engine, question, state.dropped)
  useAddress(state, presets, read, setState)
  const step = Math.min(state.step, lesson?.last ?? 0)
  const last = lesson?.last ?? 0
  const go = useCallback((next) => set((old) => ({ step: Math.max(0, Math.min(last, typeof next === 'function' ? next(Math.min(old.step, last)) : next)), node: null })), [last, set])
  const on = useMemo(() => actions(lesson, set), [lesson, set])
  const light = useMemo(() => (lesson && isThere(lesson, state.pick) ? feeders(lesson, state.pick) : null), [lesson, state.pick])
  const shows = (part) => !state.hide.includes(part)
  const view = state.view !== 'steps' && !(shows('views') && shows(state.view)) ? 'steps' : state.view
  const emphasis = useMemo(() => (shownRoute !== null && lesson?.trace.paths && (view === 'paths' || view === 'closed') ? routeOf(lesson, shownRoute) : null), [shownRoute, lesson, view])
  const end = view === 'paths' || view === 'closed' ? lesson?.last : step // these speak of finished gradients
  useStepKeys(last, view === 'bugs' ? null : go)
  useEffect(() => { document.documentElement.classList.toggle('presenter', state.presenter) }, [state.presenter])
  const withEditor = shows('editor') && !state.presenter && !state.dropped && view !== 'bugs'
  return (
    <>
      <Header {...{ state, set, presets, shows }} choose={(name, more = {}) => set((old) => ({ ...fresh(presets.find((one) => one.name === name)), view: old.view === 'bugs' ? 'steps' : old.view, hide: old.hide, presenter: old.presenter, welcome: old.welcome, predict: old.predict, score: old.score, found: old.found, solved: old.solved, ...more }))} />
      {shows('invitation') && state.welcome && lesson && view === 'steps' && !state.dropped && !state.presenter && state.preset === 'batchnorm' && <Invitation {...{ lesson, step, set }} pick={state.pick} />}
      {shows('views') && <Tabs view={view} set={set} shows={shows} />}
      {view === 'bugs' ? <Museum {...{ engine, presets, state, set, shows }} /> : (
        <div class={withEditor ? 'columns' : 'columns two'}>
          {withEditor && <Editor state={{ ...state, cotangent: lesson?.trace.cotangent ?? state.cotangent }} error={error} result={lesson?.byId.get(lesson.trace.output)} on={{ ...editing(set), read }} />}
          {!lesson ? <div id="view" role="tabpanel" aria-label="view">{!withEditor && <p class="refused" role="alert">{error?.message}</p>}</div> : (
            <div class={error ? 'lesson stale' : 'lesson'}>
              <Stepper {...{ lesson, step, go }} predict={shows('predict') && { on: state.predict, flip: () => set({ predict: !state.predict, view: 'steps' }) }} />
              {error && <p class="stale-note">Below is the last expression that could be read.</p>}
              <div class="panes">
                <Graph {...{ lesson, layout, light, on, emphasis }} step={end} selected={lesson.byId.has(state.node) ? state.node : null} />
                <Side {...{ engine, lesson, question, checked, state, set, step, light, on, go, view, showRoute }} />
              </div>
            </div>
          )}
        </div>
      )}
      {shows('share') && (
        <footer>
          <Drop dropped={state.dropped} take={(dropped) => set(shownTrace(dropped))} leave={() => set({ dropped: null, step: 0, node: null, pick: null })} />
          {lesson && <Share {...{ lesson, step, state, set }} />}
          <p><small>Keys: → and space go on, ← goes back, Home and End; in the graph ↑ and ↓ follow its edges. All numbers come from Weft’s own engine, which runs in this page; nothing is sent anywhere.</small></p>
        </footer>
      )}
    </>
  )
}

function actions(lesson, set) {
  return {
    node: (id) => set({ node: id }),
    pick: (pick) => set((old) => (same(old.pick, pick) ? { pick: null } : { pick, at: coordinates(lesson.byId.get(pick.id).shape, pick.index) })),
    hover: (id) => set({ hovered: id }),
  }
}

const same = (a, b) => a && b && a.kind === b.kind && a.id === b.id && a.index === b.index
const isThere = (lesson, pick) => pick && lesson.byId.get(pick.id)?.[pick.kind]?.values?.length > pick.index

/* An edit of what is asked keeps the step, and forgets what was picked. */
function editing(set) {
  return {
    expression: (expression) => set({ expression, pick: null, node: null }),
    inputs: (inputs) => set((old) => ({ inputs, wrt: [...old.wrt.filter((name) => name in inputs), ...Object.keys(inputs).filter((name) => !(name in old.inputs))] })),
    cotangent: (cotangent) => set({ cotangent }),
    wrt: (wrt) => set({ wrt, pick: null }),
    through: (through) => set({ through, off: [] }),
  }
}
