/* stepper.jsx: forward, then back, an op at a time: buttons, a slider, and the keys of the whole page. */
import { useEffect } from 'preact/hooks'
import { sentence } from './lesson.js'

export function Stepper({ lesson, step, go, predict }) {
  const said = sentence(lesson, step)
  return (
    <section class="stepper" aria-label="steps">
      <div class="buttons">
        <button type="button" onClick={() => go(0)} disabled={step === 0} aria-label="to the start" title="Home">|◀</button>
        <button type="button" onClick={() => go(step - 1)} disabled={step === 0} title="left arrow">◀ Previous</button>
        <button type="button" class="main" onClick={() => go(step + 1)} disabled={step === lesson.last} title="right arrow or space">Next ▶</button>
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

/* Left, right, Home, End and space, wherever nothing else takes them. go: null where there are no steps. */
export function useStepKeys(lesson, step, go) {
  useEffect(() => {
    const press = (event) => {
      if (!go || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
      const taken = event.target.closest?.('input, textarea, select, [contenteditable], [role="tab"], dialog')
      if (taken) return
      if (event.key === ' ' && event.target.closest?.('button, a, summary')) return
      const next = { ArrowRight: step + 1, ArrowLeft: step - 1, Home: 0, End: lesson.last, ' ': event.shiftKey ? step - 1 : step + 1 }[event.key]
      if (next === undefined) return
      event.preventDefault()
      go(next)
    }
    window.addEventListener('keydown', press)
    return () => window.removeEventListener('keydown', press)
  }, [lesson, step, go])
}
