// The edit of a pair: what is selected changes as the editor says, everything else is the post-trained model's bit for bit.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { type Checkpoint, openCheckpoint, pairCheckpoints, writeCheckpoint } from '../../src/checkpoint/index.js'
import {
  checkSteps,
  describeEdit,
  type EditCheckpointOptions,
  editCheckpoint,
  openGrams,
} from '../../src/edit/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { folder, LLAMA3, temporary } from '../checkpoint/files.js'
import { assertClose } from '../close.js'
import { stepOf } from '../editors/step.js'
import { contentSum } from '../kernels/content.js'

const root = temporary()
let count = 0

before(() => setBackend(BACKEND))

/** The header names every input file by its size and checksum, whether its bytes went through passes or not. */
function checkContents(out: string, folders: readonly string[]): void {
  const bytes = readFileSync(join(out, readdirSync(out).find((file) => file.endsWith('.safetensors'))!))
  const header = bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString()
  const { edit } = (JSON.parse(header) as { __metadata__: { edit: string } }).__metadata__
  const { inputs } = JSON.parse(edit) as { inputs: { contents: Record<string, string> }[] }
  assert.equal(inputs.length, 2)
  for (const [i, { contents }] of inputs.entries()) {
    assert.ok(Object.keys(contents).some((file) => file.endsWith('.safetensors')))
    for (const [file, content] of Object.entries(contents)) {
      const bytes = readFileSync(join(folders[i]!, file))
      assert.equal(content, `${bytes.length} bytes, checksum ${contentSum(bytes)}`, file)
    }
  }
}

/** Edits, hands the result to `check`, closes all. */
async function edited(
  baseFolder: string,
  postFolder: string,
  options: Partial<EditCheckpointOptions>,
  check: (
    out: Checkpoint,
    base: Checkpoint,
    post: Checkpoint,
    summary: Awaited<ReturnType<typeof editCheckpoint>>,
  ) => Promise<void>,
): Promise<void> {
  const [base, post] = [await openCheckpoint(baseFolder), await openCheckpoint(postFolder)]
  const out = join(root, `out${count++}`)
  const tensors = tf.memory().numTensors
  const all: EditCheckpointOptions = { steps: [], seed: 0, on: 'delta', ...options }
  const pair = await pairCheckpoints(base, post)
  const summary = await editCheckpoint(pair, out, {
    ...all,
    describe: (content) => describeEdit('out', pair, all, { backend: BACKEND, content }),
  })
  assert.equal(tf.memory().numTensors, tensors, 'no tensor is left')
  checkContents(out, [baseFolder, postFolder])
  const result = await openCheckpoint(out)
  await check(result, base, post, summary)
  await Promise.all([base.close(), post.close(), result.close()])
}

const same = async (a: Checkpoint, b: Checkpoint, name: string): Promise<boolean> =>
  Buffer.compare(await a.readBytes(name), await b.readBytes(name)) === 0

test('neutral editors give the post-trained bytes back', async () => {
  for (const steps of [
    [stepOf('dare', { drop_rate: 0 })],
    [stepOf('expo', { alpha: 0 }), stepOf('magnitude', { drop_rate: 0 })],
    [stepOf('lowrank', { fraction: 1 })],
  ]) {
    await edited(`${LLAMA3}/base`, `${LLAMA3}/post`, { steps }, async (out, _, post, summary) => {
      for (const name of post.tensors.keys()) assert.ok(await same(out, post, name), name)
      assert.equal(summary.edit_norm, 0)
    })
  }
})

test('drop-only: every entry is exactly base’s or post’s; what is not selected does not move', async () => {
  const steps = [stepOf('dare', { drop_rate: 0.7, rescale: false })]
  await edited(
    `${LLAMA3}/base`,
    `${LLAMA3}/post`,
    { steps, seed: 3, include: ['linear'], exclude: ['*.2.*'] },
    async (out, base, post, summary) => {
      let [selected, dropped] = [0, 0]
      for (const name of post.tensors.keys()) {
        const chosen = /layers\.[01]\..*(proj)/.test(name)
        if (!chosen) {
          assert.ok(await same(out, post, name), name)
          continue
        }
        const [o, b, p] = await Promise.all([out, base, post].map((checkpoint) => checkpoint.read(name)))
        assert.ok(
          o!.every((x, i) => x === b![i] || x === p![i]),
          name,
        )
        selected += o!.length
        dropped += o!.filter((x, i) => x === b![i]).length
      }
      assert.equal(summary.tensors, 14)
      assert.equal(summary.parameters, selected)
      assert.equal(summary.kept, selected - dropped)
      assertClose(dropped / selected, 0.7, { tolerance: 0.02 })
    },
  )
})

test('expo −1 is the base, and the change is the whole delta', async () => {
  await edited(
    `${LLAMA3}/base`,
    `${LLAMA3}/post`,
    { steps: [stepOf('expo', { alpha: -1 })] },
    async (out, base, _, summary) => {
      for (const name of base.tensors.keys()) assert.ok(await same(out, base, name), name)
      assert.equal(summary.delta_norm, summary.edit_norm)
    },
  )
})

