/* museum.js: the museum of real bugs, as data: gradients that were wrong, or thought to be, with the thread where it was found, and how a claim about one
 * is judged. The claims are expressions over the arrays of the graph and dy, as anybody may edit them; the engine says what is wrong with them.
 *
 * An exhibit: id; source, project and number; title, which gives nothing away; story, two sentences, the first for before the mistake is found; preset, or
 * expression, inputs and cotangent of its own; wrt; claim; suspects, the first of them the culprit, each with what speaks for or against it; hint;
 * numbers, other numbers for the same graph; innocent, where the claim is right; finds, what the engine's diagnosis says of a claim that is wrong. The page
 * shows suspects in an order of its own. */
import { number } from '../engine.js'
import { largest } from './numbers.js'

const istd = 'istd = (sigma2 + 1e-5)**(-1/2)'
const dsigma2 = 'dsigma2 = sum(dhath * xc, 0) * (-1/2) * (sigma2 + 1e-5)**(-3/2)'
const lines = (...parts) => parts.join('\n')
const ones = (...shape) => ({ shape, values: Array(shape.reduce((a, b) => a * b, 1)).fill(1) })

const throughMu = 'the path through mu is missing'
const throughSigma2 = 'the path through sigma2 is missing'
const skipsGamma = 'the factor gamma is missing'

