/* state.js: what the page shows, as one plain object, and the same in the hash of its address, so that a link is the whole page. What is as the preset has it
 * is left out. `hide` is for teachers: parts of the page that are not shown. */
import { typed } from './numbers.js'

export const views = ['steps', 'paths', 'closed', 'check', 'bugs']
export const parts = ['editor', 'invitation', 'views', 'bugs', 'paths', 'closed', 'check', 'predict', 'share', 'presets']

export function fresh(preset) {
  return {
    preset: preset.name, expression: preset.expression, inputs: preset.inputs, cotangent: preset.cotangent, wrt: preset.wrt, through: preset.through,
    step: 0, view: 'steps', at: [], pick: null, node: null, predict: false, score: { right: 0, asked: 0 }, off: [], bug: null, claim: null, found: [], solved: [],
    presenter: false, hide: [], welcome: true, dropped: null, rewriting: 0,
  }
}

const names = (list) => list.join(',')

/* The hash, without '#'. */
export function hashOf(state, preset) {
  const out = new URLSearchParams()
  const put = (key, value, usual) => { if (value !== usual) out.set(key, value) }
  out.set('p', state.preset)
  put('e', state.expression, preset.expression)
  for (const [name, array] of Object.entries(state.inputs)) put(`i.${name}`, typed(array), preset.inputs[name] && typed(preset.inputs[name]))
  const own = state.expression !== preset.expression // of an expression of one's own, nothing is as the preset has it
  if (state.cotangent) put('dy', typed(state.cotangent), !own && preset.cotangent && typed(preset.cotangent))
  put('wrt', names(state.wrt), !own && names(preset.wrt))
  put('through', names(state.through), own ? '' : names(preset.through))
  put('s', String(state.step), '0')
  put('v', state.view, 'steps')
  put('at', names(state.at), '')
  if (state.pick) out.set('pick', `${state.pick.kind}.${state.pick.id}.${state.pick.index}`)
  put('off', names(state.off), '')
  put('bug', state.bug ?? '', '')
  if (state.claim !== null) out.set('claim', state.claim)
  put('found', names(state.found), '')
  put('solved', names(state.solved), '')
  if (state.predict) out.set('predict', '1')
  if (state.score.asked) out.set('score', `${state.score.right}.${state.score.asked}`)
  if (state.presenter) out.set('present', '1')
  put('hide', names(state.hide), '')
  if (!state.welcome) out.set('welcome', '0')
  put('r', String(state.rewriting), '0')
  return out.toString().replace(/\+/g, '%20').replace(/%2C/g, ',').replace(/%5B/g, '[').replace(/%5D/g, ']').replace(/%28/g, '(').replace(/%29/g, ')').replace(/%3D/g, '=').replace(/%2F/g, '/')
}

const list = (text) => (text ? text.split(',').map((part) => part.trim()).filter(Boolean) : [])
const whole = (text, usual = 0) => (/^\d{1,6}$/.test(text ?? '') ? Number(text) : usual)

/* read(text): an array as typed; it may throw. What cannot be read is as if it were not there. */
export function stateOf(hash, presets, read) {
  const given = new URLSearchParams(hash.replace(/^#/, '').replace(/\+/g, '%2B'))
  const preset = presets.find(({ name }) => name === given.get('p')) ?? presets.find(({ name }) => name === 'batchnorm') ?? presets[0]
  const state = fresh(preset)
  const array = (text, usual) => {
    try {
      return read(text)
    } catch {
      return usual
    }
  }
  if (given.has('e')) state.expression = given.get('e')
  const typedInputs = [...given.keys()].filter((key) => key.startsWith('i.'))
  if (typedInputs.length) {
    state.inputs = { ...(given.has('e') ? {} : state.inputs) }
    if (given.has('e')) for (const [name, value] of Object.entries(preset.inputs)) if (new RegExp(`\\b${name}\\b`).test(state.expression)) state.inputs[name] = value
    for (const key of typedInputs) {
      const value = array(given.get(key), null)
      if (value) state.inputs[key.slice(2)] = value
    }
  }
  if (given.has('e')) Object.assign(state, { cotangent: undefined, wrt: Object.keys(state.inputs), through: [] })
  if (given.has('dy')) state.cotangent = array(given.get('dy'), state.cotangent)
  if (given.has('wrt')) state.wrt = list(given.get('wrt'))
  if (given.has('through')) state.through = list(given.get('through'))
  state.step = whole(given.get('s'))
  if (views.includes(given.get('v'))) state.view = given.get('v')
  state.at = list(given.get('at')).map((text) => whole(text))
  const pick = /^(value|adjoint)\.(\d{1,6})\.(\d{1,6})$/.exec(given.get('pick') ?? '')
  if (pick) state.pick = { kind: pick[1], id: Number(pick[2]), index: Number(pick[3]) }
  state.off = list(given.get('off')).map((text) => whole(text))
  state.bug = given.get('bug')
  state.claim = given.get('claim')
  state.found = list(given.get('found'))
  state.solved = list(given.get('solved'))
  state.predict = given.get('predict') === '1'
  const score = /^(\d{1,4})\.(\d{1,4})$/.exec(given.get('score') ?? '')
  if (score) state.score = { right: Number(score[1]), asked: Number(score[2]) }
  state.presenter = given.get('present') === '1'
  state.hide = list(given.get('hide')).filter((part) => parts.includes(part))
  state.welcome = given.get('welcome') !== '0'
  state.rewriting = whole(given.get('r'))
  return state
}