// torch.nn.BatchNorm2d of torch 2.13.0: running_mean and running_var are buffers; the code of DARE edits named_parameters.
test('statistics of batch norms stay those of post, unless a pattern includes them', async () => {
  const model = (name: string, value: number) =>
    folder(join(root, name), {
      'bn.running_mean': [[2], [value, value]],
      'bn.running_var': [[2], [value, value]],
      'bn.weight': [[2], [value, value]],
    })
  const [base, post] = [model('bn-base', 1), model('bn-post', 3)]
  for (const [include, firsts] of [
    [[], [3, 3, 1]],
    [['*running_mean'], [1, 3, 3]],
  ] as const)
    await edited(base, post, { steps: [stepOf('magnitude', { drop_rate: 1 })], include }, async (out) => {
      const values = await Promise.all([...out.tensors.keys()].map((name) => out.read(name)))
      assert.deepEqual(
        values.map(([first]) => first),
        firsts,
      )
    })
})

test('on weights: the editor sees the weights, not the delta', async () => {
  const steps = [stepOf('magnitude', { drop_rate: 0.5 })]
  await edited(
    `${LLAMA3}/base`,
    `${LLAMA3}/post`,
    { steps, on: 'weights', include: ['lm_head.weight'] },
    async (out, _, post) => {
      const [o, p] = await Promise.all([out.read('lm_head.weight'), post.read('lm_head.weight')])
      assert.equal(o.filter((x) => x === 0).length, 3840)
      const largestDropped = Math.max(...p.filter((_, i) => o[i] === 0).map(Math.abs))
      assert.ok(p.every((x, i) => o[i] === 0 || (o[i] === x && Math.abs(x) >= largestDropped)))
    },
  )
})

test('an editor that reads the whole model: its threshold is common to all selected tensors', async () => {
  const steps = [stepOf('magnitude', { drop_rate: 0.9, granularity: 'model' })]
  await edited(
    `${LLAMA3}/base`,
    `${LLAMA3}/post`,
    { steps, include: ['role:norm', 'role:embedding'] },
    async (out, base, post, summary) => {
      // The embedding's delta is far smaller than the norms': nearly all that is kept are norms.
      assert.equal(summary.kept, Math.trunc((7680 + 336) / 10))
      const [o, b] = [
        await out.read('model.layers.0.input_layernorm.weight'),
        await base.read('model.layers.0.input_layernorm.weight'),
      ]
      assert.ok(o.filter((x, i) => x !== b[i]).length > 40)
      assert.ok(await same(out, post, 'lm_head.weight'))
    },
  )
})

test('several shards and formats: each tensor keeps its format unless --dtype says otherwise', async () => {
  const steps = [stepOf('dare', { drop_rate: 0.5 })]
  await edited(
    `${LLAMA3}/base`,
    `${LLAMA3}/post-bf16`,
    { steps, include: ['role:mlp'], maxShardBytes: 40_000 },
    async (out, _, post) => {
      assert.ok(new Set([...out.tensors.values()].map(({ file }) => file)).size > 3)
      for (const { name, dtype, shape } of post.tensors.values()) {
        assert.deepEqual([out.tensors.get(name)!.dtype, out.tensors.get(name)!.shape], [dtype, shape])
        assert.equal(await same(out, post, name), !name.includes('.mlp.'), name)
      }
    },
  )
  await edited(
    `${LLAMA3}/base`,
    `${LLAMA3}/post-bf16`,
    { steps, include: ['role:mlp'], dtype: 'F32' },
    async (out, _, post) => {
      assert.ok([...out.tensors.values()].every(({ dtype }) => dtype === 'F32'))
      assert.equal(out.config!.torch_dtype, 'float32')
      assert.deepEqual(await out.read('lm_head.weight'), await post.read('lm_head.weight'))
    },
  )
})

test('the same seed gives the same bytes, another seed others', async () => {
  const shots: string[] = []
  for (const seed of [1, 1, 2]) {
    await edited(
      `${LLAMA3}/base`,
      `${LLAMA3}/post`,
      { steps: [stepOf('dare', { drop_rate: 0.9 })], seed },
      async (out) => {
        shots.push((await out.hashes())['model.safetensors']!)
      },
    )
  }
  assert.equal(shots[0], shots[1])
  assert.notEqual(shots[0], shots[2])
})

test('a stored copy of a tied embedding stays its copy and is counted once', async () => {
  const weights = (scale: number) => [[2, 2], [1, 2, 3, 4].map((x) => x * scale)] as [number[], number[]]
  const tied = (scale: number) => ({ 'lm_head.weight': weights(scale), 'model.embed_tokens.weight': weights(scale) })
  const [base, post] = [folder(join(root, 'tied-base'), tied(1)), folder(join(root, 'tied-post'), tied(2))]
  await edited(base, post, { steps: [stepOf('expo', { alpha: 1 })] }, async (out, _, __, summary) => {
    assert.deepEqual([...(await out.read('model.embed_tokens.weight'))], [3, 6, 9, 12])
    assert.deepEqual([...(await out.read('lm_head.weight'))], [3, 6, 9, 12])
    assert.equal(summary.parameters, 4)
  })
})