export const exhibits = [
  {
    id: 'mean', title: 'The same error in every row', source: 'deeplearning4j, pull request #8379', preset: 'batchnorm', wrt: 'h',
    story: ['A large library for Java computed this gradient for batch normalization.',
      'The mean is made of h as well, so each h has a say in every row; a later change added what mean and variance send back, and here what the mean sends is still missing.'],
    claim: lines('dhath = dy * gamma', istd, dsigma2, 'dh = dhath * istd + dsigma2 * 2 * xc / 4'),
    suspects: [
      { words: throughMu, because: 'The difference is one number per column, the same in all rows: what a mean sends back.' },
      { words: throughSigma2, because: 'What sigma2 sends back goes with xc, so it differs from row to row. This difference does not.' },
      { words: skipsGamma, because: 'Then each column would be off by the factor gamma, and no two rows alike.' },
      { words: 'the sum for dsigma2 has the wrong sign', because: 'Then the difference would go with xc. It is the same in every row.' },
    ],
    hint: 'mu = sum(h, 0) / 4 is one more user of h. What arrives at mu is −sum(dhath, 0) * istd, and mu gives 1/4 of it to every row.',
    finds: /derivative through the mean mu is missing/,
  },
  {
    id: 'variance', title: 'Off where the deviations are large', source: 'CrypTen, pull request #143', preset: 'batchnorm', wrt: 'h',
    story: ['A library for learning on encrypted data computed this gradient, and its test agreed.',
      'The backward pass took the variance for a constant, and the mean too, and the test did not switch training on; here it is the variance alone.'],
    claim: lines('dhath = dy * gamma', istd, 'dh = istd * (dhath - sum(dhath, 0) / 4)'),
    suspects: [
      { words: throughSigma2, because: 'Down a column the difference is a multiple of xc: what a variance sends back, as its derivative is 2 * xc / N.' },
      { words: throughMu, because: 'What the mean sends back is the same in all rows, and it is there: − sum(dhath, 0) / 4.' },
      { words: 'the sum runs over the wrong axis', because: 'Axis 0 is the batch, and mean and variance are taken over it.' },
      { words: 'a mean stands where a sum belongs', because: 'The sum over 4 rows, divided by 4, is what the mean sends back: that part is right.' },
    ],
    hint: 'Three ways lead from h to y: by itself, through mu, through sigma2. Of the third there must be a term hath * sum(dhath * hath, 0) / 4.',
    finds: /derivative through the variance sigma2 is missing/,
  },
  {
    id: 'both', title: 'As if the batch were not there', source: 'CrypTen, pull request #143', preset: 'batchnorm', wrt: 'h',
    story: ['Each row was given its gradient without a look at the other rows.',
      'Mean and variance were taken for constants, which they are at inference and not in training; the unit test called the layer in the wrong mode, and so agreed.'],
    claim: lines(istd, 'dh = dy * gamma * istd'),
    suspects: [
      { words: 'the paths through mu and through sigma2 are missing', because: 'dh needs no other row here. But mu and sigma2 are made of the whole column.' },
      { words: 'istd is not differentiated by gamma', because: 'istd does not depend on gamma.' },
      { words: 'the factor gamma is missing', because: 'It is there.' },
      { words: 'dy is not summed over the batch', because: 'dh has the shape of h, so there is nothing to sum at the end: sums belong inside.' },
    ],
    hint: 'dh = istd / 4 * (4 * dhath − … − hath * …), with two sums over the batch.',
    finds: /through the mean mu and through the variance sigma2 are missing/,
  },
  {
    id: 'zero', title: 'The term that nobody finds in the code', source: 'AlexeyAB/darknet, issue #4605', preset: 'batchnorm', wrt: 'h', innocent: true,
    story: ['The paper on batch normalization has two terms for dmu, the code has one: readers reported it in 2016, in 2019 twice, and in 2020.',
      'The term is dsigma2 times −2/N times the sum of the deviations h − mu, and deviations from a mean add up to 0: the author of darknet left it out because it is always zero.'],
    claim: lines('dhath = dy * gamma', istd, dsigma2, 'dmu = -sum(dhath, 0) * istd   # the paper adds: dsigma2 * (-2) * sum(xc, 0) / 4', 'dh = dhath * istd + dsigma2 * 2 * xc / 4 + dmu / 4'),
    suspects: [
      { words: 'nothing is wrong: the missing term is 0', because: 'sum(xc, 0) = 0, whatever h is: deviations from the mean cancel. The edge from sigma2 to mu carries zero.' },
      { words: 'dmu lacks what comes through sigma2', because: 'It is not there, but what is it worth? The differences above are 0.' },
      { words: 'dsigma2 must be computed after dmu', because: 'Neither needs the other, once the term is dropped.' },
      { words: 'dh counts the mean twice', because: 'Each of the three terms of dh is one path.' },
    ],
    hint: 'Add up a column of xc.',
  },
  {
    id: 'gamma', title: 'A test that starts with ones', source: 'Knet.jl, issue #288', preset: 'batchnorm', wrt: 'h',
    story: ['The gradient check of this layer passed, and then a reader of the code had a question.',
      'dx was computed from dy before dy was multiplied by gamma, and the test passed because a new layer has gamma = 1 everywhere.'],
    claim: lines(istd, 'dyistd = dy * istd', 'dsigma2 = -1/2 * sum(dyistd * xc * istd**2, 0)', 'dmu = -sum(dyistd, 0)', 'dh = dyistd + dsigma2 * 2 * xc / 4 + dmu / 4'),
    numbers: { id: 'ones', words: 'gamma = 1, as in a new layer', inputs: { gamma: ones(3) } },
    suspects: [
      { words: skipsGamma, because: 'True divided by claimed is 2, 10 and −10 in the three columns: gamma.' },
      { words: throughMu, because: 'dmu / 4 is what it sends.' },
      { words: throughSigma2, because: 'dsigma2 * 2 * xc / 4 is what it sends.' },
      { words: 'istd is squared once too often', because: 'dsigma2 needs istd to the third power, once in dyistd and twice behind it.' },
    ],
    hint: 'What arrives at hath is not dy: y = gamma * hath + beta lies between.',
    finds: /factor gamma is skipped/,
  },
  {
    id: 'inverse', title: 'Right for data of variance 1', source: 'FlagGems, issue #5222', preset: 'batchnorm', wrt: 'h',
    story: ['The forward pass saves a number for each column, and the backward pass takes it up again.',
      'What was saved is the inverse deviation, and the backward pass took it for a variance and inverted its root once more; the reference of its test did the same.'],
    claim: lines('saved = (sigma2 + 1e-5)**(-1/2)   # what the forward pass keeps', 'istd = (saved + 1e-5)**(-1/2)', 'hat = (h - mu) * istd', 'dh = gamma * istd / 4 * (4 * dy - sum(dy, 0) - hat * sum(dy * hat, 0))'),
    numbers: { id: 'unit', words: 'a batch with variance 1', inputs: { h: { shape: [4, 3], values: [2, 7, 9, 4, 7, 11, 2, 9, 11, 4, 9, 9] } } },
    suspects: [
      { words: 'the inverse deviation is taken for a variance', because: 'saved is 1 / deviation already. Its inverse root is 1 only where the variance is 1.' },
      { words: 'eps stands outside of the root', because: 'eps is 0.00001: that cannot move a gradient by thousands.' },
      { words: throughSigma2, because: 'It is the last term.' },
      { words: 'a mean stands where a sum belongs', because: 'The factor 4 in front of dy and the 1/4 before the bracket fit.' },
    ],
    hint: 'Compare istd with (sigma2 + 1e-5)**(-1/2): which of the two lines has to go?',
    finds: /taken as the variance, and the inverse root of it taken again/,
  },
  {
    id: 'unbiased', title: 'A closed form from another layer', source: 'nn-zero-to-hero, makemore part 4', preset: 'batchnorm', wrt: 'h',
    story: ['A closed form was taken from a notebook that many people learn from, where it is right.',
      'That notebook divides the variance by N − 1, this layer divides it by N: a gradient belongs to one forward pass.'],
    claim: lines(istd, 'dh = gamma * istd / 4 * (4 * dy - sum(dy, 0) - 4/3 * hath * sum(dy * hath, 0))'),
    suspects: [
      { words: 'N − 1 stands where N belongs', because: '4/3 is N / (N − 1): of a variance that is divided by N − 1. Here sigma2 = sum(xc**2, 0) / 4.' },
      { words: 'the last term has the wrong sign', because: 'Then the difference would be twice that term, and more.' },
      { words: throughMu, because: 'It is sum(dy, 0).' },
      { words: skipsGamma, because: 'It stands in front, and gamma is the same for a whole column, so it may.' },
    ],
    hint: 'The difference goes with hath, and is a third of the last term.',
    finds: /N-1 in place of N/,
  },
  {
    id: 'assign', title: 'One of two', source: 'micrograd lecture, “a bug when one node is used multiple times”', wrt: 'x',
    expression: 'a = x * w\nb = x ** 2\ny = a * b', inputs: { x: { shape: [3], values: [2, 1, -3] }, w: { shape: [3], values: [3, -1, 2] } }, cotangent: { shape: [3], values: [1, 2, -1] },
    story: ['The first version of a small engine for backpropagation did well on every expression that used each value once.',
      'Each op assigned the gradient of its operand, = for +=, and so of two users the last one overwrote the first.'],
    claim: lines('da = dy * b', 'db = dy * a', 'dx = da * w', 'dx = db * 2 * x'),
    suspects: [
      { words: '= stands where += belongs', because: 'x has two users, a and b. Both send something, and the two must add up.' },
      { words: 'the derivative of x ** 2 is wrong', because: 'It is 2 * x.' },
      { words: 'a and b are swapped', because: 'In a product each factor gets the other one, so da has b in it.' },
      { words: 'dw is missing', because: 'dx does not need it.' },
    ],
    hint: 'Follow dx through the last two lines.',
    finds: /is assigned, not added up/,
  },
  {
    id: 'early', title: 'Sent on too early', source: 'micrograd, issue #2', wrt: 'w',
    expression: 'a = w * x\nb = a ** 2\nc = 3 * a\ny = b + c', inputs: { w: { shape: [], values: [2] }, x: { shape: [], values: [5] } },
    story: ['A toy problem converged, proper tests were put off, and then a reader used an inner value twice.',
      'Each user of a made a send on at once all that it had so far, so what came first went on to w twice; a must wait until all its users are done, which is why the walk back is in reverse order.'],
    claim: lines('da = dy * 2 * a    # from b', 'dw = da * x        # a sends on', 'da = da + dy * 3   # from c', 'dw = dw + da * x   # a sends on'),
    suspects: [
      { words: 'what comes through b is counted twice', because: 'da holds it when a sends on for the first time, and still when it does so again.' },
      { words: '= stands where += belongs', because: 'Both da and dw are added up.' },
      { words: 'what comes through c is missing', because: 'dy * 3 is added to da.' },
      { words: 'dy is used twice', because: 'y = b + c: both get dy, and that is right.' },
    ],
    hint: 'w has one user, a. How often may a send something to it?',
    finds: /path w -> a -> b -> y counts 2 times/,
  },
  {
    id: 'unsummed', title: 'One row, and two came back', source: 'nn-zero-to-hero, issue #59, and Stack Overflow 47175259', preset: 'broadcast', wrt: 'w',
    story: ['“Why sum over axis 0 for the bias?” is asked again and again; who leaves the sum out often hears nothing, as the next op broadcasts.',
      'w is one row that was used by every row of x, so its gradient is a sum over the rows: what broadcasts forward is summed backward, and a check of values that broadcasts as well will not see that a shape is wrong.'],
    claim: lines('dw = dy * x'),
    suspects: [
      { words: 'the sum over the batch is missing', because: 'dw has to have the shape of w, one number per column: each w has a say in all rows.' },
      { words: 'x and w are swapped', because: 'In a product each factor gets the other one: dw has x in it.' },
      { words: 'b is missing', because: 'y = x * w + b: what w does to y does not depend on b.' },
      { words: 'it must be divided by the number of rows', because: 'The loss is not a mean here.' },
    ],
    hint: 'Which axis has x, and w has not?',
    finds: /the sum over axis 0 is missing/,
  },
  {
    id: 'sum', title: 'A check that cannot fail', source: 'torch/nn, issue #744', preset: 'batchnorm', wrt: 'h', cotangent: ones(4, 3),
    story: ['Someone checked batch normalization with the loss sum(y), and got a relative error of 1.0 for a layer that was right.',
      'Behind a normalization sum(y) does not depend on h at all, so the true gradient is 0 and rounding is compared with rounding; as this claim shows, a wrong gradient passes as well, and only a loss that weighs y, sum(dy * y), tells the two apart.'],
    claim: lines('dhath = dy * gamma', istd, 'dh = istd * (dhath - sum(dhath, 0) / 4)'),
    numbers: { id: 'weighed', words: 'the loss sum(dy * y) with a dy that is not all ones', cotangent: 'preset' },
    suspects: [
      { words: 'the loss has no gradient, so the check shows nothing', because: 'sum(y) is sum(beta) * 4 for every h. Any claim that is 0 for dy = 1 passes.' },
      { words: 'nothing is wrong: the check passes', because: 'It passes at dy = 1. Switch to other numbers.' },
      { words: 'the step of the central differences is too small', because: 'No step finds a slope where there is none.' },
      { words: 'gamma is 1', because: 'It is 2, 10 and −10.' },
    ],
    hint: 'Switch to the other loss first: then the check sees the mistake. It is one that hangs in this museum already.',
    finds: /derivative through the variance sigma2 is missing/,
  },
  {
    id: 'stale', title: 'The second call', source: 'micrograd, pull request #102', wrt: 'w',
    expression: 'a = w * x\ny = a ** 2', inputs: { w: { shape: [], values: [3] }, x: { shape: [], values: [5] } },
    story: ['backward() was right; the next backward() on the same graph was not, though the gradients of the weights had been set to zero.',
      'The gradients of inner nodes had not: they still held what the first call left there, and the second added to it.'],
    claim: lines('da = dy * 2 * a        # the first call', 'dw = da * x', 'dw = 0 * dw            # zero_grad(), of the weights', 'da = da + dy * 2 * a   # the second call', 'dw = dw + da * x'),
    suspects: [
      { words: 'da still holds the first call', because: 'zero_grad() cleared dw and not da, so the second call starts from what the first one left.' },
      { words: 'dw still holds the first call', because: 'It was set to zero.' },
      { words: 'the derivative of a ** 2 is wrong', because: 'It is 2 * a.' },
      { words: '= stands where += belongs', because: 'There is one path from w to y: nothing to add up, within a call.' },
    ],
    hint: 'Which gradients must be zero before a walk back begins? All that += writes into.',
    finds: /path w -> a -> y counts 2 times/,
  },
]

