/* museum.test.js: each exhibit of the museum is what its card says: the claim is wrong, the engine names the mistake, and a solution is proved; and in the
 * browser one is found, mended and marked. */
import assert from 'node:assert/strict'
import test, { after } from 'node:test'

import { exhibitOf, exhibits, judged, questionOf, suspectsOf, truthOf } from '../src/museum.js'
import { fresh, hashOf, stateOf } from '../src/state.js'
import { closeBrowser, open, sizes, themes, unhindered } from './browse.js'
import { engine } from './built.js'

const presets = engine.presets()
after(closeBrowser)

const closed = 'istd = (sigma2 + 1e-5)**(-1/2)\ndh = gamma * istd / 4 * (4 * dy - sum(dy, 0) - hath * sum(dy * hath, 0))'
const staged = `dhath = dy * gamma
istd = (sigma2 + 1e-5)**(-1/2)
dsigma2 = sum(dhath * xc, 0) * (-1/2) * (sigma2 + 1e-5)**(-3/2)
dmu = -sum(dhath, 0) * istd
dh = dhath * istd + dsigma2 * 2 * xc / 4 + dmu / 4`

/* What a learner may come to. */
const solutions = {
  mean: staged,
  variance: closed,
  both: closed,
  zero: staged.replace('* istd\ndh', '* istd + dsigma2 * (-2) * sum(xc, 0) / 4\ndh'), // the term put back
  gamma: staged,
  inverse: closed,
  unbiased: closed,
  assign: 'da = dy * b\ndb = dy * a\ndx = da * w\ndx = dx + db * 2 * x',
  early: 'da = dy * 2 * a\nda = da + dy * 3\ndw = da * x',
  unsummed: 'dw = sum(dy * x, 0)',
  sum: closed,
  stale: 'da = dy * 2 * a\ndw = da * x\nda = 0 * da\ndw = 0 * dw\nda = da + dy * 2 * a\ndw = dw + da * x',
}

const judge = (exhibit, numbers, claim) => {
  const question = questionOf(exhibit, presets, numbers)
  return judged(engine, question, truthOf(engine, question), claim)
}
const said = ({ diagnosis }) => [diagnosis.message, ...diagnosis.findings.map(({ words }) => words)].join('\n')

