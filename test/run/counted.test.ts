// What a sweep computes, counted: each gradient and each forward pass that its rows need, and none twice.
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { loadExperiment } from '../../src/config/index.js'
import type { TextReader } from '../../src/evaluate/index.js'
import { openInputs, plannedTasks, planRuns } from '../../src/plan/index.js'
import { executeRun, loadPair, measureReference } from '../../src/run/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { makePair } from './pair.js'

const folder = makePair()
after(() => rmSync(folder, { recursive: true }))
before(() => setBackend(BACKEND))

/** How often `name` of an object was called while `work` ran. */
async function counting<T extends object>(of: T, name: keyof T, work: () => Promise<unknown>): Promise<number> {
  const own = of[name] as (...args: unknown[]) => unknown
  let count = 0
  of[name] = ((...args: unknown[]) => {
    count++
    return own.apply(of, args)
  }) as T[keyof T]
  try {
    await work()
  } finally {
    of[name] = own as T[keyof T]
  }
  return count
}

/** Gradients of a batch that the runs of a config take. */
async function computed(edits: string, loss: string) {
  const file = join(folder, 'x.yaml')
  writeFileSync(
    file,
    `name: own\nmodels: [{ name: m, base: base, post: post, tasks: [items.jsonl] }]\neditors:\n${edits}\nscore: false\nloss: ${loss}\n`,
  )
  const experiment = await loadExperiment(file)
  const inputs = await openInputs(experiment)
  const runs = planRuns(experiment, inputs.map(plannedTasks))
  const home = await loadPair(runs[0]!.pair, experiment.registry)
  const facts = { experiment: 'own', backend: BACKEND, clock: () => 0 }
  const needsGradient = runs.some(({ edit }) => edit.needsGradient)
  const gradients = await counting(tf.engine(), 'gradients', async () => {
    const reference = await measureReference(home, runs[0]!.task, experiment, { needsGradient, runs: runs.length })
    for (const run of runs) await executeRun(home, run, experiment, { ...facts, reference })
  })
  home.dispose()
  return { runs: runs.length, gradients }
}

test('a gradient is taken once for all runs that need it, and a sum takes the others', async () => {
  const two = '  - { editor: expo, alpha: [0.5, 1] }'
  // The sum begins where the post-trained model is: that gradient is of all runs.
  assert.deepEqual(await computed(two, '{ items: 6, rule: left, steps: 5 }'), { runs: 2, gradients: 1 + 2 * 4 })
  assert.deepEqual(await computed(two, '{ items: 6, rule: trapezoid, steps: 2 }'), { runs: 2, gradients: 1 + 2 * 2 })
  // Here it does not, and nothing is computed for it.
  assert.deepEqual(await computed(two, '{ items: 6, rule: midpoint, steps: 2 }'), { runs: 2, gradients: 2 * 2 })
  assert.deepEqual(await computed(two, '{ items: 6, riemann: false }'), { runs: 2, gradients: 0 })
  // Editors that need it share it too, also with the sum.
  const biased = '  - { editor: biased, by: product, k: [0.5, 1.5] }'
  assert.deepEqual(await computed(biased, '{ items: 6, riemann: false }'), { runs: 2, gradients: 1 })
  assert.deepEqual(await computed(biased, '{ items: 6, rule: left, steps: 2 }'), { runs: 2, gradients: 1 + 2 })
  // An edit that changes nothing has no direction to differentiate in.
  assert.deepEqual(await computed('  - { editor: expo, alpha: [0, 1] }', '{ items: 6, rule: left, steps: 2 }'), {
    runs: 2,
    gradients: 1 + 1,
  })
})

test('a pair that is held encodes no texts twice', async () => {
  const experiment = await loadExperiment(join(folder, 'x.yaml'))
  const home = await loadPair(experiment.models[0]!, experiment.registry)
  const reader = home.tokenizer as TextReader
  const ids = await reader.encode(['w5 w6', 'w7'])
  assert.deepEqual(ids, [[5, 6], [7]])
  assert.equal(await reader.encode(['w5 w6', 'w7']), ids)
  assert.notEqual(await reader.encode(['w5 w6', 'w7'], { special: true }), ids)
  home.dispose()
})
