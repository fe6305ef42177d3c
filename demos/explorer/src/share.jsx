/* share.jsx: for teachers: a link with parts hidden, the step as SVG or LaTeX, the page on paper. */
import { useState } from 'preact/hooks'
import { aboutOf, latexOf, save, svgOf } from './export.js'
import { sentence } from './lesson.js'
import { parts } from './state.js'

const names = { editor: 'the editor', invitation: 'the three steps', views: 'the tabs', bugs: 'the museum', paths: 'paths', closed: 'the closed form', check: 'the check', predict: 'predicting', share: 'this kit', presets: 'the examples' }

export function Share({ lesson, step, state, set }) {
  const [said, say] = useState('')
  const [latex, setLatex] = useState('')
  const copy = async (text, what) => {
    try {
      await navigator.clipboard.writeText(text)
      say(`${what} copied`)
    } catch {
      say(`${what}: copy it from below`)
    }
  }
  const showLatex = () => {
    const text = latexOf(lesson, step)
    setLatex(text)
    copy(text, 'LaTeX')
  }
  return (
    <details class="share">
      <summary>For teachers: share, export, print</summary>
      <div class="row">
        <button type="button" onClick={() => copy(location.href, 'link')}>copy the link</button>
        <button type="button" onClick={() => save(`weft-step-${step}.svg`, svgOf(document.querySelector('#graph .drawing'), sentence(lesson, step), aboutOf(lesson, step)), 'image/svg+xml')}>graph as SVG</button>
        <button type="button" onClick={showLatex}>step as LaTeX</button>
        <button type="button" onClick={() => window.print()}>print</button>
        <span role="status">{said}</span>
      </div>
      {latex && <label class="wide">LaTeX of this step<textarea class="latex" rows="6" readOnly value={latex} /></label>}
      <fieldset class="row"><legend>Hidden in the link (the address keeps all of the page)</legend>
        {parts.map((part) => <label key={part}><input type="checkbox" checked={state.hide.includes(part)} onChange={(event) => set({ hide: event.currentTarget.checked ? [...state.hide, part] : state.hide.filter((one) => one !== part) })} /> {names[part]}</label>)}
      </fieldset>
      <p><small>Hidden parts come back where “hide=…” is taken out of the address.</small></p>
    </details>
  )
}
