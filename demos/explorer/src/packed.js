/* packed.js: parts of the page that are packed: deflated, and each four bytes as a number of five digits to the base 85, a quarter more text than bytes.
 * Digits are the characters from ( to |, with ! for <, so that no text of HTML is among them. vite.config.js packs them. */

/* A response with the content of <script id=... data-bytes=...>; the function stands in the page as it is here. */
export function unpack(id) {
  const part = document.getElementById(id)
  const text = part.textContent
  const bytes = new DataView(new ArrayBuffer((text.length / 5) * 4))
  for (let i = 0; i < text.length; i += 5) {
    let word = 0
    for (let k = i; k < i + 5; k++) word = word * 85 + (text.charCodeAt(k) === 33 ? 60 : text.charCodeAt(k)) - 40
    bytes.setUint32((i / 5) * 4, word)
  }
  const deflated = new Blob([new Uint8Array(bytes.buffer, 0, Number(part.dataset.bytes))])
  return new Response(deflated.stream().pipeThrough(new DecompressionStream('deflate-raw')))
}

/* The engine, or from the server of `npm run dev` as it is. */
export async function engineBytes() {
  return (document.getElementById('packed-engine') ? unpack('packed-engine') : await fetch('engine.wasm')).arrayBuffer()
}
