/* sweep.jsx: the error of a gradient against the step h of the differences, as a curve and as a table. Large h: the curvature shows; small h: rounding. */
import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { number } from '../engine.js'
import { text } from './numbers.js'

const floor = 1e-17 // where an error of 0 is drawn

export function Sweep({ sweep, label, wrong }) {
  const place = useRef(null)
  const line = useRef(null)
  const dark = useDark()
  useEffect(() => {
    const ink = getComputedStyle(place.current).color
    const points = [...sweep].sort((a, b) => number(a.h) - number(b.h))
    const axis = { stroke: ink, grid: { show: false }, ticks: { stroke: ink, width: 1, size: 4 }, font: '11px system-ui', filter: (plot, marks) => marks, splits: (plot, axis, least, most) => decades(least, most), values: (plot, marks) => marks.map((x) => (x === null ? '' : x.toExponential(0).replace('1e+0', '1'))) }
    const plot = new uPlot({
      width: Math.max(220, Math.min(460, place.current.clientWidth)), height: 190, legend: { show: false }, cursor: { show: false },
      scales: { x: { time: false, distr: 3 }, y: { distr: 3, range: (plot, least, most) => [Math.min(least, 1e-16), Math.max(most * 2, 1)] } },
      axes: [{ ...axis, label: 'step h', labelSize: 16, size: 34 }, { ...axis, label: `error of ${label}`, labelSize: 16, size: 52 }],
      series: [{}, { stroke: getComputedStyle(line.current).color, width: 2, points: { size: 6 } }],
    }, [points.map(({ h }) => number(h)), points.map(({ error }) => Math.max(number(error), floor))], place.current)
    return () => plot.destroy()
  }, [sweep, label, wrong, dark])
  return (
    <figure class="sweep">
      <span ref={line} class={wrong ? 'line bad' : 'line good'} />
      <div class="plot" ref={place} role="img" aria-label={`error of ${label} against the step h; the numbers are in the table`} />
      <details>
        <summary>the same as a table</summary>
        <table class="plain"><thead><tr><th scope="col">h</th><th scope="col">largest difference</th></tr></thead>
          <tbody>{sweep.map(({ h, error }) => <tr key={h}><td>{text(h, 2)}</td><td>{text(error, 3)}</td></tr>)}</tbody></table>
      </details>
    </figure>
  )
}

/* Every second or fourth power of ten. */
function decades(least, most) {
  const [from, to] = [Math.ceil(Math.log10(least) - 0.01), Math.floor(Math.log10(most) + 0.01)]
  const apart = to - from > 12 ? 4 : 2
  return Array.from({ length: Math.floor((to - from) / apart) + 1 }, (_, i) => 10 ** (to - i * apart)).reverse()
}

/* A canvas does not follow the theme by itself. */
function useDark() {
  const [dark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches)
  useEffect(() => {
    const media = matchMedia('(prefers-color-scheme: dark)')
    const changed = () => setDark(media.matches)
    media.addEventListener('change', changed)
    return () => media.removeEventListener('change', changed)
  }, [])
  return dark
}