test('there are enough of them, each told apart, with a source', () => {
  assert.ok(exhibits.length >= 9)
  assert.equal(new Set(exhibits.map(({ id }) => id)).size, exhibits.length)
  for (const { id, source, story, title } of exhibits) {
    assert.match(id, /^[a-z]+$/)
    assert.match(source, /#\d+|lecture|makemore part 4/)
    assert.equal(story.length, 2)
    assert.ok(title.length > 5)
  }
  assert.deepEqual(Object.keys(solutions).sort(), exhibits.map(({ id }) => id).sort())
})

for (const exhibit of exhibits) {
  const other = exhibit.numbers?.id
  if (exhibit.innocent)
    test(`${exhibit.id}: the claim is right, and proved`, () => {
      const found = judge(exhibit, null, exhibit.claim)
      assert.equal(found.check, 'passes')
      assert.equal(found.diagnosis.verdict, 'right')
      assert.ok(found.solved)
    })
  else
    test(`${exhibit.id}: the claim is wrong, and the diagnosis says what the card says`, () => {
      const seen = exhibit.id === 'sum' ? other : null // there the check of the card is what is blind
      const found = judge(exhibit, seen, exhibit.claim)
      assert.equal(found.diagnosis.verdict, 'wrong')
      assert.match(found.check, /fails|shape/)
      assert.match(said(found), exhibit.finds)
      assert.equal(judge(exhibit, null, exhibit.claim).solved, false)
      if (found.check === 'fails') {
        assert.equal(found.proof.verdict, 'refuted')
        assert.ok(found.most > 0.1 && found.difference.values.some((x) => Math.abs(x) > 0.1), 'it can be seen')
      }
    })

  test(`${exhibit.id}: a solution is right, and proved`, () => {
    for (const numbers of other ? [null, other] : [null]) {
      const found = judge(exhibit, numbers, solutions[exhibit.id])
      assert.match(found.diagnosis.verdict, exhibit.id === 'sum' && !numbers ? /empty/ : /right/)
      assert.equal(found.proof.verdict, 'proved')
      assert.ok(found.solved)
      assert.match(found.check, /passes|empty/)
      assert.ok(found.difference.values.every((x) => x === 0))
    }
  })

  test(`${exhibit.id}: suspects, one of them right`, () => {
    const suspects = suspectsOf(exhibit)
    assert.equal(suspects.filter(({ right }) => right).length, 1)
    assert.equal(suspects.find(({ right }) => right).words, exhibit.suspects[0].words)
    assert.equal(new Set(suspects.map(({ words }) => words)).size, 4)
    assert.ok(suspects.every(({ because }) => because.length > 10))
  })
}

test('the culprit does not always stand at one place', () => {
  const places = exhibits.map((exhibit) => suspectsOf(exhibit).findIndex(({ right }) => right))
  for (let place = 0; place < 4; place++) assert.ok(places.filter((one) => one === place).length <= exhibits.length / 2, `place ${place}`)
  assert.ok(new Set(places).size >= 3)
})

/* What the switches are for: the check of the project sees nothing, and the proof does. */
for (const [id, blind, seeing] of [['gamma', 'ones', null], ['inverse', 'unit', null], ['sum', null, 'weighed']])
  test(`${id}: other numbers turn the verdict of the check, not that of the proof`, () => {
    const { exhibit } = exhibitOf(id)
    const passes = judge(exhibit, blind, exhibit.claim)
    const fails = judge(exhibit, seeing, exhibit.claim)
    assert.equal(passes.check, id === 'sum' ? 'empty' : 'passes')
    assert.equal(fails.check, 'fails')
    assert.equal(passes.proof.verdict, 'refuted')
    assert.equal(fails.proof.verdict, 'refuted')
  })

test('what speaks for the culprit is so', () => {
  const columns = (id) => {
    const { exhibit } = exhibitOf(id)
    const { value, difference } = judge(exhibit, null, exhibit.claim)
    const { trace, truth } = truthOf(engine, questionOf(exhibit, presets, null))
    const node = (label) => trace.nodes.find((one) => one.label === label).value.values
    return { value: value.values, difference: difference.values, truth: truth.values, xc: node('xc'), hath: node('hath') }
  }
  const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-9 * Math.max(1, Math.abs(b)), `${a} for ${b}`)
  const mean = columns('mean')
  mean.difference.forEach((x, i) => near(x, mean.difference[i % 3]))
  const variance = columns('variance')
  variance.difference.forEach((x, i) => near(x / variance.xc[i], variance.difference[i % 3] / variance.xc[i % 3]))
  const gamma = columns('gamma')
  gamma.value.forEach((x, i) => near(gamma.truth[i], x * [2, 10, -10][i % 3]))
  const unbiased = columns('unbiased')
  unbiased.difference.forEach((x, i) => near(x / unbiased.hath[i], unbiased.difference[i % 3] / unbiased.hath[i % 3]))
})

test('a claim that cannot be read is refused with words', () => {
  const { exhibit } = exhibitOf('mean')
  for (const claim of ['', 'dh =', 'dy * nobody', '((', 'dy\0', 'sum(dy, 7)', '1/0 *', 'dy @ dy', 'sum(dy, 0)', '3']) {
    const { error } = judge(exhibit, null, claim)
    assert.ok(error?.message?.length > 3, JSON.stringify(claim))
  }
  assert.equal(judge(exhibit, null, 'dy / 0').solved, false)
})

