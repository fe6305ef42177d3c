/* bugs.js: the museum: mistakes that people really made in backward passes, each as a wrong gradient to mend. `thread` is where it was found or asked about.
 * base: the preset whose expression and numbers it stands on; edit: arrays of the card that can be changed as well. */

const s = '(sigma2 + 1e-5)**(-1/2)'
const square = { expression: 'e = exp(z); p = e / sum(e, 1, 1)', inputs: { z: { shape: [3, 3], values: [1, 2, 0, 0, 1, 3, 2, 0, 1] } }, wrt: ['z'], through: [],
  cotangent: { shape: [3, 3], values: [1, 0, 2, 0, 2, 1, -1, 1, 0] } }
const unbiased = 'mu = sum(h, 0) / 4; xc = h - mu; sigma2 = sum(xc**2, 0) / 3; hath = xc * (sigma2 + 1e-5)**(-1/2); y = gamma * hath + beta'

export const bugs = [
  { name: 'statistics', title: 'mu and sigma2 taken for constants', thread: 'CrypTen PR #143', base: 'batchnorm', wrt: 'h', wrong: `gamma * dy * ${s}`,
    story: 'The backward pass took the mean and the variance of the batch as given numbers. Both are made of h. The tests had the same mistake, so they passed.',
    hint: 'Two terms are missing: what goes through the mean, and what goes through the variance.' },
  { name: 'mean', title: 'The mean forgotten', thread: 'mxnet #1053', base: 'batchnorm', wrt: 'h', wrong: `gamma * ${s} * (dy - hath * sum(dy * hath, 0) / 4)`,
    story: 'Here the variance is followed back, the mean is not. Is a term of the mean missing, people ask, where a closed form looks too short.',
    hint: 'Moving one h moves mu, and mu moves every row: subtract the mean of dy over the column.' },
  { name: 'variance', title: 'The variance forgotten', thread: 'darknet #1723', base: 'batchnorm', wrt: 'h', wrong: `gamma * ${s} * (dy - sum(dy, 0) / 4)`,
    story: 'The mean is followed back, the variance is not: close to right where dy hardly correlates with hath, and wrong everywhere.',
    hint: 'Subtract hath times the mean of dy * hath over the column.' },
  { name: 'gamma', title: 'gamma skipped', thread: 'Knet #288', base: 'batchnorm', wrt: 'h', wrong: `${s} / 4 * (4*dy - sum(dy, 0) - hath * sum(dy * hath, 0))`,
    story: 'All three paths are there, and the factor that y = gamma * hath + beta puts before them is not.',
    hint: 'What reaches hath is dy * gamma.' },
  { name: 'gamma-one', title: 'Checked with gamma = 1 alone', thread: 'Knet PR #289', base: 'batchnorm', wrt: 'h', wrong: `${s} / 4 * (4*dy - sum(dy, 0) - hath * sum(dy * hath, 0))`, edit: ['gamma'], inputs: { gamma: { shape: [3], values: [1, 1, 1] } },
    story: 'The same mistake, and a test that cannot see it: gamma starts as ones, so the check with numbers passes. Give gamma other numbers and watch it fail, then mend it.',
    hint: 'First change gamma below. A test on numbers that hide the mistake proves nothing; the exact proof is not fooled.' },
  { name: 'invstd', title: 'The inverse deviation taken for the variance', thread: 'FlagGems #5222', base: 'batchnorm', wrt: 'h',
    wrong: `gamma * (${s} + 1e-5)**(-1/2) / 4 * (4*dy - sum(dy, 0) - xc * (${s} + 1e-5)**(-1/2) * sum(dy * xc * (${s} + 1e-5)**(-1/2), 0))`,
    story: 'The forward pass saved 1/sqrt(sigma2 + eps), and the backward pass read it as sigma2. Near a variance of 1 the two agree, so small tests passed.',
    hint: `Where it says (${s} + 1e-5)**(-1/2), what was saved is ${s} already.` },
  { name: 'assigned', title: '= where += belongs', thread: 'mxnet #18499', base: 'fork', wrt: 'x', wrong: 'dy * a * 2 * x',
    story: 'x is used twice, in a = x * y and in b = x ** 2. The gradient of the second use was assigned over that of the first.',
    hint: 'Add what comes back through a: dy * b * y.' },
  { name: 'twice', title: 'The gradients of yesterday', thread: 'micrograd PR #102', base: 'product', wrt: 'x', wrong: 'dy * z + dy * z',
    story: 'Backward ran twice, and the gradients of the first run were still in the arrays: everything arrives twice.',
    hint: 'Each use of x sends once.' },
  { name: 'sum', title: 'A broadcast without its sum', thread: 'StackOverflow 47175259', base: 'batchnorm', wrt: 'gamma', wrong: 'dy * hath',
    story: 'Why is there a sum over axis 0, people ask. gamma was copied into every row, so every row sends a share back; here none is added up.',
    hint: 'dgamma must have the shape of gamma: sum over the axis along which it was copied.' },
  { name: 'keepdims', title: 'A sum that lost its axis', thread: 'nn-zero-to-hero #59', base: 'square', wrt: 'z', wrong: 'p * (dy - sum(dy * p, 1))',
    story: 'The sum over a row has shape (3,), and a square array takes it without a word: as a row, where it is a column. No error, only wrong numbers.',
    hint: 'sum(.., 1, 1) keeps the axis: shape (3, 1).' },
  { name: 'bessel', title: 'n where n − 1 belongs', thread: 'pytorch #19902', base: 'unbiased', wrt: 'h', wrong: `gamma * ${s} / 4 * (4*dy - sum(dy, 0) - hath * sum(dy * hath, 0))`,
    story: 'This variance divides by n − 1 = 3, and the closed form is the one for n = 4: biased and unbiased mixed.',
    hint: 'The path through the variance is larger by n / (n − 1) = 4/3.' },
  { name: 'sum-loss', title: 'sum(y) as the loss', thread: 'torch/nn #744', base: 'batchnorm', wrt: 'h', wrong: `gamma * ${s} * (dy - sum(dy, 0) / 4)`, edit: ['dy'], cotangent: { shape: [4, 3], values: Array(12).fill(1) },
    story: 'The test took sum(y) as its loss: dy is 1 everywhere. Behind a normalization that sum cannot move, the true gradient is 0, and almost any wrong one is 0 too. Here the variance is forgotten.',
    hint: 'Give dy uneven numbers; then the mistake shows, and can be mended.' },
  { name: 'none', title: 'A bug that is none', thread: 'AlexeyAB/darknet #4605', base: 'batchnorm', wrt: 'h', wrong: `gamma * ${s} * (dy - sum(dy, 0) / 4) - gamma * ${s} * hath * sum(dy * hath, 0) / 4`, fine: true,
    story: 'The edge from the variance back to the mean is left out of dmu, and readers kept reporting it. It carries −2/N times the sum of h − mu, which is 0. Is anything wrong?',
    hint: 'Nothing is: an edge that always carries zero may go.' },
]

/* The question of a card; changed: arrays that the visitor has edited. */
export function questionOfBug(bug, presets, changed = {}) {
  const base = bug.base === 'square' ? square : presets.find(({ name }) => name === (bug.base === 'unbiased' ? 'batchnorm' : bug.base))
  const { dy, ...arrays } = changed
  return {
    expression: bug.base === 'unbiased' ? unbiased : base.expression,
    inputs: { ...base.inputs, ...bug.inputs, ...arrays },
    cotangent: dy ?? bug.cotangent ?? base.cotangent,
    wrt: base.wrt, through: base.through,
  }
}
