/* predict.jsx: predict, then reveal: before each step a question about what it will give, a shape or a number, and a score. */
import { useEffect, useState } from 'preact/hooks'
import { number } from '../engine.js'
import { backWords, forwardWords } from './words.js'
import { definition } from './lesson.js'
import { countOf, indexAt, shapeText, text } from './numbers.js'

/* { words, hint, kind, answer } of a step, or null where there is nothing to ask. */
export function questionAt(lesson, index, at) {
  const step = lesson.steps[index]
  if (!step || step.kind === 'inputs' || step.kind === 'seed') return null
  const edge = step.kind === 'back' ? step.edges.find(({ flow, operand }) => flow && !lesson.fixed.has(operand)) : null
  if (step.kind === 'back' && !edge) return null
  const receiver = edge ? lesson.byId.get(edge.operand) : step.node
  const element = indexAt(receiver.shape, at)
  const words = !countOf(receiver.shape) ? null : edge ? backWords(lesson, step.node, edge, element) : forwardWords(lesson, step.node, element)
  const way = edge ? `Back through ${definition(step.node)}` : definition(step.node)
  const turns = step.kind === 'back' ? ['broadcast', 'sum'].includes(step.node.op) : step.node.operands.some((id) => countOf(lesson.byId.get(id).shape) !== countOf(receiver.shape) && !lesson.fixed.has(id))
  if (turns || !words) return { kind: 'shape', words: `${way}. Which shape does ${edge ? `what is sent to ${receiver.label}` : receiver.label} have?`, answer: receiver.shape, hint: edge ? `An adjoint has the shape of its array.` : `The operands: ${step.node.operands.filter((id) => !lesson.fixed.has(id)).map((id) => `${lesson.byId.get(id).label} ${shapeText(lesson.byId.get(id).shape)}`).join(', ')}.` }
  return { kind: 'number', words: `${way}. Which number ${edge ? `is sent to ${words.name}` : `is ${words.name}`}?`, answer: number(words.value), hint: `${words.symbols}${words.numbers ? ` = ${words.numbers}` : ''}` }
}

export function isRight(question, given) {
  const numbers = (given.replace(/−/g, '-').match(/-?\d*\.?\d+(?:e[+-]?\d+)?/gi) ?? []).map(Number)
  if (question.kind === 'shape') return numbers.length === question.answer.length && question.answer.every((length, i) => numbers[i] === length)
  const value = /^\s*(-?[\d.]+)\s*\/\s*([\d.]+)\s*$/.exec(given) ? numbers[0] / numbers[1] : numbers[0]
  return numbers.length > 0 && (Number.isNaN(question.answer) ? /nan/i.test(given) : Math.abs(value - question.answer) <= Math.max(0.006, 0.01 * Math.abs(question.answer)))
}

export function Predict({ lesson, step, at, score, reveal }) {
  const question = questionAt(lesson, step + 1, at)
  const [hint, showHint] = useState(false)
  const [said, say] = useState('')
  useEffect(() => showHint(false), [step])
  const answered = (event) => {
    event.preventDefault()
    const given = event.currentTarget.elements.answer.value
    if (!given.trim()) return
    const right = isRight(question, given)
    say(`${right ? '✓ Right' : `✗ No: you said ${given.trim()}`}. It is ${question.kind === 'shape' ? shapeText(question.answer) : text(question.answer)}.`)
    event.currentTarget.reset()
    reveal(right)
  }
  return (
    <section class="predict" aria-label="predict">
      <p role="status">{said}</p>
      {question ? (
        <form onSubmit={answered}>
          <label><b>Before you go on.</b> {question.words}<br /><input name="answer" autocomplete="off" placeholder={question.kind === 'shape' ? '4, 3' : '0.5'} /></label>
          <button class="main">Reveal</button> <button type="button" onClick={() => showHint(true)}>hint</button>
          {hint && <p class="element">{question.hint}</p>}
        </form>
      ) : <p>{step >= lesson.last ? 'That was the last step.' : 'Next brings no question.'}</p>}
      <p class="score">Score: {score.right} of {score.asked}</p>
    </section>
  )
}
