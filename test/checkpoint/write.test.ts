// Writing: what is read back is what was given, rounded as said; a folder appears complete or not at all.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { openCheckpoint, type PlannedTensor, type TensorContent, writeCheckpoint } from '../../src/checkpoint/index.js'
import { UserError } from '../../src/errors/index.js'
import { folder, LLAMA3, temporary } from './files.js'

const root = temporary()
let count = 0
const fresh = (): string => join(root, `out${count++}`)
const values = (n: number, seed = 1): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(seed * 100 + i))
const bitsOf = (array: Float32Array): Uint32Array => new Uint32Array(array.buffer, array.byteOffset, array.length)

test('float32 weights come back bit for bit, in any order of writing, with a plain header', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.nat(5), { maxLength: 3 }), { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      async (shapes, reverse) => {
        const plan = shapes.map((shape, i): PlannedTensor => ({ name: `t${i}`, dtype: 'F32', shape }))
        const tensors = plan.map(({ name, shape }, i) => ({
          name,
          values: values(
            shape.reduce((a, b) => a * b, 1),
            i,
          ),
        }))
        const out = fresh()
        await writeCheckpoint(out, { plan, tensors: reverse ? [...tensors].reverse() : tensors })
        const back = await openCheckpoint(out)
        for (const { name, values } of tensors) assert.deepEqual(bitsOf(await back.read(name)), bitsOf(values))
        assert.deepEqual(
          [...back.tensors.values()].map(({ name, shape }) => ({ name, shape })),
          plan.map(({ name, shape }) => ({ name, shape })),
        )
        await back.close()
      },
    ),
    { numRuns: 25 },
  )
})

test('a tensor may come in parts, in any order; too much or too little of it is an error and leaves nothing', async () => {
  const plan = [
    { name: 'a', dtype: 'BF16', shape: [4, 3] },
    { name: 'b', dtype: 'F32', shape: [1] },
  ]
  const whole = Float32Array.from({ length: 12 }, (_, i) => i - 6)
  const part = (first: number, end: number): TensorContent => ({ name: 'a', values: whole.subarray(first, end), first })
  const b = { name: 'b', values: values(1) }
  const out = fresh()
  await writeCheckpoint(out, { plan, tensors: [part(6, 12), b, part(0, 3), part(3, 6)] })
  const back = await openCheckpoint(out)
  assert.deepEqual(await back.read('a'), whole)
  await back.close()
  for (const [tensors, message] of [
    [[part(0, 9), b], /never came: a/],
    [[part(0, 9), part(6, 12), b], /longer than the tensor/],
    [[part(0, 12), part(0, 3), b], /comes twice/],
    [[{ name: 'a', values: whole.subarray(0, 9) }, b], /18 bytes, 24 planned/],
  ] as const) {
    const other = fresh()
    await assert.rejects(writeCheckpoint(other, { plan, tensors: [...tensors] }), message)
    assert.ok(!existsSync(other))
  }
})

test('the header is padded to 8 bytes, says "pt" and carries the metadata', async () => {
  const out = fresh()
  await writeCheckpoint(out, {
    plan: [{ name: 'a', dtype: 'F32', shape: [1] }],
    tensors: [{ name: 'a', values: values(1) }],
    metadata: { edit: 'x' },
  })
  const bytes = readFileSync(join(out, 'model.safetensors'))
  const length = Number(bytes.readBigUInt64LE())
  assert.equal(length % 8, 0)
  assert.deepEqual(JSON.parse(bytes.toString('utf8', 8, 8 + length)).__metadata__, { format: 'pt', edit: 'x' })
  assert.equal(bytes.length, 8 + length + 4)
  assert.equal(statSync(out).mode & 0o777, 0o777 & ~process.umask())
})

test('mixed formats are laid out aligned, stored bytes are kept as they are', async () => {
  const plan = [
    { name: 'mask', dtype: 'BOOL', shape: [3] },
    { name: 'half', dtype: 'F16', shape: [3] },
    { name: 'full', dtype: 'F32', shape: [2] },
    { name: 'brain', dtype: 'BF16', shape: [1] },
  ]
  const out = fresh()
  await writeCheckpoint(out, {
    plan,
    tensors: [
      { name: 'mask', bytes: Uint8Array.of(1, 0, 1) },
      { name: 'half', values: Float32Array.of(1, 0.1, -65504) },
      { name: 'full', values: Float32Array.of(0.1, 1e-45) },
      { name: 'brain', values: Float32Array.of(1.00390625) },
    ],
  })
  const back = await openCheckpoint(out)
  for (const { name, begin, dtype } of back.tensors.values())
    assert.equal(begin % ({ F32: 4, F16: 2, BF16: 2, BOOL: 1 }[dtype] ?? 0), 0, name)
  assert.deepEqual([...(await back.readBytes('mask'))], [1, 0, 1])
  assert.deepEqual([...(await back.read('half'))], [1, 0.0999755859375, -65504])
  assert.deepEqual([...(await back.read('full'))], [Math.fround(0.1), Math.fround(1e-45)])
  assert.deepEqual([...(await back.read('brain'))], [1], '1 + 2⁻⁸ is a tie and goes to the even 1')
  await back.close()
})

