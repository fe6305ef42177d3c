/* drop.js: a file that was dropped on the page, as what the page shows. */
import { megabytes, most, NotATrace, traceOf } from './valid.js'

/* { name, trace } of a File, or an exception whose message names what is wrong. */
export async function readTrace(file) {
  if (file.size > most.bytes) throw new NotATrace(`${file.name} has ${megabytes(file.size)}, and ${megabytes(most.bytes)} are the most; weft trace --elements N writes fewer numbers.`)
  let text
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer())
  } catch {
    throw new NotATrace(`${file.name} cannot be read as text in UTF-8.`)
  }
  return { name: file.name, trace: traceOf(text) }
}

/* The state that shows it from its beginning. */
export const shownTrace = (dropped) => ({ dropped, view: 'steps', step: 0, at: [], pick: null, node: null, off: [], rewriting: 0 })