test('an exhibit, its claim and what was solved are in the link', () => {
  const preset = presets.find(({ name }) => name === 'batchnorm')
  const state = { ...fresh(preset), view: 'bugs', bug: 'gamma.ones', claim: 'a = dy + 1\nb = a * "x" & <y> %2B', found: ['mean', '-gamma'], solved: ['mean'], score: { right: 1, asked: 2 }, expression: 'q = x + y; q * 2' }
  const read = stateOf(`#${hashOf(state, preset)}`, presets, (text) => engine.array(text))
  for (const key of ['view', 'bug', 'claim', 'found', 'solved', 'score', 'expression']) assert.deepEqual(read[key], state[key], key)
  assert.equal(exhibitOf('gamma.ones').numbers, 'ones')
  assert.equal(exhibitOf('gamma.none').numbers, null)
  assert.equal(exhibitOf('<script>').exhibit, null)
  assert.equal(exhibitOf(null).exhibit, null)
})

test('in the browser: found at the second try, mended, marked', async () => {
  const { page, close } = await open({ hash: 'v=bugs' })
  await page.getByRole('button', { name: 'The same error in every row' }).click()
  assert.equal(await page.locator('[data-check]').getAttribute('data-check'), 'fails')
  assert.match(await page.locator('[data-check]').innerText(), /up to 2 away/)
  assert.equal(await page.getByText('derivative through the mean mu is missing').count(), 0)
  const wrong = page.getByRole('button', { name: 'the path through sigma2 is missing' })
  await wrong.click()
  assert.ok(await wrong.isDisabled())
  await page.getByRole('button', { name: 'the path through mu is missing' }).click()
  await page.getByText('derivative through the mean mu is missing').waitFor()
  assert.match(await page.locator('.rooms').innerText(), /first answers right: 0 of 1/)
  await page.getByLabel('The claimed gradient').fill('dh = ((')
  await page.getByRole('alert').waitFor()
  await page.getByLabel('The claimed gradient').fill(solutions.mean)
  await page.locator('[data-proof="proved"]').waitFor()
  assert.equal(await page.locator('[data-check]').getAttribute('data-check'), 'passes')
  await page.getByRole('button', { name: 'All bugs' }).click()
  assert.match(await page.getByRole('button', { name: 'The same error in every row' }).innerText(), /✓ solved/)
  await page.waitForFunction(() => location.hash.includes('solved=mean'))
  await page.reload()
  await page.getByText('1 of 12 solved').waitFor()
  await close()
})

test('in the browser: a switch turns the check', async () => {
  const { page, close } = await open({ hash: 'v=bugs&bug=gamma' })
  const check = page.locator('[data-check]')
  assert.equal(await check.getAttribute('data-check'), 'fails')
  await page.getByLabel('Check with gamma = 1').check()
  await page.locator('[data-check="passes"]').waitFor()
  assert.equal(await page.locator('[data-proof]').getAttribute('data-proof'), 'refuted')
  await page.getByLabel('Check with gamma = 1').uncheck()
  await page.locator('[data-check="fails"]').waitFor()
  await close()
})

test('in the browser: the same graph as a lesson', async () => {
  const { page, close } = await open({ hash: 'v=bugs&bug=early' })
  await page.getByRole('button', { name: 'Walk through this graph' }).click()
  await page.locator('.stepper').waitFor()
  assert.equal(await page.getByRole('textbox', { name: 'Expression' }).inputValue(), 'a = w * x\nb = a ** 2\nc = 3 * a\ny = b + c')
  await close()
})

for (const [size, options] of Object.entries(sizes))
  for (const colorScheme of themes)
    for (const [name, hash] of Object.entries({ museum: 'v=bugs&solved=mean&found=mean', 'museum-gamma': 'v=bugs&bug=gamma.ones&found=gamma', 'museum-unsummed': 'v=bugs&bug=unsummed', 'museum-sum': 'v=bugs&bug=sum&found=sum' }))
      test(`${name}, ${size}, ${colorScheme}: nothing is in anybody's way`, () => unhindered(`${name}-${size}-${colorScheme}`, { ...options, colorScheme, hash }))
