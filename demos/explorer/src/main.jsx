/* main.jsx: the page begins: the engine out of its packing, then the page around it. */
import { render } from 'preact'
import { loadEngine } from '../engine.js'
import { App } from './app.jsx'
import { engineBytes } from './packed.js'
import './page.css'

const engine = await loadEngine(engineBytes())
const page = document.getElementById('page')
page.replaceChildren()
render(<App engine={engine} presets={engine.presets()} />, page)
performance.mark('weft-ready')