test('shards: none above the limit unless one tensor is, index complete, total size in data bytes', async () => {
  const sizes = [10, 40, 4, 4, 4, 30]
  const plan = sizes.map((n, i) => ({ name: `t${i}`, dtype: 'F32', shape: [n] }))
  const out = fresh()
  await writeCheckpoint(out, {
    plan,
    tensors: sizes.map((n, i) => ({ name: `t${i}`, values: values(n, i) })),
    maxShardBytes: 100,
  })
  const index = JSON.parse(readFileSync(join(out, 'model.safetensors.index.json'), 'utf8'))
  assert.deepEqual(index, {
    metadata: { total_size: 92 * 4 },
    weight_map: Object.fromEntries(
      [1, 2, 3, 3, 3, 4].map((shard, i) => [`t${i}`, `model-0000${shard}-of-00004.safetensors`]),
    ),
  })
  const back = await openCheckpoint(out)
  for (const [i, n] of sizes.entries()) assert.deepEqual(bitsOf(await back.read(`t${i}`)), bitsOf(values(n, i)))
  await back.close()
})

test('config keeps its text but for the dtype; tokenizer and generation files come along, others do not', async () => {
  const from = join(root, 'from')
  mkdirSync(from)
  const text =
    '{\n  "model_type": "llama",\n  "rope_scaling": {"factor": 8.0},\n  "torch_dtype": "float32",\n  "rms_norm_eps": 1e-05\n}\n'
  const extras = [
    'generation_config.json',
    'tokenizer.json',
    'tokenizer_config.json',
    'tokenizer.model',
    'special_tokens_map.json',
    'merges.txt',
    'chat_template.jinja',
    'LICENSE',
  ]
  for (const name of [...extras, 'optimizer.pt', 'training_args.bin', 'README.md', 'tokenizer.safetensors'])
    writeFileSync(join(from, name), name)
  writeFileSync(join(from, 'config.json'), text)
  const write = async (plan: PlannedTensor[], config?: Record<string, unknown>): Promise<string> => {
    const out = fresh()
    await writeCheckpoint(out, {
      plan,
      tensors: plan.map(({ name, shape }) => ({ name, values: values(shape[0]!) })),
      copyFrom: from,
      config,
      card: '# card\n',
    })
    assert.deepEqual(
      readdirSync(out).sort(),
      [...extras, '.deltalab.json', 'README.md', 'config.json', 'model.safetensors'].sort(),
    )
    assert.equal(readFileSync(join(out, 'README.md'), 'utf8'), '# card\n')
    return readFileSync(join(out, 'config.json'), 'utf8')
  }
  const mostlyBF16 = [
    { name: 'a', dtype: 'BF16', shape: [9] },
    { name: 'b', dtype: 'F32', shape: [2] },
  ]
  assert.equal(await write(mostlyBF16), text.replace('"float32"', '"bfloat16"'))
  assert.deepEqual(JSON.parse(await write(mostlyBF16, { dtype: 'float32', hidden_size: 2 })), {
    dtype: 'bfloat16',
    hidden_size: 2,
  })
  assert.deepEqual(JSON.parse(await write(mostlyBF16, { hidden_size: 2 })), { torch_dtype: 'bfloat16', hidden_size: 2 })
  assert.deepEqual(JSON.parse(await write(mostlyBF16, {})), { torch_dtype: 'bfloat16' })
})

/** Nothing under the final name, and nothing beside it. */
async function leavesNothing(
  write: (out: string) => Promise<void>,
  expected: RegExp | ((error: Error) => boolean),
): Promise<void> {
  const place = join(root, `place${count++}`)
  mkdirSync(place)
  await assert.rejects(write(join(place, 'out')), expected as RegExp)
  assert.deepEqual(readdirSync(place), [])
}

const plan = [
  { name: 'a', dtype: 'F32', shape: [2] },
  { name: 'b', dtype: 'F16', shape: [2] },
]
const good: TensorContent = { name: 'a', values: Float32Array.of(1, 2) }

test('a failure in the middle leaves nothing', () =>
  leavesNothing(
    (out) =>
      writeCheckpoint(out, {
        plan,
        tensors: (async function* () {
          yield good
          assert.ok(
            readdirSync(join(out, '..')).some((name) => name.startsWith('out.partial-')),
            'it is being written beside the name',
          )
          assert.ok(!existsSync(out))
          throw new Error('killed')
        })(),
      }),
    /killed/,
  ))

test('a tensor that never comes, or is not planned, leaves nothing', async () => {
  await leavesNothing((out) => writeCheckpoint(out, { plan, tensors: [good] }), /never came: b/)
  await leavesNothing(
    (out) => writeCheckpoint(out, { plan, tensors: [good, good] }),
    /a is not in the plan, or comes twice/,
  )
  await leavesNothing(
    (out) => writeCheckpoint(out, { plan, tensors: [{ name: 'a', values: values(3) }] }),
    /12 bytes, 8 planned/,
  )
})

