/* main.jsx: a first page: an example by name, and each node of its graph with its value and its gradient. */
import { render } from 'preact'
import { useState } from 'preact/hooks'

import { loadEngine, number } from '../engine.js'
import { engineBytes } from './packed.js'
import './page.css'

/* Rows of numbers to four digits. */
function text({ shape, values }) {
  if (!values) return `${shape.join(' x ')} numbers`
  const width = shape.length ? shape[shape.length - 1] : 1
  const shown = values.map((x) => String(Number(number(x).toPrecision(4))))
  const rows = []
  for (let at = 0; at < shown.length; at += width) rows.push(shown.slice(at, at + width).join('  '))
  return rows.join('\n')
}

function Nodes({ trace }) {
  return (
    <div class="scroll" tabindex="0" role="region" aria-label="nodes">
      <table>
        <thead><tr><th scope="col">node</th><th scope="col">is</th><th scope="col">shape</th><th scope="col">value</th><th scope="col">gradient</th></tr></thead>
        <tbody>
          {trace.nodes.map((node) => (
            <tr key={node.id}>
              <th scope="row">{node.label}</th>
              <td>{node.text}</td>
              <td>({node.shape.join(', ')})</td>
              <td class="array">{text(node.value)}</td>
              <td class="array">{node.adjoint ? text(node.adjoint) : ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Page({ engine, presets }) {
  const [chosen, choose] = useState(presets[0].name)
  const preset = presets.find(({ name }) => name === chosen)
  let trace, error
  try {
    trace = engine.trace({ ...preset, check: false, program: false })
  } catch (refused) {
    error = refused.message
  }
  return (
    <>
      <h1>Weft explorer</h1>
      <p>
        <label>Example <select value={chosen} onChange={(event) => choose(event.currentTarget.value)}>
          {presets.map(({ name, title }) => <option key={name} value={name}>{title}</option>)}
        </select></label>
      </p>
      <p>{preset.teaches}</p>
      <p><code>{preset.expression}</code></p>
      {error ? <p role="alert" class="error">{error}</p> : <Nodes trace={trace} />}
    </>
  )
}

const engine = await loadEngine(engineBytes())
const page = document.getElementById('page')
page.replaceChildren()
render(<Page engine={engine} presets={engine.presets()} />, page)
performance.mark('weft-ready')
