/* drop.jsx: a trace.json dropped on the page, or chosen: the graph of someone's own program. */
import { useEffect, useState } from 'preact/hooks'
import { mostBytes, validTrace } from './validate.js'

export function Drop({ dropped, take, leave }) {
  const [wrong, setWrong] = useState('')
  const [over, setOver] = useState(false)
  const read = async (file) => {
    if (!file) return
    try {
      if (file.size > mostBytes) throw new Error(`the file has more than ${mostBytes >> 20} MiB`)
      const trace = validTrace(await file.text())
      setWrong('')
      take({ trace, name: file.name.slice(0, 80) })
    } catch (error) {
      setWrong(error.message)
    }
  }
  useEffect(() => {
    const hold = (event) => { if (event.dataTransfer?.types.includes('Files')) { event.preventDefault(); setOver(event.type === 'dragover') } }
    const drop = (event) => { hold(event); setOver(false); read(event.dataTransfer?.files[0]) }
    window.addEventListener('dragover', hold)
    window.addEventListener('dragleave', hold)
    window.addEventListener('drop', drop)
    return () => { window.removeEventListener('dragover', hold); window.removeEventListener('dragleave', hold); window.removeEventListener('drop', drop) }
  }, [take])
  return (
    <div class={over ? 'drop over' : 'drop'}>
      <label>Your own program: drop a trace.json of <code>weft trace</code> here, or <input type="file" accept=".json,application/json" onChange={(event) => { read(event.currentTarget.files[0]); event.currentTarget.value = '' }} /></label>
      {dropped && <p>Shown is {dropped.name}. <button type="button" onClick={leave}>back to the examples</button></p>}
      {wrong && <p class="refused" role="alert">This file is not shown. {wrong}</p>}
    </div>
  )
}
