// Experiments read from YAML: what lists expand to, what defaults are filled in, and where an error is said to be.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadExperiment } from '../../src/config/index.js'
import { UserError } from '../../src/errors/index.js'
import { temporary } from '../checkpoint/files.js'

const folder = temporary()
const file = join(folder, 'x.yaml')

const HEAD = 'name: x\nmodels:\n  - { name: small, base: ../base, post: ./post, tasks: [math, own/items.jsonl] }\n'

function load(text: string, head = HEAD) {
  writeFileSync(file, head + text)
  return loadExperiment(file)
}

/** The message, without the folder, that the text is refused with. */
async function refusal(text: string, head = HEAD): Promise<string> {
  const error = await load(text, head).then(
    () => assert.fail('accepted'),
    (caught: unknown) => caught,
  )
  assert.ok(error instanceof UserError, String(error))
  assert.equal(error.exitCode, 1)
  return error.message.replace(`${folder}/`, '')
}

test('lists stand for every combination, the first varies slowest; labels, place and tensors are of the entry', async () => {
  const { edits } = await load(`editors:
  - { editor: dare, drop_rate: [0.1, 0.9], k: [0, 0.5] }
  - { editor: magnitude, drop_rate: 0.5, label: smallest, on: weights, tensors: { include: ['*'], exclude: ['role:norm'] } }
`)
  assert.deepEqual(
    edits.slice(0, 4).map(({ steps }) => [steps[0]!.options.drop_rate, steps[0]!.options.k]),
    [
      [0.1, 0],
      [0.1, 0.5],
      [0.9, 0],
      [0.9, 0.5],
    ],
  )
  assert.deepEqual(edits.map(({ label, on, stochastic }) => [label, on, stochastic]).slice(3), [
    ['dare', 'delta', true],
    ['smallest', 'weights', false],
  ])
  assert.deepEqual(edits[0]!.tensors, { include: [], exclude: [] }, 'all')
  assert.deepEqual(edits[4]!.tensors, { include: ['*'], exclude: ['role:norm'] })
})

test('a chain applies its editors in order, lists included', async () => {
  const { edits } = await load(
    'editors:\n  - chain: [{ editor: dare, drop_rate: [0.5, 0.9] }, { editor: bitdelta }]\n    label: both\n',
  )
  assert.deepEqual(
    edits.map(({ editor, label, steps }) => [
      editor,
      label,
      steps.map((step) => step.editor),
      steps[0]!.options.drop_rate,
    ]),
    [
      ['dare+bitdelta', 'both', ['dare', 'bitdelta'], 0.5],
      ['dare+bitdelta', 'both', ['dare', 'bitdelta'], 0.9],
    ],
  )
})

test("defaults are the paper's; paths are relative to the file, names of tasks stay names", async () => {
  const { models, seeds, score, loss, views } = await load('seeds: 3\neditors: [{ editor: dare, drop_rate: 0.5 }]\n')
  assert.deepEqual([models[0]!.baseFolder, models[0]!.postFolder], [join(folder, '..', 'base'), join(folder, 'post')])
  assert.deepEqual(models[0]!.tasks, [
    { given: 'math', source: 'math' },
    { given: 'own/items.jsonl', source: join(folder, 'own', 'items.jsonl') },
  ])
  assert.deepEqual(seeds, [1, 2, 3])
  assert.deepEqual(score, { items: 512 })
  const defaults = { items: 128, riemann: true, steps: 5, taylor2: false, terms: true }
  assert.deepEqual(loss, { ...defaults, kind: 'task', rule: 'left' })
  assert.equal(views.length, 1)
  const without = await load('seeds: [5, 7]\nscore: false\nloss: false\neditors: [{ editor: dare, drop_rate: 0.5 }]\n')
  assert.deepEqual([without.seeds, without.score, without.loss], [[5, 7], false, false])
  const lossOf = async (text: string) =>
    (await load(`editors: [{ editor: dare, drop_rate: 0.5 }]\nloss: ${text}\n`)).loss
  assert.deepEqual(await lossOf('kl'), { ...defaults, kind: 'kl', rule: 'gauss' })
  assert.deepEqual(await lossOf('{ kind: kl, rule: left }'), { ...defaults, kind: 'kl', rule: 'left' })
  assert.deepEqual(await lossOf('task'), loss)
})