test('an editor that needs a gradient, and an output that is an input, are refused before anything is written', async () => {
  const pair = await pairCheckpoints(await openCheckpoint(`${LLAMA3}/base`), await openCheckpoint(`${LLAMA3}/post`))
  const options = { seed: 0, on: 'delta' } as const
  await assert.rejects(
    editCheckpoint(pair, join(root, 'x'), { ...options, steps: [stepOf('biased', { by: 'product', k: 0 })] }),
    /needs the gradient of a task's loss/,
  )
  await assert.rejects(
    editCheckpoint(pair, `${LLAMA3}/../llama3/post`, { ...options, steps: [], overwrite: true }),
    /is an input/,
  )
  await Promise.all([pair.base.close(), pair.post.close()])
})

test('the card names the content of inputs, editors with all options, seed and software', async () => {
  const pair = await pairCheckpoints(await openCheckpoint(`${LLAMA3}/base`), await openCheckpoint(`${LLAMA3}/post`))
  const { card, metadata } = await describeEdit(
    'mine',
    pair,
    { steps: [stepOf('dare', { drop_rate: 0.9 })], seed: 7, on: 'delta', include: ['linear'] },
    { backend: 'backend 1.0', content: async (path) => `content of ${path}` },
  )
  const content = `content of ${LLAMA3}/post/model.safetensors`
  for (const part of [
    '# mine',
    content,
    '"editor":"dare","drop_rate":0.9,"k":0,"rescale":true',
    '| seed | 7 |',
    'backend 1.0',
    process.version,
    '2311.03099',
    '["linear"]',
  ])
    assert.ok(card.includes(part!), part)
  assert.equal(JSON.parse(metadata.edit!).inputs[1].contents['model.safetensors'], content)
  assert.equal(metadata.deltalab, JSON.parse(readFileSync('package.json', 'utf8')).version)
  await Promise.all([pair.base.close(), pair.post.close()])
})

test('GPTQ takes the Gram matrices of a folder: a tensor without one is rounded to nearest, one of another shape is refused', async () => {
  const gptq = [stepOf('delta_come', { bands: '3x4', quantiser: 'gptq' })]
  const [base, post] = [await openCheckpoint(`${LLAMA3}/base`), await openCheckpoint(`${LLAMA3}/post`)]
  const pair = await pairCheckpoints(base, post)
  const named = (part: string) => pair.names.find((name) => name.includes(part))!
  const columns = post.tensors.get(named('q_proj'))!.shape[1]!
  // Neighbouring inputs go together: what one column loses another can take.
  const values = Float32Array.from(
    { length: columns * columns },
    (_, i) => 0.9 ** Math.abs(Math.floor(i / columns) - (i % columns)),
  )
  const write = async (name: string, content: Float32Array, shape: number[]) => {
    const out = join(root, `grams${count++}`)
    await writeCheckpoint(out, {
      plan: [{ name, shape, dtype: 'F32' }],
      tensors: [{ name, values: content }],
      config: null,
    })
    return out
  }
  const grams = await openGrams(await write(named('q_proj'), values, [columns, columns]), pair)
  const warnings: string[] = []
  const include = [named('q_proj'), named('o_proj')]
  await edited(
    `${LLAMA3}/base`,
    `${LLAMA3}/post`,
    { steps: gptq, grams, include, onWarning: (text) => warnings.push(text) },
    async (out) => {
      await edited(
        `${LLAMA3}/base`,
        `${LLAMA3}/post`,
        { steps: [stepOf('delta_come', { bands: '3x4' })], include },
        async (nearest) => {
          assert.ok(await same(out, nearest, named('o_proj')))
          assert.ok(!(await same(out, nearest, named('q_proj'))))
        },
      )
    },
  )
  assert.deepEqual(warnings, [`${named('o_proj')}: delta_come knows no inputs of this tensor and rounds it to nearest`])
  const wrong = await write(named('q_proj'), values.subarray(0, 2 * columns), [2, columns])
  await assert.rejects(
    openGrams(wrong, pair),
    /^UserError: .*q_proj.* is \[2,\d+\], but the Gram matrix of its inputs is \[(\d+), \1\]$/,
  )
  await assert.rejects(
    openGrams(await write('other', values, [columns, columns]), pair),
    /^UserError: .*has no tensor under the name of a weight/,
  )
  assert.throws(() => checkSteps(gptq), /^UserError: .*needs what layers are fed: give --data/)
  assert.throws(
    () => checkSteps([stepOf('dare', { drop_rate: 0.5 })], true),
    /^UserError: --data is for editors that need Gram matrices/,
  )
  await Promise.all([grams.close(), base.close(), post.close()])
})
