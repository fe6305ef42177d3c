/* views.jsx: what stands beside the graph, as tabs. */
import { useRef } from 'preact/hooks'

const titles = { steps: 'Step by step', paths: 'Paths', closed: 'Staged and closed', check: 'Gradient check', bugs: 'Museum of bugs' }

export function Tabs({ view, set, shows }) {
  const list = useRef(null)
  const shown = Object.keys(titles).filter((name) => name === 'steps' || shows(name))
  const press = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (!step) return
    event.preventDefault()
    const next = shown[(shown.indexOf(view) + step + shown.length) % shown.length]
    set({ view: next })
    list.current.querySelector(`#tab-${next}`).focus()
  }
  return (
    <div class="tabs" role="tablist" aria-label="views" ref={list} onKeyDown={press}>
      {shown.map((name) => (
        <button key={name} type="button" role="tab" id={`tab-${name}`} aria-selected={view === name ? 'true' : 'false'} aria-controls="view" tabIndex={view === name ? 0 : -1} onClick={() => set({ view: name })}>{titles[name]}</button>
      ))}
    </div>
  )
}