test('NaN, and values too large for the format, are named and leave nothing', async () => {
  await leavesNothing(
    (out) => writeCheckpoint(out, { plan, tensors: [good, { name: 'b', values: Float32Array.of(1, NaN) }] }),
    /tensor "b": 1 NaN or Inf of 2 values, the first at index 1/,
  )
  await leavesNothing(
    (out) => writeCheckpoint(out, { plan, tensors: [good, { name: 'b', values: Float32Array.of(-70000, 1) }] }),
    /tensor "b": -70000 at index 0 is too large for F16; use F32 or BF16/,
  )
  const part = { name: 'b', values: Float32Array.of(-70000), first: 1 }
  await leavesNothing(
    (out) => writeCheckpoint(out, { plan, tensors: [good, part] }),
    /tensor "b": -70000 at index 1 is too large for F16/,
  )
  const brain = [{ name: 'a', dtype: 'BF16', shape: [1] }]
  await leavesNothing(
    (out) => writeCheckpoint(out, { plan: brain, tensors: [{ name: 'a', values: Float32Array.of(3.4e38) }] }),
    /too large for BF16; use F32/,
  )
})

test('a full disk is one line and leaves nothing: before the start, and in the middle', async () => {
  const huge = [{ name: 'a', dtype: 'F32', shape: [2 ** 45] }]
  await leavesNothing(
    (out) => writeCheckpoint(out, { plan: huge, tensors: [] }),
    /out: the disk is full: 140737.5 GB are needed, .* are free/,
  )
  const full = Object.assign(new Error('write'), { code: 'ENOSPC' })
  await leavesNothing(
    (out) =>
      writeCheckpoint(out, {
        plan,
        tensors: (function* () {
          yield good
          throw full
        })(),
      }),
    (error) =>
      error instanceof UserError && /the disk is full \(0.\d kB are needed\); nothing was written/.test(error.message),
  )
})

test('a place that cannot be written is one line', async () => {
  // The folder beside it has a longer name, which file systems refuse to everyone, the superuser of a test machine too.
  const out = join(root, 'x'.repeat(250))
  await assert.rejects(
    writeCheckpoint(out, {
      plan: [{ name: 'a', dtype: 'F32', shape: [1] }],
      tensors: [{ name: 'a', values: values(1) }],
    }),
    (error) => error instanceof UserError && /x: cannot be written: name too long \(ENAMETOOLONG\)/.test(error.message),
  )
})

test('an existing folder is kept, with --overwrite too, unless it was written here; an empty one is used', async () => {
  const one = { plan: [{ name: 'a', dtype: 'F32', shape: [2] }], tensors: [good] }
  const out = fresh()
  mkdirSync(out)
  await writeCheckpoint(out, one)
  await assert.rejects(writeCheckpoint(out, one), /exists and is not empty; choose another name or give --overwrite/)
  await assert.rejects(writeCheckpoint(out, { ...one, tensors: [], overwrite: true }), /never came/)
  const kept = await openCheckpoint(out)
  assert.deepEqual([...(await kept.read('a'))], [1, 2], 'a failed overwrite keeps the old one')
  await kept.close()
  await writeCheckpoint(out, { ...one, card: '# card', overwrite: true })
  assert.deepEqual(readdirSync(out).sort(), ['.deltalab.json', 'README.md', 'model.safetensors'])
  const other = folder(fresh(), { old: [[1], [5]] })
  await assert.rejects(
    writeCheckpoint(other, { ...one, overwrite: true }),
    /deltalab did not write this folder, and does not overwrite it/,
  )
  assert.deepEqual(readdirSync(other).sort(), ['config.json', 'model.safetensors'])
  assert.deepEqual(
    readdirSync(root).filter((name) => /partial|old-|lock/.test(name)),
    [],
  )
})

test('a leftover partial folder is not taken for a result', async () => {
  const leftover = folder(join(root, 'model.partial-a1B2c3'), { a: [[1], [1]] })
  await assert.rejects(openCheckpoint(leftover), /unfinished output of an interrupted run/)
})

test('the fixture survives a copy in other shards, byte for byte', async () => {
  const post = await openCheckpoint(`${LLAMA3}/post`)
  const out = fresh()
  await writeCheckpoint(out, {
    plan: [...post.tensors.values()],
    copyFrom: post.folder,
    maxShardBytes: 60_000,
    tensors: (async function* () {
      for (const name of post.tensors.keys()) yield { name, values: await post.read(name) }
    })(),
  })
  const back = await openCheckpoint(out)
  for (const name of post.tensors.keys()) assert.deepEqual(await back.readBytes(name), await post.readBytes(name))
  assert.equal(readFileSync(join(out, 'config.json'), 'utf8'), readFileSync(`${LLAMA3}/post/config.json`, 'utf8'))
  await Promise.all([post.close(), back.close()])
})
