// Gates for a merge file: a router learned on tasks of the miniatures, the file with its gates, and the model that it makes.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { findGates, gateFile } from '../../src/calibrate/index.js'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { handler as merge } from '../../src/cli/commands/merge.js'
import { handler as route } from '../../src/cli/commands/route.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'

const checkpoints = fileURLToPath(new URL('../../../checkpoints/', import.meta.url))
const at = (name: string) => join(checkpoints, 'small', name)
const taskOf = (name: string) => join(checkpoints, 'tasks', `${name}.yaml`)
const scratch = mkdtempSync(join(tmpdir(), 'deltalab-route-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))
before(() => setBackend(BACKEND))

const TWIN = `# two skills
merger: twin
base_model: ${at('base')}
parameters: { fraction: 1 }
dtype: float32
models:
  - model: ${at('code')} # programs
  - { model: ${at('math')}, parameters: { weight: 1 } }
`
const write = (name: string, text: string) => {
  writeFileSync(join(scratch, name), text)
  return join(scratch, name)
}
const tasks = ['code', 'math'].map(taskOf)
const args = { plugin: [], backend: BACKEND, json: true, overwrite: false }
const mergeFile = (config: string, out: string) =>
  merge({ ...args, config, out, dryRun: false, shardSize: 5 } as unknown as Parameters<typeof merge>[0])
const routeFile = (given: object) =>
  route({ ...args, task: tasks, items: 16, ...given } as unknown as Parameters<typeof route>[0])

test('each task goes to its own model; a file with gates that are there already gives the same', async () => {
  const tensors = tf.memory().numTensors
  const temporary = process.env.TMPDIR
  process.env.TMPDIR = join(scratch, 'temporary')
  mkdirSync(process.env.TMPDIR)
  const found = await findGates(write('twin.yaml', TWIN), { tasks, items: 16 })
  assert.equal(tf.memory().numTensors, tensors, 'no tensor is left')
  assert.deepEqual(readdirSync(process.env.TMPDIR), [], 'nor a folder')
  if (temporary === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = temporary
  assert.deepEqual(
    [found.models, found.places, found.accuracies],
    [
      ['code', 'math'],
      [0, 1],
      [1, 1],
    ],
  )
  found.gates.forEach((gates, t) => {
    assertClose(gates[0]! + gates[1]!, 1, { tolerance: 1e-6 }, `entry ${t}`)
    assert.ok(gates[t]! > 0.9, `${gates}`)
  })
  assert.deepEqual(
    await findGates(write('gated.yaml', TWIN.replace('weight: 1', 'gate: 0.7')), { tasks, items: 16 }),
    found,
  )
})

test('the file keeps its text and comments, and takes the gates in the places of the models', () => {
  const base = `  - model: ${at('base')}\n`
  const text = TWIN.replace('models:\n', `models:\n${base}`)
  const file = gateFile(text, { models: [], places: [1, 2], gates: [], accuracies: [] }, [0.123456, 1], 'by hand')
  const { models } = parse(file) as { models: object[] }
  assert.deepEqual(models, [
    { model: at('base') },
    { model: at('code'), parameters: { gate: 0.1235 } },
    { model: at('math'), parameters: { weight: 1, gate: 1 } },
  ])
  assert.match(file, /^# Gates of Twin-Merging \(arXiv 2406\.15479\): by hand\n# two skills\n/)
  assert.match(file, /code # programs\n/)
})

test('the model of a task, from the command to the checkpoint, is nearly its fine-tune', async () => {
  const [file, out] = [join(scratch, 'twin-code.yaml'), join(scratch, 'twin-code')]
  await routeFile({ config: write('twin.yaml', TWIN), for: tasks[0], out: file })
  await mergeFile(file, out)
  const [base, post, merged] = await Promise.all([at('base'), at('code'), out].map((folder) => openCheckpoint(folder)))
  let [delta, distance] = [0, 0]
  for (const name of post!.tensors.keys()) {
    const [before, after, found] = [await base!.read(name), await post!.read(name), await merged!.read(name)]
    after.forEach((value, i) => {
      delta += (value - before[i]!) ** 2
      distance += (value - found[i]!) ** 2
    })
  }
  assert.ok(Math.sqrt(distance / delta) < 0.1, `${Math.sqrt(distance / delta)} of the delta`)
  await Promise.all([base, post, merged].map((checkpoint) => checkpoint!.close()))
})

test('what cannot be routed is said before work starts', async () => {
  const twin = write('twin.yaml', TWIN)
  const refuse = (text: string, wrong: RegExp, options = {}) =>
    assert.rejects(findGates(write('wrong.yaml', text), { tasks, items: 4, ...options }), wrong)
  await refuse(
    TWIN.replace('merger: twin', 'merger: task_arithmetic').replace('{ fraction: 1 }', '{}'),
    /wrong\.yaml:2:.*task_arithmetic has no gates; twin has/,
  )
  await refuse(TWIN, /--task has 1 and the file 2 models \(code, math\): give a task of each/, {
    tasks: tasks.slice(1),
  })
  await refuse(TWIN, /--task names .*math.* twice: a router learns to tell tasks apart/, {
    tasks: [tasks[1], tasks[1]],
  })
  await refuse(TWIN, /twice --items 1000000 are needed, to learn from and to check/, { items: 1e6 })
  await refuse(TWIN, /task colour needs a model that classifies/, { tasks: [tasks[0], taskOf('colour')] })
  await assert.rejects(
    routeFile({ config: twin, for: 'maths', out: join(scratch, 'x.yaml') }),
    /unknown task of --task/,
  )
  await assert.rejects(
    routeFile({ config: twin, for: tasks[0], out: join(tmpdir(), 'deltalab-elsewhere.yaml') }),
    /must lie beside/,
  )
  await assert.rejects(routeFile({ config: twin, for: tasks[0] }), /--for and --out go together/)
  const routed = write('routed.yaml', TWIN.replace('fraction: 1', 'gates: routed'))
  await assert.rejects(
    mergeFile(routed, join(scratch, 'never')),
    /routed\.yaml:4:.*gates: routed gives every prompt weights of its own, .* `deltalab route` finds the gates/,
  )
})
