/* One HTML file that works from file://, offline: script, styles and engine stand in it, the script and the engine packed, see src/packed.js, which makes
 * them less than half as large. WEFT_ENGINE: the engine.wasm that goes in. The page of `vite dev` has them as they are. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { deflateRawSync } from 'node:zlib'
import { defineConfig } from 'vite'

import { unpack } from './src/packed.js'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const wasm = process.env.WEFT_ENGINE ?? here('../../build-explorer/engine/demos/explorer/engine.wasm')

function packed(id, content) {
  const deflated = deflateRawSync(content, { level: 9, memLevel: 9 })
  const sevens = []
  let bits = 0, held = 0
  for (const byte of deflated) {
    bits = (bits << 8) | byte
    for (held += 8; held >= 7; ) sevens.push((bits >> (held -= 7)) & 127)
    bits &= 127
  }
  sevens.push((bits << (7 - held)) & 127, 1) // the rest, and something behind it for a character of two
  let text = ''
  for (let i = 0; i < sevens.length - 1; i++) {
    const barred = [0, 13, 60].indexOf(sevens[i])
    text += String.fromCharCode(barred < 0 ? sevens[i] : ((barred + 1) << 7) | sevens[++i])
  }
  return `<script type="application/octet-stream" id="${id}" data-bytes="${deflated.length}">${text}</script>`
}

/* Runs the packed script as the module that it was. */
const start = `<script type="module">
${unpack}
const script = document.createElement('script')
script.type = 'module'
script.textContent = await unpack('packed-page').text()
document.head.append(script)
</script>`

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
      const body = [packed('packed-page', scripts[0].code), packed('packed-engine', readFileSync(wasm)), start].join('\n')
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
