/* header.jsx: what the page is, and which example it shows. */

export function Header({ state, set, presets, shows, choose }) {
  const preset = presets.find(({ name }) => name === state.preset)
  return (
    <header>
      <h1>Weft explorer <span>the chain rule one can see</span></h1>
      {shows('presets') && (
        <label class="preset">Example <select value={state.preset} onChange={(event) => choose(event.currentTarget.value)}>
          {presets.map(({ name, title }) => <option key={name} value={name}>{title}</option>)}
        </select></label>
      )}
      <button type="button" aria-pressed={state.presenter ? 'true' : 'false'} onClick={() => set({ presenter: !state.presenter })}>Big type</button>
      {shows('invitation') && !state.presenter && !(state.welcome && state.preset === 'batchnorm' && state.view === 'steps') && <button type="button" onClick={() => choose('batchnorm', { welcome: true, view: 'steps' })}>Three steps in</button>}
      {(state.view !== 'bugs' || state.dropped) && <p class="teaches">{state.dropped ? `The graph of ${state.dropped.name}` : preset.teaches}</p>}
    </header>
  )
}
