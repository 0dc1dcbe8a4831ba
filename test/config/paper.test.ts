// The papers' experiments on their own models: every file loads without the hub, and stands for the paper's grid.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadExperiment } from '../../src/config/index.js'
import { packageRoot } from '../../src/files/index.js'
import { parseReference } from '../../src/hub/reference.js'
import { identifyTasks, planRuns } from '../../src/plan/index.js'

const folder = join(packageRoot, 'configs', 'paper')

/** Edits, merges, and pairs of model and task. 28 pairs of GLUE tasks; a grid of DARE has 9 rates and no DARE beside them. */
const EXPECTED: Record<string, [edits: number, merges: number, measured: number]> = {
  biased: [3 * 6, 0, 1],
  bitdelta: [3 * 6 + 5, 0, 2 * 8],
  'drop-rate': [3 * 10, 0, 1 + 2 + 2],
  'encoder-drop-rate': [3 * 10, 0, 2 * 8],
  'encoder-merge': [0, 2 * 28 * (1 + 2 + 3 + 1 + 1) * (1 + 9), 2 * 8],
  expo: [21, 0, 3 * 8],
  'extended-dare': [9 * 5, 0, 3 * 8],
  'extended-dare-vision': [9 * 5, 0, 8],
  merge: [0, 4 * (2 + 3) * (1 + 9), 1 + 2 + 2],
  riemann: [3 * 5 + 2, 0, 1],
  'where-dare-fails': [2, 0, 3 * 2],
}

test('every file of configs/paper is expected here', () => {
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'))
  assert.deepEqual(
    files.sort(),
    Object.keys(EXPECTED)
      .map((name) => `${name}.yaml`)
      .sort(),
  )
})

for (const [name, [edits, merges, measured]] of Object.entries(EXPECTED)) {
  test(`${name}: models by their names on the hub, the paper's grid, tasks that there are`, async () => {
    const experiment = await loadExperiment(join(folder, `${name}.yaml`))
    assert.match(
      experiment.text,
      /^# .*(Figure|Figures|Table|figures|merging).*arXiv 2\d{3}\.\d{5}/,
      'the first line names what of which paper',
    )
    for (const { base, post, baseFolder, postFolder } of experiment.models) {
      assert.ok(parseReference(base, 'model') && parseReference(post, 'model'), `${base}, ${post}`)
      assert.deepEqual([baseFolder, postFolder], [base, post], 'not taken for folders')
    }
    assert.deepEqual([experiment.edits.length, experiment.merges.length], [edits, merges])
    const tasks = identifyTasks(experiment)
    assert.equal(tasks.flat().length, measured)
    // Every edit on every task; merges on those of the models of their base.
    const bases = new Set(experiment.models.map(({ base }) => base)).size
    assert.equal(planRuns(experiment, tasks).length, (edits + merges / bases) * measured)
  })
}

test('the names of tasks carry their examples', async () => {
  const [first, ...others] = identifyTasks(await loadExperiment(join(folder, 'extended-dare.yaml')))
  assert.equal(first![0]!.name, 'arc_challenge:25')
  assert.equal(others.length, 2)
})
