/* ask.js: the questions that the page puts to the engine, as hooks: the graph with its numbers at once, the gradient check and the derivation, which take longer, behind it. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { layoutOf } from './layout.js'
import { lessonOf } from './lesson.js'

/* The question of a state: names that the expression no longer has are left out. */
export function questionOf({ expression, inputs, cotangent, wrt, through }) {
  const assigned = (name) => name in inputs || new RegExp(`(^|[;\\n])\\s*${name}\\s*=`).test(expression)
  return { expression, inputs, cotangent, wrt: wrt.filter((name) => /^\w+$/.test(name) && assigned(name)), through: through.filter((name) => /^\w+$/.test(name) && assigned(name)) }
}

function answer(engine, question) {
  try {
    return { trace: engine.trace({ ...question, check: false, program: false, derivation: false }), question }
  } catch (error) {
    if (!question.cotangent || !/cotangent/.test(error.message)) return { error }
    return answer(engine, { ...question, cotangent: undefined }) // the result has another shape now: ones
  }
}

/* { lesson, layout, error, question }: after an error the latest that was good. */
export function useLesson(engine, state) {
  const good = useRef(null)
  const { expression, inputs, cotangent, wrt, through, dropped } = state
  return useMemo(() => {
    const found = dropped ? { trace: dropped.trace, question: null } : answer(engine, questionOf(state))
    if (found.error && good.current) return { ...good.current, error: found.error }
    if (found.error) return { lesson: null, error: found.error }
    const lesson = lessonOf(found.trace)
    const before = good.current
    const layout = before && sameGraph(before.lesson, lesson) ? before.layout : layoutOf(lesson)
    good.current = { lesson, layout, question: found.question, error: null }
    return good.current
  }, [engine, expression, inputs, cotangent, wrt, through, dropped])
}

/* Numbers may differ: the drawing stays as it is. */
function sameGraph(a, b) {
  const words = (lesson) => lesson.shown.map((node) => [node.id, node.label, node.text, node.shape, node.operands, !node.adjoint])
  return JSON.stringify(words(a)) === JSON.stringify(words(b))
}

/* { check, program, derivation } of the question, or null until they are there. */
export function useCheck(engine, question, dropped) {
  const [found, setFound] = useState({ question: null })
  useEffect(() => {
    if (dropped || !question) return undefined
    const wait = setTimeout(() => {
      try {
        const { check, program, derivation } = engine.trace(question)
        setFound({ question, check, program, derivation })
      } catch {
        setFound({ question })
      }
    }, 60)
    return () => clearTimeout(wait)
  }, [engine, question, dropped])
  if (dropped) return { check: dropped.trace.check ?? null, program: dropped.trace.program ?? null, derivation: dropped.trace.derivation ?? null }
  return found.question === question ? found : null
}
