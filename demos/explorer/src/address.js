/* address.js: the state in the hash of the page's address, a little behind it, and a hash that someone else wrote back in the state. */
import { useEffect } from 'preact/hooks'
import { hashOf, stateOf } from './state.js'

export function useAddress(state, presets, read, setState) {
  useEffect(() => {
    if (state.dropped) return undefined
    const wait = setTimeout(() => {
      const hash = `#${hashOf(state, presets.find(({ name }) => name === state.preset))}`
      if (location.hash !== hash) history.replaceState(null, '', hash)
    }, 150)
    return () => clearTimeout(wait)
  }, [state, presets])
  useEffect(() => {
    const changed = () => setState(stateOf(location.hash, presets, read))
    window.addEventListener('hashchange', changed)
    return () => window.removeEventListener('hashchange', changed)
  }, [presets, read, setState])
}
