/* drop.jsx: a trace from the command line or from a C program, dropped on the page or chosen by a button, is shown and stepped as any other. */
import { useCallback, useEffect, useState } from 'preact/hooks'
import { readTrace } from './drop.js'

/* What holds files, and not text that is dragged. */
const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files')

/* take({ name, trace }); leave(): back to the examples. */
export function Drop({ dropped, take, leave }) {
  const [refused, setRefused] = useState('')
  const [over, setOver] = useState(false)
  const read = useCallback(async (files) => {
    try {
      if (files.length !== 1) throw new Error(`${files.length} files: one trace at a time.`)
      take(await readTrace(files[0]))
      setRefused('')
    } catch (error) {
      setRefused(error.message)
    }
  }, [])
  useEffect(() => {
    const drag = (event) => {
      if (!hasFiles(event)) return
      event.preventDefault()
      setOver(true)
    }
    const away = (event) => { if (!event.relatedTarget) setOver(false) }
    const drop = (event) => {
      setOver(false)
      if (!hasFiles(event)) return
      event.preventDefault()
      read([...event.dataTransfer.files])
    }
    const listeners = { dragover: drag, dragleave: away, drop }
    for (const [name, listener] of Object.entries(listeners)) window.addEventListener(name, listener)
    return () => { for (const [name, listener] of Object.entries(listeners)) window.removeEventListener(name, listener) }
  }, [read])
  return (
    <div class="drop">
      <label>Your own program: drop the trace.json of <code>weft trace</code> or of <code>weft_trace()</code> anywhere here, or choose it: <input type="file" accept=".json,application/json" onChange={(event) => { read([...event.currentTarget.files]); event.currentTarget.value = '' }} /></label>
      {dropped && <p class="dropped" role="status">Shown is the trace <b>{dropped.name}</b>{dropped.trace.expression === null ? ', of a C program' : ''}, as it is in the file. <button type="button" onClick={leave}>Back to the examples</button></p>}
      {refused && <p class="refused dropping" role="alert">{refused} <button type="button" onClick={() => setRefused('')}>Close</button></p>}
      {over && <p class="over" aria-hidden="true">Drop the trace here</p>}
    </div>
  )
}