/* In a fixed order that does not show which one is the culprit. */
export function suspectsOf(exhibit) {
  const order = exhibit.suspects.map((suspect, i) => ({ ...suspect, right: i === 0 }))
  const first = [2, 3, 1, 0, 3, 1, 2, 0, 1, 3, 2, 0][exhibits.indexOf(exhibit) % 12]
  return [...order.slice(first), ...order.slice(0, first)]
}

/* "mean" and "gamma.ones": an exhibit, and its other numbers. */
export function exhibitOf(text) {
  const [id, numbers = null] = (text ?? '').split('.')
  const exhibit = exhibits.find((one) => one.id === id) ?? null
  return { exhibit, numbers: exhibit?.numbers?.id === numbers ? numbers : null }
}

/* The question for the engine: expression, inputs, cotangent, wrt as one name. */
export function questionOf(exhibit, presets, numbers) {
  const preset = presets.find(({ name }) => name === exhibit.preset)
  const other = numbers && exhibit.numbers.id === numbers ? exhibit.numbers : {}
  return {
    expression: exhibit.expression ?? preset.expression,
    inputs: { ...(exhibit.inputs ?? preset.inputs), ...other.inputs },
    cotangent: other.cotangent === 'preset' ? preset.cotangent : exhibit.cotangent ?? preset?.cotangent,
    wrt: exhibit.wrt,
  }
}