test('ignore_unmatched is of a model, or of all when the sweep is asked so', async () => {
  const head = `${HEAD}  - { name: other, base: b, post: p, tasks: [math], ignore_unmatched: true }\n`
  const text = 'editors: [{ editor: dare, drop_rate: 0.5 }]\n'
  const ignored = ({ models }: Awaited<ReturnType<typeof load>>) => models.map((pair) => pair.ignoreUnmatched)
  assert.deepEqual(ignored(await load(text, head)), [undefined, true])
  assert.deepEqual(ignored(await loadExperiment(file, { ignoreUnmatched: true })), [true, true])
})

test('a figure may name an option inside a chain', async () => {
  const chain = 'editors:\n  - chain: [{ editor: dare, drop_rate: 0.5 }, { editor: bitdelta, multiplier: [0.5, 1] }]\n'
  assert.equal((await load(`${chain}report: { x: bitdelta.multiplier }\n`)).views[0]!.x, 'bitdelta.multiplier')
  assert.match(await refusal(`${chain}report: { x: bitdelta.multiple }\n`), /did you mean "bitdelta\.multiplier"/)
  assert.match(await refusal(`${chain}report: { select: alhpa }\n`), /report\.select: unknown column "alhpa"/)
})

test('what is wrong is said with file, line, column and path', async () => {
  const dare = 'editors:\n  - { editor: dare, drop_rate: 0.5 }\n'
  // A few lines that would fill the memory: each list is nine of the list before.
  const lists = [...'abcde']
    .map((name, i) => `${name}: &${name} [${Array(9).fill(i ? `*${'abcde'[i - 1]}` : 'x')}]\n`)
    .join('')
  const cases: [text: string, message: RegExp][] = [
    [
      'editors:\n  - { editor: dar, drop_rate: 0.5 }\n',
      /^x\.yaml:5:7: editors\[0\]\.editor: unknown editor "dar"; did you mean "dare"\?/,
    ],
    [
      'editors:\n  - editor: dare\n    drop_rte: 0.5\n',
      /^x\.yaml:6:5: editors\[0\]\.drop_rte: .*unknown option of dare "drop_rte"; did you mean "drop_rate"\?/,
    ],
    [
      'editors:\n  - editor: dare\n    drop_rate: [0.5, 1.5]\n',
      /^x\.yaml:6:5: editors\[0\]\.drop_rate: drop_rate of dare must be .*; got 1\.5/,
    ],
    [
      'editors:\n  - editor: dare\n    drop_rate: []\n',
      /^x\.yaml:6:5: editors\[0\]\.drop_rate: an empty list makes no run/,
    ],
    [
      'editors:\n  - chain: [{ editor: expo, alpha: 1 }, { editor: magnitude, drop_rate: 0.5, granularity: model }]\n',
      /^x\.yaml:5:5: editors\[0\]\.chain: magnitude with these options reads the whole model, which only the first/,
    ],
    ['editors:\n  - { label: none }\n', /^x\.yaml:5:5: editors\[0\]: an entry needs either `editor` or `chain`/],
    [`${dare}sedes: 3\n`, /^x\.yaml:6:1: sedes: unknown key "sedes"; did you mean "seeds"\?/],
    [`${dare}loss: { item: 3 }\n`, /^x\.yaml:6:9: loss\.item: unknown key "item"; did you mean "items"\?/],
    [`${dare}loss: { rule: middle }\n`, /^x\.yaml:6:9: loss\.rule: must be one of .*midpoint.*; got "middle"/],
    [`${dare}loss: true\n`, /^x\.yaml:6:1: loss: /],
    [`${dare}seeds: -1\n`, /^x\.yaml:6:1: seeds: /],
    [`${dare}seeds: 1000000000\n`, /^x\.yaml:6:1: seeds: .*10000/],
    [`${dare}seeds: [1, 2, 1]\n`, /^x\.yaml:6:15: seeds\[2\]: the seed 1 is listed twice/],
    [`${dare}name: y\n`, /^x\.yaml:6:1: the key name is there twice$/],
    [dare.replace('editors', 'editor'), /^x\.yaml:4:1: editor: unknown key "editor"; did you mean "editors"\?/],
    ['editors: [{ editor: dare, drop_rate: .nan }]\n', /^x\.yaml:4:\d+: editors\[0\]\.drop_rate: .*got NaN/],
    ['editors: [&a { editor: dare, drop_rate: 0.5 }, *b]\n', /^x\.yaml:4:48: .*[Aa]lias.*: b$/],
    [`${lists}editors: *e\n`, /^x\.yaml:\d+:\d+: Excessive alias count/],
    [`${dare}---\nname: y\n`, /^x\.yaml:6:1: a second document/],
    ['editors: [dare\nseeds: 1\n', /^x\.yaml:\d+:\d+: /],
    [
      `${dare}  - { editor: dare, drop_rate: 0.5 }\n`,
      /^x\.yaml:6:5: editors\[1\]: the same edit is listed twice: dare/,
    ],
  ]
  for (const [text, message] of cases) assert.match(await refusal(text), message)
  assert.match(
    await refusal(dare, HEAD.replace('[math, ', '[{ text: a/n.txt }, { text: b/n.txt }, ')),
    /small on n is listed twice; a section may have a name of its own/,
  )
  assert.match(
    await refusal(dare, HEAD.replace('[math, ', '[math, math, ')),
    /^x\.yaml:3:\d+: models\[0\]\.tasks\[1\]: small on math is listed twice/,
  )
  for (const task of ['text: n.txt', 'task: n.jsonl', 'task: math'])
    assert.match(
      await refusal(dare, HEAD.replace('[math, ', `[{ ${task}, metric: perplexty }, `)),
      /^x\.yaml:3:\d+: models\[0\]\.tasks\[0\]\.metric: unknown metric "perplexty"/,
    )
  assert.match(await refusal(dare, HEAD.replace('post: ./post, ', '')), /^x\.yaml:3:5: models\[0\]\.post: /)
  assert.equal(await refusal('# nothing\n', ''), 'x.yaml: must be a mapping of keys to values; nothing is in it')
  await assert.rejects(loadExperiment(join(folder, 'none.yaml')), /none\.yaml: no such file/)
  await assert.rejects(loadExperiment(join(folder, 'none.json')), /none\.json: no such file/)
})

test('a text is a file beside the YAML file, or stays a data set of the hub', async () => {
  const { models } = await load(
    'editors:\n  - { editor: dare, drop_rate: 0.5 }\n',
    HEAD.replace('[math, ', '[{ text: a/n.txt }, { text: "hub:org/notes/raw:test" }, '),
  )
  assert.deepEqual(
    models[0]!.tasks.slice(0, 2).map(({ source }) => JSON.parse(source).text),
    [join(folder, 'a', 'n.txt'), 'hub:org/notes/raw:test'],
  )
})

test('a task that is not known is said where the file names it; a recipe by its name says which command reads it', async () => {
  const head = 'name: x\nmodels:\n  - { name: small, base: ../base, post: ./post, tasks: [math, mth] }\n'
  assert.match(
    await refusal('editors: [{ editor: bitdelta }]\n', head),
    /^x\.yaml:3:\d+: models\[0\]\.tasks\[1\]: unknown task "mth"; did you mean "math"/,
  )
  await assert.rejects(
    loadExperiment('zeroth-order'),
    /zeroth-order\.yaml:\d+:1: \w+: this is a recipe of zeroth-order/,
  )
})
