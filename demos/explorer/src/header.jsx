/* header.jsx: what the page is, and which example it shows. */

export function Header({ state, set, presets, shows, choose, children }) {
  const preset = presets.find(({ name }) => name === state.preset)
  return (
    <header>
      <h1>Weft explorer <span>the chain rule one can see</span></h1>
      {shows('presets') && (
        <label class="preset">Example <select value={state.preset} onChange={(event) => choose(event.currentTarget.value)}>
          {presets.map(({ name, title }) => <option key={name} value={name}>{title}</option>)}
        </select></label>
      )}
      {shows('bugs') && <button type="button" aria-pressed={state.view === 'bugs' ? 'true' : 'false'} onClick={() => set({ view: state.view === 'bugs' ? 'steps' : 'bugs' })}>Bug museum</button>}
      <button type="button" aria-pressed={state.presenter ? 'true' : 'false'} onClick={() => set({ presenter: !state.presenter })}>Big type</button>
      {children}
      {state.view !== 'bugs' && !state.dropped && <p class="teaches">{preset.teaches}</p>}
    </header>
  )
}
