// Edits on kernels in threads: the bytes, norms and warnings of the definitions, for any number of threads, memory and shards.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Checkpoint, openCheckpoint, type Pair, pairCheckpoints } from '../../src/checkpoint/index.js'
import {
  type EditCheckpointOptions,
  type EditSummary,
  editCheckpoint,
  estimateEdit,
  forecastEdit,
} from '../../src/edit/index.js'
import type { Step } from '../../src/editors/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { folder, LLAMA3, stored, temporary } from '../checkpoint/files.js'
import { assertClose } from '../close.js'
import { stepOf } from '../editors/step.js'

const root = temporary()
let count = 0
/** The same step by its definition. */
const defined = ({ editor: { program: _, ...editor }, options }: Step): Step => ({ editor, options })

interface Result {
  out: Checkpoint
  summary: EditSummary
  warnings: string[]
  bytes: number
}

async function edit(pair: Pair, options: Partial<EditCheckpointOptions>): Promise<Result> {
  const folder = join(root, `out${count++}`)
  const warnings: string[] = []
  let bytes = 0
  const summary = await editCheckpoint(pair, folder, {
    steps: [],
    seed: 5,
    on: 'delta',
    ...options,
    onWarning: (text) => warnings.push(text),
    onBytes: (written) => void (bytes += written),
  })
  return { out: await openCheckpoint(folder), summary, warnings, bytes }
}

async function open(base: string, post: string): Promise<Pair & AsyncDisposable> {
  const [one, two] = [await openCheckpoint(base), await openCheckpoint(post)]
  const close = async () => void (await Promise.all([one.close(), two.close()]))
  return { ...(await pairCheckpoints(one, two)), [Symbol.asyncDispose]: close }
}

const weightsOf = async ({ out }: Result): Promise<Map<string, string>> =>
  new Map(
    await Promise.all(
      [...out.tensors.keys()].map(async (name) => [name, (await out.readBytes(name)).toString()] as const),
    ),
  )

const CHAINS: Step[][] = [
  [stepOf('dare', { drop_rate: 0.7 })],
  [stepOf('dare', { drop_rate: 0.7, convention: 'mergekit' })],
  [stepOf('magnitude', { drop_rate: 0.6 }), stepOf('bitdelta', {})],
  [stepOf('expo', { alpha: 0.3 })],
]

test('no backend is started where all editors have programs', async () => {
  await using pair = await open(`${LLAMA3}/base`, `${LLAMA3}/post`)
  const options = { steps: CHAINS[0]!, seed: 5, on: 'delta' } as const
  assert.equal(estimateEdit(pair, options).needsBackend, false)
  await (await edit(pair, options)).out.close()
  assert.equal(tf.getBackend(), undefined)
})

test('threads, memory and shards change no byte, no norm and no warning; definitions write the same bytes', async () => {
  await setBackend(BACKEND)
  await using pair = await open(`${LLAMA3}/base`, `${LLAMA3}/post-bf16`)
  for (const steps of CHAINS)
    for (const on of ['delta', 'weights'] as const) {
      const one = await edit(pair, { steps, on, jobs: 1 })
      const expected = await weightsOf(one)
      for (const how of [
        { jobs: 3, maxShardBytes: 30_000 },
        { jobs: 2, memory: 240e6 },
      ]) {
        const other = await edit(pair, { steps, on, ...how })
        assert.deepEqual(await weightsOf(other), expected)
        assert.deepEqual(other.summary, one.summary)
        assert.deepEqual(other.warnings, one.warnings)
        await other.out.close()
      }
      const { summary, ...other } = await edit(pair, { steps: steps.map(defined), on })
      assert.deepEqual(await weightsOf({ summary, ...other }), expected)
      assert.deepEqual(other.warnings, one.warnings)
      for (const key of ['delta_norm', 'edit_norm'] as const)
        assertClose(summary[key], one.summary[key], { tolerance: 1e-9 })
      assert.deepEqual({ ...summary, delta_norm: 0, edit_norm: 0 }, { ...one.summary, delta_norm: 0, edit_norm: 0 })
      await Promise.all([one.out.close(), other.out.close()])
    }
})

