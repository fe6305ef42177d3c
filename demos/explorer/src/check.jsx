/* check.jsx: the gradient check, always on: the gradients of the walk against central differences. */
import { text } from './numbers.js'

const marks = { right: '✓', wrong: '✗', 'zero by construction': '⚠' }

export function Badge({ checked, lesson }) {
  if (!checked) return <p class="badge waiting">gradient check …</p>
  const all = checked.check?.x ?? []
  if (!all.length) return <p class="badge waiting">no gradient check: {checked.check?.message ?? 'none of the inputs can be moved'}</p>
  const worst = all.find(({ verdict }) => verdict === 'wrong') ?? all.find(({ verdict }) => verdict !== 'right') ?? all[0]
  const most = Math.max(...all.map(({ error }) => Number(error)))
  return <p class={`badge ${worst.verdict.split(' ')[0]}`}>{marks[worst.verdict] ?? ''} gradient check: {worst.verdict}. All {all.length} gradients differ from central differences by at most {text(most, 2)}.</p>
}
