/* One HTML file that works from file://, offline: script, styles and engine stand in it, the script and the engine deflated and in base64, which halves
 * them. WEFT_ENGINE: the engine.wasm that goes in. The served page of `npm run dev` has them as they are. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { deflateRawSync } from 'node:zlib'
import { defineConfig } from 'vite'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const wasm = process.env.WEFT_ENGINE ?? here('../../build-explorer/engine/demos/explorer/engine.wasm')

const packed = (bytes) => deflateRawSync(bytes, { level: 9 }).toString('base64')

/* A part of the page that src/packed.js unpacks. */
const part = (id, bytes) => `<script type="application/octet-stream" id="${id}">${packed(bytes)}</script>`

/* Runs the packed script as the module that it was. */
const start = `
const text = atob(document.getElementById('packed-page').textContent)
const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0))
const script = document.createElement('script')
script.type = 'module'
script.textContent = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'))).text()
document.head.append(script)`

function oneFile() {
  return {
    name: 'one-file',
    apply: 'build',
    enforce: 'post',
    generateBundle(options, bundle) {
      const files = Object.values(bundle)
      const page = files.find((file) => file.fileName.endsWith('.html'))
      const scripts = files.filter((file) => file.type === 'chunk')
      const styles = files.filter((file) => file.fileName.endsWith('.css'))
      if (scripts.length !== 1 || files.length !== 2 + styles.length)
        this.error(`one script, styles and a page were expected, and there are ${files.map((file) => file.fileName).join(', ')}`)
      const head = styles.map((file) => `<style>${file.source}</style>`).join('\n')
      const body = [part('packed-page', scripts[0].code), part('packed-engine', readFileSync(wasm)), `<script type="module">${start}\n</script>`].join('\n')
      page.source = String(page.source)
        .replace(/^\s*<(script|link)\b[^>]*\b(src|href)="[^"]*"[^>]*>(<\/script>)?\n?/gm, '')
        .replace('</head>', () => `${head}\n</head>`)
        .replace('</body>', () => `${body}\n</body>`)
      for (const file of [...scripts, ...styles]) delete bundle[file.fileName]
    },
  }
}

function serveEngine() {
  return {
    name: 'serve-engine',
    configureServer(server) {
      server.middlewares.use('/engine.wasm', (request, response) => {
        response.setHeader('Content-Type', 'application/wasm')
        response.end(readFileSync(wasm))
      })
    },
  }
}

export default defineConfig({
  root: here('.'),
  base: './',
  publicDir: false,
  plugins: [oneFile(), serveEngine()],
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: {
    outDir: here('../../build-explorer/page'),
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: Number.MAX_SAFE_INTEGER,
    cssCodeSplit: false,
    modulePreload: false,
    reportCompressedSize: false,
  },
})
