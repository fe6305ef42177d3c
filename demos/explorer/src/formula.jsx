/* formula.jsx: a formula, from TeX or from the text of an expression. */
import { useMemo } from 'preact/hooks'
import { mathml, texOf } from './tex.js'

export function Formula({ tex, text, display }) {
  const html = useMemo(() => mathml(tex ?? texOf(text), display), [tex, text, display])
  return <span class={display ? 'formula display' : 'formula'} dangerouslySetInnerHTML={{ __html: html }} />
}
