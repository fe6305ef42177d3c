/* packed.js: parts of the page that are packed: deflated, and written as characters of 7 bits, of which UTF-8 makes one byte each, a seventh more than there
 * was. Three of them an HTML file cannot hold, 0, CR and <: such a one and the 7 bits behind it are one character from 128 on, of two bytes.
 * vite.config.js packs them. */

/* A response with the content of <script id=... data-bytes=...>; the function stands in the page as it is here. */
export function unpack(id) {
  const part = document.getElementById(id)
  const text = part.textContent
  const bytes = new Uint8Array(Number(part.dataset.bytes))
  let bits = 0, held = 0, at = 0
  const take = (seven) => {
    bits = (bits << 7) | seven
    held += 7
    if (held >= 8) bytes[at++] = bits >> (held -= 8)
    bits &= 255
  }
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 128) take([0, 13, 60][(code >> 7) - 1])
    take(code & 127)
  }
  const deflated = new Blob([bytes])
  return new Response(deflated.stream().pipeThrough(new DecompressionStream('deflate-raw')))
}

/* The engine, or from the server of `npm run dev` as it is. */
export async function engineBytes() {
  return (document.getElementById('packed-engine') ? unpack('packed-engine') : await fetch('engine.wasm')).arrayBuffer()
}
