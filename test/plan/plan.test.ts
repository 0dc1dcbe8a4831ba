// The runs of an experiment: their number, order and ids.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { editorNamed, entryBitsOf, parseOptions } from '../../src/editors/index.js'
import { planRuns } from '../../src/plan/plan.js'
import { BUILT_IN } from '../../src/registry/index.js'
import { plannedColumns } from '../../src/run/row.js'
import { edit, experiment, planned } from './plans.js'

test('a random editor has a run for every seed, another has one; runs of one model and task are neighbours', () => {
  const { runs } = planned(experiment([edit('dare', 0.5), edit('magnitude', 0.5, false)], [7, 8, 9]))
  assert.equal(runs.length, 2 * 2 * (3 + 1))
  assert.deepEqual(
    runs.slice(0, 4).map((run) => run.seed),
    [7, 8, 9, null],
  )
  const groups = runs.map((run) => `${run.pair.name} ${run.task.name}`)
  assert.deepEqual(
    groups.filter((group, i) => group !== groups[i - 1]),
    ['a math', 'a code', 'b math', 'b code'],
  )
})

test('an id depends on what determines the row and on nothing else', () => {
  const idOf = (change: object, seeds = [1], tasks = ['math']) => {
    const base = experiment([edit('x', 0.5)], seeds)
    return planned({ ...base, ...change }, tasks).runs.at(-1)!.id
  }
  const id = idOf({})
  assert.match(id, /^[0-9a-f]{12}$/)
  assert.equal(idOf({ title: 'Other words', text: '# comment', file: 'elsewhere.yaml', name: 'other', views: [] }), id)
  assert.equal(idOf({}, [0, 1]), id, 'other seeds beside it')
  const swapped = { ...edit('x', 0.5), steps: [{ options: { drop_rate: 0.5 }, editor: 'dare' }] }
  assert.equal(idOf({ edits: [swapped] }), id, 'the order of keys')
  const spelled = { ...edit('x', 0.5), steps: [{ editor: 'dare', options: { drop_rate: 0.5, k: 0, rescale: true } }] }
  assert.equal(idOf({ edits: [spelled] }), id, 'options at their defaults')
  const loss = { items: 4, riemann: true, rule: 'gauss', steps: 5, taylor2: false, terms: true }
  assert.equal(idOf({ loss: { ...loss, kind: 'task' } }), idOf({ loss }), 'ids are older than kinds of a loss')
  const others = [
    idOf({ loss }),
    idOf({ loss: { ...loss, kind: 'kl' } }),
    idOf({}, [2]),
    idOf({}, [1], ['code']),
    idOf({ edits: [edit('x', 0.6)] }),
    idOf({ edits: [edit('y', 0.5)] }),
    idOf({ score: false }),
    idOf({ score: { items: 5 } }),
    idOf({ edits: [{ ...edit('x', 0.5), on: 'weights' }] }),
    idOf({ edits: [{ ...edit('x', 0.5), tensors: { include: ['*'], exclude: [] } }] }),
  ]
  assert.equal(new Set([id, ...others]).size, others.length + 1)
})

test('one model measured twice on one task is refused; skills of one model may share its name', () => {
  const given = experiment([edit('x', 0.5)], [1])
  const models = [given.models[0]!, { ...given.models[1]!, name: 'a' }]
  const task = (name: string) => [{ name, version: 1, source: name }]
  assert.throws(
    () => planRuns({ ...given, models }, [task('math'), task('math')]),
    /fake\.yaml: a on math is listed twice/,
  )
  assert.equal(planRuns({ ...given, models }, [task('math'), task('code')]).length, 2)
})

test('bits of a row are those of an entry: signs and the number of its block', () => {
  const bitsOf = (editor: string, options: object) => {
    const steps = [{ editor, options: parseOptions(editorNamed(editor), options) }]
    const { runs } = planned(
      experiment([{ ...edit('x', 0), editor, steps, entryBits: entryBitsOf(BUILT_IN.steps(steps)) }], [1]),
    )
    return plannedColumns('x', runs[0]!).bits
  }
  assert.deepEqual(
    [{}, { blocks: 16 }, { blocks: 5 }, { passes: 3 }].map((options) => bitsOf('bitdelta', options)),
    [1, 5, 4, 3],
  )
  assert.equal(bitsOf('quantise', { bits: 3 }), 3)
  assert.equal(bitsOf('dare', { drop_rate: 0.5 }), null)
})
