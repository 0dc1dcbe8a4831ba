// Pairs of the vision and encoder miniatures: the base is the base's backbone with the head of the post-trained model, no edit
// touches the head, and loss and score are those of the weights put together by hand.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { loadExperiment } from '../../src/config/index.js'
import { encodeItems, loadReader } from '../../src/evaluate/index.js'
import { packageRoot } from '../../src/files/index.js'
import { disposeInputs, forward, loadModel, makeInputs, type Weights } from '../../src/models/index.js'
import { estimateCost, hashInputs, openInputs, planRuns } from '../../src/plan/index.js'
import { loadPair } from '../../src/run/loaded-pair.js'
import { measureReference } from '../../src/run/reference.js'
import { executeRun } from '../../src/run/run.js'
import { loadTask } from '../../src/tasks/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'

let folder: string
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'heads-'))
  await setBackend(BACKEND)
})
after(() => rmSync(folder, { recursive: true }))

const ITEMS = 96
const cases = [
  { part: 'vision', task: 'texture', head: ['classifier.*'], own: /^classifier\./ },
  {
    part: 'encoder',
    task: 'entailment',
    head: ['classifier.*', 'bert.pooler.*', 'cls.*'],
    own: /^(classifier|bert\.pooler)\./,
  },
  { part: 'roberta', task: 'entailment', head: ['classifier.*', 'lm_head.*'], own: /^classifier\./ },
]

/** Accuracy and mean loss of weights by one forward pass, softmax and argmax in plain JavaScript. */
async function measure(path: string, weights: Weights, task: string) {
  const { config } = await openCheckpoint(path)
  const model = loadModel(config!)
  let [right, loss, count] = [0, 0, 0]
  for (const batch of await encodeItems(await loadTask(task), await loadReader(path, model), model, { items: ITEMS })) {
    const inputs = makeInputs(model, batch)
    const columns = model.sequence ?? batch.columns
    const outputs = tf.tidy(() => forward(model, weights, inputs))
    const rows = (await outputs.array()) as number[][]
    batch.targets!.forEach((label, row) => {
      const logits = rows[row * columns]!
      right += Number(logits.indexOf(Math.max(...logits)) === label)
      loss += Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0)) - logits[label]!
      count++
    })
    outputs.dispose()
    disposeInputs(inputs)
  }
  return { score: right / count, loss: loss / count }
}

for (const { part, task, head, own } of cases) {
  test(`${part} on ${task}: base, post and edited model of a row`, async () => {
    const at = (name: string) => join(packageRoot, 'checkpoints', part, name)
    const file = join(folder, `${part}.yaml`)
    writeFileSync(
      file,
      JSON.stringify({
        name: part,
        models: [{ name: part, base: at('base'), post: at(task), head, tasks: [task] }],
        editors: [{ editor: 'dare', drop_rate: 0.5 }],
        score: { items: ITEMS },
        loss: { items: ITEMS, rule: 'midpoint', steps: 1 },
      }),
    )
    const experiment = await loadExperiment(file)
    const inputs = await openInputs(experiment)
    const runs = planRuns(
      experiment,
      inputs.map(({ tasks }) => tasks.map(({ source, task: { name, version } }) => ({ name, version, source }))),
    )
    assert.ok((await estimateCost(experiment, inputs, runs)).flops > 1e6)
    const { hashes } = await hashInputs(inputs)
    assert.ok(!JSON.stringify(hashes[`task ${task}`]).includes(packageRoot))

    const [base, post] = await Promise.all([openCheckpoint(at('base')), openCheckpoint(at(task))])
    const weights: Weights = {}
    for (const [name, { shape }] of post.tensors)
      weights[name] = tf.tensor(await (own.test(name) ? post : base).read(name), [...shape])
    const expected = await measure(at(task), weights, task)
    tf.dispose(weights)

    const home = await loadPair(experiment.models[0]!)
    const measures = { score: experiment.score, loss: experiment.loss }
    const reference = await measureReference(home, runs[0]!.task, measures, { needsGradient: false, runs: 2 })
    assertClose(reference.loss!.pre.mean, expected.loss, { tolerance: 1e-5 })
    assertClose(reference.score!.pre.score, expected.score, { tolerance: 1e-12 })
    const { row, terms } = await executeRun(home, runs[0]!, measures, {
      reference,
      experiment: part,
      backend: BACKEND,
      clock: () => 0,
    })
    assert.ok(terms.length > 50 && terms.every(({ tensor }) => !own.test(tensor)), 'the head is not edited')
    assert.ok(row.score_post! > row.score_pre! + 0.1, 'the head alone is not the fine-tune')
    assert.ok(row.score_edited! > row.score_pre!)
    assert.equal(row.tensors, [...post.tensors.keys()].filter((name) => !own.test(name)).length)
    home.dispose()
    await Promise.all([base.close(), post.close()])
  })
}

test('without its head the pair does not match, and text is not given to a model of images', async () => {
  const at = (name: string) => join(packageRoot, 'checkpoints/vision', name)
  const write = (model: object) => {
    writeFileSync(
      join(folder, 'x.yaml'),
      JSON.stringify({
        name: 'x',
        models: [{ name: 'x', base: at('base'), post: at('texture'), ...model }],
        editors: [{ editor: 'dare', drop_rate: 0.5 }],
      }),
    )
    return loadExperiment(join(folder, 'x.yaml')).then(openInputs)
  }
  await assert.rejects(
    write({ tasks: ['texture'] }),
    /2 tensors do not match .*classifier\.weight \[45, 48\] in base, \[6, 48\] in post/,
  )
  await assert.rejects(
    write({ tasks: ['sentiment'], head: ['classifier.*'] }),
    /task sentiment is of text, and the model reads images/,
  )
  await assert.rejects(
    write({ tasks: ['digit'], head: ['classifier.*'] }),
    /the label \d is not one of the model's 6 classes/,
  )
})
