/* packed.js: the engine's bytes, out of the one file that vite.config.js makes, or from the server of `npm run dev`. */

export async function engineBytes() {
  const packed = document.getElementById('packed-engine')
  if (!packed) return (await fetch('engine.wasm')).arrayBuffer()
  const bytes = Uint8Array.from(atob(packed.textContent), (c) => c.charCodeAt(0))
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'))).arrayBuffer()
}
