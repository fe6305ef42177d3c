/* stepper.jsx: forward, then back, an op at a time: buttons, a slider, and the keys of the whole page. */
import { useEffect } from 'preact/hooks'
import { sentence } from './lesson.js'

export function Stepper({ lesson, step, go, predict }) {
  const said = sentence(lesson, step)
  return (
    <section class="stepper" aria-label="steps">
      <div class="buttons">
        <button type="button" onClick={() => go(0)} disabled={step === 0} aria-label="to the start" title="Home">|◀</button>
        <button type="button" onClick={() => go(backwards)} disabled={step === 0} title="left arrow">◀ Previous</button>
        <button type="button" class="main" onClick={() => go(on)} disabled={step === lesson.last} title="right arrow or space">Next ▶</button>
        <button type="button" onClick={() => go(lesson.last)} disabled={step === lesson.last} aria-label="to the end" title="End">▶|</button>
        <label class="slide">
          <span class="unseen">step</span>
          <input type="range" min="0" max={lesson.last} value={step} aria-valuetext={said} onInput={(event) => go(Number(event.currentTarget.value))}
            style={{ '--seed': `${(100 * lesson.seed) / Math.max(lesson.last, 1)}%` }} />
          <span class="ends" aria-hidden="true"><span>values forward</span><span>gradients back</span></span>
        </label>
        {predict && <button type="button" aria-pressed={predict.on ? 'true' : 'false'} onClick={predict.flip}>Predict first</button>}
      </div>
      <p class="said" aria-live="polite" id="said">{said}</p>
    </section>
  )
}

const on = (step) => step + 1
const backwards = (step) => step - 1

/* Left, right, Home, End and space, wherever nothing else takes them. Keys may come faster than the page is drawn, so a step is one from where it is. go: null where there are none. */
export function useStepKeys(last, go) {
  useEffect(() => {
    const press = (event) => {
      if (!go || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
      if (event.target.closest?.('input, textarea, select, [contenteditable], [role="tab"]')) return
      if (event.key === ' ' && event.target.closest?.('button, a, summary')) return
      const next = { ArrowRight: on, ArrowLeft: backwards, Home: 0, End: last, ' ': event.shiftKey ? backwards : on }[event.key]
      if (next === undefined) return
      event.preventDefault()
      go(next)
    }
    window.addEventListener('keydown', press)
    return () => window.removeEventListener('keydown', press)
  }, [last, go])
}