test('sums by hand, a tensor that is copied and one that is converted; bytes are counted as they are written', async () => {
  const layers = (values: number[]) => ({ 'a.weight': [[2, 2], values], 'b.bias': [[3], [1, 2, 3]] }) as const
  const [base, post] = ['base', 'post'].map((name, i) =>
    folder(join(root, name), layers(i ? [1, 3, 3, 8] : [1, 2, 3, 4]) as never),
  )
  await using pair = await open(base!, post!)
  // The delta is 0, 1, 0, 4; its half is kept: 1 and 4. Doubled, they change by 1 and 4.
  const steps = [stepOf('magnitude', { drop_rate: 0.5, rescale: true })]
  for (const dtype of [undefined, 'BF16'] as const) {
    const { out, summary, bytes } = await edit(pair, { steps, include: ['a.weight'], dtype })
    assert.deepEqual([...(await out.read('a.weight'))], [1, 4, 3, 12])
    assert.deepEqual([...(await out.read('b.bias'))], [1, 2, 3])
    const { tensors, parameters, kept, delta_norm, edit_norm } = summary
    assert.deepEqual([tensors, parameters, kept, delta_norm ** 2, edit_norm ** 2].map(Math.round), [1, 4, 2, 17, 17])
    assert.equal(bytes, dtype ? 14 : 28)
    const {
      tensors: written,
      edited,
      ...estimate
    } = estimateEdit(pair, {
      steps,
      include: ['a.weight'],
      dtype,
      seed: 5,
      on: 'delta',
    })
    assert.deepEqual([written, edited, estimate.parameters, estimate.bytes], [2, 1, 4, bytes])
    await out.close()
  }
})

test('inputs and results that are not finite are named, and nothing is left', async () => {
  const layers = (values: number[]) => ({ 'a.weight': [[1, 2], values] }) as never
  const [base, post, bad] = [
    [1, 2],
    [1, 3],
    [1, Number.NaN],
  ].map((values, i) => folder(join(root, `finite${i}`), layers(values)))
  {
    await using pair = await open(base!, bad!)
    await assert.rejects(edit(pair, { steps: CHAINS[0]! }), /^UserError: .*finite2.*"a.weight".*1 NaN or Inf.*index 1/)
  }
  {
    const halves = (name: string, text: string) =>
      stored(join(root, name), { 'a.weight': ['F16', [1, 2], `\x00\x3c${text}`] }, null)
    await using pair = await open(halves('one16', '\x00\xbc'), halves('inf16', '\x00\xfc'))
    await assert.rejects(edit(pair, { steps: CHAINS[0]! }), /inf16.*"a.weight" holds 1 NaN or Inf.*1 \(-Infinity\)/)
  }
  await using pair = await open(base!, post!)
  await assert.rejects(
    edit(pair, { steps: [stepOf('expo', { alpha: 1e6 })], dtype: 'F16' }),
    /^UserError: tensor "a.weight": 1000003 at index 1 is too large for F16; use F32 or BF16/,
  )
  assert.throws(() => readFileSync(join(root, `out${count - 1}`, 'config.json')), /ENOENT/)
})

test('a bound of memory below one thread is refused before a weight is read, with the least that would do', async () => {
  await using pair = await open(`${LLAMA3}/base`, `${LLAMA3}/post`)
  const options = { steps: CHAINS[0]!, seed: 5, on: 'delta' } as const
  const { memory } = estimateEdit(pair, options)
  await assert.rejects(edit(pair, { ...options, memory: memory - 1 }), {
    message: /^--memory \d+MB is too small; 175MB would do$/,
  })
  await (await edit(pair, { ...options, memory })).out.close()
})

test('the forecast grows with what the processor takes, and is null where a step has no program', async () => {
  await using pair = await open(`${LLAMA3}/base`, `${LLAMA3}/post-bf16`)
  const options = { seed: 5, on: 'delta', jobs: 1 } as const
  /** Each reading is so many seconds after the one before. */
  const forecast = (steps: Step[], seconds: number) => {
    let now = 0
    return forecastEdit(pair, { ...options, steps }, () => (now += seconds))
  }
  const [once, twice] = [await forecast(CHAINS[2]!, 1), await forecast(CHAINS[2]!, 2)]
  assert.ok(once! > 1)
  // But for 0.1 s to start, and what the system takes for some kilobytes.
  assertClose((twice! - 0.1) / (once! - 0.1), 2, { tolerance: 1e-3 })
  assert.equal(await forecast([stepOf('lowrank', { rank: 2 })], 1), null)
})
