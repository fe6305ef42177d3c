/* drop.jsx: a trace from the command line or from a C program, dropped on the page or chosen by a button, is shown and stepped as any other. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { readTrace, shownTrace } from './drop.js'

/* What holds files, and not text that is dragged. */
const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files')

export function Drop({ dropped, set, back }) {
  const input = useRef(null)
  const [refused, setRefused] = useState('')
  const [over, setOver] = useState(false)
  const take = useCallback(async (files) => {
    try {
      if (files.length !== 1) throw new Error(`${files.length} files: one trace at a time.`)
      const read = await readTrace(files[0])
      setRefused('')
      set(shownTrace(read))
    } catch (error) {
      setRefused(error.message)
    }
  }, [set])
  useEffect(() => {
    const drag = (event) => {
      if (!hasFiles(event)) return
      event.preventDefault()
      setOver(true)
    }
    const leave = (event) => { if (!event.relatedTarget) setOver(false) }
    const drop = (event) => {
      setOver(false)
      if (!hasFiles(event)) return
      event.preventDefault()
      take([...event.dataTransfer.files])
    }
    const listeners = { dragover: drag, dragleave: leave, drop }
    for (const [name, listener] of Object.entries(listeners)) window.addEventListener(name, listener)
    return () => { for (const [name, listener] of Object.entries(listeners)) window.removeEventListener(name, listener) }
  }, [take])
  return (
    <>
      <input ref={input} type="file" accept=".json,application/json" hidden aria-label="a trace" onChange={(event) => { take([...event.currentTarget.files]); event.currentTarget.value = '' }} />
      <button type="button" onClick={() => input.current.click()} title="of weft trace, or weft_trace() in a C program; or drop the file anywhere on the page">Open a trace</button>
      {dropped && <p class="dropped" role="status">Shown is the trace <b>{dropped.name}</b>{dropped.trace.expression === null ? ', of a C program' : ''}, as it is in the file. <button type="button" onClick={back}>Back to the examples</button></p>}
      {refused && <p class="refused dropping" role="alert">{refused} <button type="button" onClick={() => setRefused('')}>Close</button></p>}
      {over && <p class="over" aria-hidden="true">Drop the trace here</p>}
    </>
  )
}
