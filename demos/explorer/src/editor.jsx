/* editor.jsx: the expression, its inputs, and the cotangent, as one edits them. What the engine refuses stands under the text that it is about. */
import { Entry } from './grid.jsx'
import { countOf, shapeText, typed } from './numbers.js'
import { useState } from 'preact/hooks'

/* on: { expression, inputs, cotangent, wrt }; error: { status, message } or null; result: the node of the result, for the shape of the cotangent. */
export function Editor({ state, error, result, on }) {
  const names = Object.keys(state.inputs)
  const message = error?.message.split('\n')[0]
  const column = /column (\d+)/.exec(message ?? '')
  return (
    <section class="editor" aria-label="what is computed">
      <label class="expression">
        <span>Expression</span>
        <textarea rows={Math.min(8, Math.max(3, Math.ceil(state.expression.length / 36)))} spellcheck={false} autocapitalize="off" value={state.expression} aria-invalid={error ? 'true' : undefined}
          aria-describedby={error ? 'refused' : undefined} onInput={(event) => on.expression(event.currentTarget.value)} />
      </label>
      {error && (
        <div class="refused" role="alert" id="refused">
          <b>{error.status}</b>
          <pre>{error.message}</pre>
          {column && <span class="unseen">at column {column[1]}</span>}
        </div>
      )}
      <div class="arrays">
        {Object.entries(state.inputs).map(([name, array]) => (
          <div key={name} class="input">
            <Entry label={name} array={array} onChange={(values) => on.inputs({ ...state.inputs, [name]: { ...array, values } })} />
            <label class="want"><input type="checkbox" checked={state.wrt.includes(name)} onChange={(event) => on.wrt(names.filter((one) => (one === name ? event.currentTarget.checked : state.wrt.includes(one))))} /> gradient</label>
            <Retype name={name} array={array} on={on} inputs={state.inputs} />
          </div>
        ))}
        {state.cotangent && countOf(state.cotangent.shape) > 1 && (
          <div class="input"><Entry label={result?.adjoint_label ?? 'dy'} array={state.cotangent} onChange={(values) => on.cotangent({ ...state.cotangent, values })} />
            <small>the loss is sum({result?.adjoint_label ?? 'dy'} * {result?.label ?? 'y'})</small></div>
        )}
      </div>
      <NewInput inputs={state.inputs} on={on} />
      <label class="new">Paths through <input value={state.through.join(', ')} placeholder="mu, sigma2" onChange={(event) => on.through(event.currentTarget.value.split(',').map((name) => name.trim()).filter(Boolean))} /></label>
    </section>
  )
}

/* The array as text, for another shape. */
function Retype({ name, array, inputs, on }) {
  const [wrong, setWrong] = useState('')
  const change = (event) => {
    try {
      on.inputs({ ...inputs, [name]: on.read(event.currentTarget.value) })
      setWrong('')
    } catch (refused) {
      setWrong(refused.message)
    }
  }
  return (
    <details>
      <summary>shape of {name}</summary>
      <label>as text <input value={typed(array)} onChange={change} aria-invalid={wrong ? 'true' : undefined} /></label>
      {wrong && <p class="refused" role="alert">{wrong}</p>}
      <button type="button" onClick={() => on.inputs(Object.fromEntries(Object.entries(inputs).filter(([one]) => one !== name)))}>remove {name} {shapeText(array.shape)}</button>
    </details>
  )
}

function NewInput({ inputs, on }) {
  const [wrong, setWrong] = useState('')
  const add = (event) => {
    event.preventDefault()
    const parts = /^\s*([A-Za-z_]\w*)\s*=\s*(.+)$/.exec(event.currentTarget.elements.given.value)
    try {
      if (!parts) throw new Error('a name, =, and a number or an array: w=[[1, 2], [3, 4]]')
      on.inputs({ ...inputs, [parts[1]]: on.read(parts[2].trim()) })
      event.currentTarget.reset()
      setWrong('')
    } catch (refused) {
      setWrong(refused.message)
    }
  }
  return (
    <form class="new" onSubmit={add}>
      <label>One more input <input name="given" placeholder="w=[[1, 2], [3, 4]]" /></label> <button>add</button>
      {wrong && <p class="refused" role="alert">{wrong}</p>}
    </form>
  )
}