/* The graph with the true gradient, and the same by central differences: { trace, node, truth, numeric }. */
export function truthOf(engine, question) {
  const trace = engine.trace({ ...question, wrt: [question.wrt], program: false, derivation: false })
  const node = trace.nodes.find(({ label }) => label === question.wrt)
  return { trace, node, truth: node.adjoint, numeric: trace.check?.x?.[0]?.numeric ?? null }
}

const quick = { check: false, program: false, derivation: false }

/* The numbers of a claim, which may be of another shape than they should. */
export function valueOf(engine, { expression, inputs, cotangent }, claim, output) {
  const dy = cotangent ?? ones(...output.shape)
  const { nodes, output: last } = engine.trace({ ...quick, expression: `${expression}\n${claim}`, inputs: { ...inputs, dy } })
  return nodes.find(({ id }) => id === last).value
}

const sameShape = (a, b) => a.length === b.length && a.every((length, axis) => length === b[axis])

/* What an ordinary gradient check allows, relative to the largest entry. */
export const allowed = 1e-4

/* Judges a claim: { value, difference, most, check, diagnosis, proof, solved } or { error }. check: "passes", "fails", "empty" where the true gradient is
 * zero by construction, "shape". */
export function judged(engine, question, known, claim) {
  let value, judgement
  try {
    judgement = engine.judge({ ...question, claimed: claim })
    value = valueOf(engine, question, claim, known.trace.nodes.find(({ id }) => id === known.trace.output))
  } catch (error) {
    return { error }
  }
  const { diagnosis, proof } = judgement
  const solved = diagnosis.verdict !== 'wrong' && proof?.verdict === 'proved'
  const { truth, numeric } = known
  if (!sameShape(value.shape, truth.shape)) return { value, difference: null, most: null, check: 'shape', diagnosis, proof, solved }
  const size = Math.max(largest(truth.values), largest(value.values))
  const off = (from) => value.values.map((x, i) => number(x) - number(from.values[i]))
  const difference = { shape: truth.shape, values: off(truth).map((x) => (Math.abs(x) <= 1e-12 * size ? 0 : x)) }
  const away = off(numeric ?? truth)
  const most = away.reduce((far, x) => (Number.isNaN(x) ? NaN : Math.max(far, Math.abs(x))), 0)
  const check = diagnosis.verdict === 'empty' ? 'empty' : most <= allowed * size ? 'passes' : 'fails'
  return { value, difference, most, check, diagnosis, proof, solved }
}
