// Pairing from headers: everything that does not match is in one error; tied weights are counted once.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { type Checkpoint, openCheckpoint, pairCheckpoints } from '../../src/checkpoint/index.js'
import { folder, LLAMA3, temporary } from './files.js'

const root = temporary()
let count = 0
type Tensors = Parameters<typeof folder>[1]
const opened: Checkpoint[] = []
after(() => Promise.all(opened.map((checkpoint) => checkpoint.close())))

async function open(tensors: Tensors, config: object = {}): Promise<Checkpoint> {
  opened.push(await openCheckpoint(folder(join(root, `m${count++}`), tensors, config)))
  return opened.at(-1)!
}
const one = (...values: number[]): [number[], number[]] => [[values.length], values]

test('the fixtures pair, also across formats and shards', async () => {
  const [base, post, half] = await Promise.all(
    ['base', 'post', 'post-bf16'].map((name) => openCheckpoint(`${LLAMA3}/${name}`)),
  )
  const pair = await pairCheckpoints(base!, post!)
  assert.deepEqual([pair.names.length, pair.tied.size, pair.unmatched, pair.dtypes], [30, 0, [], []])
  const mixed = await pairCheckpoints(base!, half!)
  assert.equal(mixed.dtypes.length, 30)
  assert.deepEqual(mixed.dtypes[0], { name: mixed.names[0], base: 'F32', post: 'BF16' })
  await Promise.all([base, post, half].map((checkpoint) => checkpoint!.close()))
})

test('one error lists all that does not match, with --ignore-unmatched the rest goes on', async () => {
  const base = await open({ same: one(1), shape: one(1, 2), 'only.base': one(1), 'only.base2': one(1) })
  const post = await open({
    same: one(2),
    shape: [
      [2, 1],
      [1, 2],
    ],
    'only.post': one(1),
  })
  const error = await pairCheckpoints(base, post).catch((error) => error)
  assert.equal(error.name, 'UserError')
  assert.match(
    error.message,
    /4 tensors do not match \(--ignore-unmatched, in YAML ignore_unmatched: true, leaves them out\)/,
  )
  assert.match(
    error.message,
    /1 only in post: only.post; 2 only in base: only.base, only.base2; 1 of another shape or kind: shape \[2\] in base, \[2, 1\] in post/,
  )
  const pair = await pairCheckpoints(base, post, { ignoreUnmatched: true })
  assert.deepEqual(pair.names, ['same'])
  assert.equal(pair.unmatched.length, 4)
})

test('the head of a task has no partner: neither what one side lacks nor what both have is paired', async () => {
  const base = await open({ body: one(1), 'cls.bias': one(1), 'head.weight': one(1, 2), 'head.bias': one(3) })
  const post = await open({ body: one(2), 'pooler.bias': one(1), 'head.weight': one(1), 'head.bias': one(4) })
  const head = ['head.*', 'cls.*', 'pooler.*']
  const { names, unmatched } = await pairCheckpoints(base, post, { head })
  assert.deepEqual([names, unmatched], [['body'], []])
  await assert.rejects(
    pairCheckpoints(base, post, { head: ['head.*', 'cls.*'] }),
    /1 tensor does not match .* 1 only in post: pooler\.bias/,
  )
  await assert.rejects(pairCheckpoints(base, post, { head: [...head, 'haed.*'] }), /"haed\.\*" matches no tensor/)
})

test('a long list is cut and counted', async () => {
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`t${i}`, one(1)]))
  const error = await pairCheckpoints(await open({ a: one(1) }), await open({ a: one(1), ...many })).catch(
    (error) => error,
  )
  assert.match(error.message, /50 only in post: t0, .* and 46 more/)
})

test('nothing in common is an error even then', async () => {
  await assert.rejects(
    pairCheckpoints(await open({ a: one(1) }), await open({ b: one(1) }), { ignoreUnmatched: true }),
    /no floating tensor in common/,
  )
})

const embedding = {
  'model.embed_tokens.weight': [
    [2, 2],
    [1, 2, 3, 4],
  ] as [number[], number[]],
}
const copy = {
  'lm_head.weight': [
    [2, 2],
    [1, 2, 3, 4],
  ] as [number[], number[]],
}
const head = {
  'lm_head.weight': [
    [2, 2],
    [4, 3, 2, 1],
  ] as [number[], number[]],
}

test('tied weights: a stored true copy is counted once, whichever side stores it', async () => {
  for (const tie of [{ tie_word_embeddings: true }, {}]) {
    for (const [base, post] of [
      [embedding, embedding],
      [embedding, { ...copy, ...embedding }],
      [{ ...copy, ...embedding }, embedding],
      [
        { ...copy, ...embedding },
        { ...copy, ...embedding },
      ],
    ]) {
      const pair = await pairCheckpoints(await open(base!, tie), await open(post!, tie))
      assert.deepEqual(pair.names, ['model.embed_tokens.weight'])
      assert.deepEqual(
        [...pair.tied],
        'lm_head.weight' in post! ? [['lm_head.weight', 'model.embed_tokens.weight']] : [],
      )
    }
  }
})

test('an equal head of an untied model, and another head, are tensors of their own', async () => {
  const untied = { tie_word_embeddings: false }
  const pair = await pairCheckpoints(
    await open({ ...copy, ...embedding }, untied),
    await open({ ...copy, ...embedding }, untied),
  )
  assert.deepEqual([pair.names.length, pair.tied.size], [2, 0])
  const other = await pairCheckpoints(await open({ ...head, ...embedding }), await open({ ...head, ...embedding }))
  assert.deepEqual([other.names.length, other.tied.size], [2, 0])
  await assert.rejects(
    pairCheckpoints(await open(embedding, untied), await open({ ...head, ...embedding }, untied)),
    /1 only in post: lm_head.weight/,
  )
  const mixed = await pairCheckpoints(await open(embedding), await open({ ...head, ...embedding }))
  assert.deepEqual(mixed.names, ['lm_head.weight', 'model.embed_tokens.weight'])
  assert.deepEqual(await mixed.base.read('lm_head.weight'), await mixed.base.read('model.embed_tokens.weight'))
  assert.equal(mixed.base.config!.tie_word_embeddings, false)
})

const t5 = { 'shared.weight': embedding['model.embed_tokens.weight'], 'decoder.final_layer_norm.weight': one(1, 2) }
const T5 = { model_type: 't5', architectures: ['T5ForConditionalGeneration'] }

test('equal embeddings of both sides are `shared` where a file has no tensor of that name', async () => {
  const [values, block] = [t5['shared.weight'], 'block.0.layer.0.layer_norm.weight']
  const sides = (decoder: typeof values) => ({
    ...{ [`encoder.${block}`]: one(1, 2), [`decoder.${block}`]: one(1, 2) },
    ...{ 'encoder.embed_tokens.weight': values, 'decoder.embed_tokens.weight': decoder },
  })
  const { tensors, tied } = await open(sides(values), T5)
  assert.ok(tensors.has('shared.weight'))
  assert.deepEqual([...tied.values()], ['shared.weight'], 'the other one is a copy')
  const apart = await open(sides(head['lm_head.weight']), T5)
  assert.deepEqual([apart.tensors.has('shared.weight'), apart.tied.size], [false, 0])
})

test("models that scale the decoder's output in different ways are no pair", async () => {
  const scaled = [{}, { tie_word_embeddings: true }, { scale_decoder_outputs: true, tie_word_embeddings: false }]
  const plain = [{ tie_word_embeddings: false }, { scale_decoder_outputs: false, tie_word_embeddings: true }]
  for (const type of ['t5', 'umt5', 'longt5', 'pop2piano']) {
    const all = async (forms: object[]) =>
      Promise.all(forms.map((form) => open(t5, { ...T5, model_type: type, ...form })))
    for (const alike of [await all(scaled), await all(plain)])
      for (const post of alike) assert.equal((await pairCheckpoints(alike[0]!, post)).names.length, 2)
    for (const base of await all(scaled))
      for (const post of await all(plain))
        for (const pair of [
          [base, post],
          [post, base],
        ] as const)
          await assert.rejects(pairCheckpoints(...pair), {
            name: 'UserError',
            message: new RegExp(`scaled by d_model\\^-0.5 in ${base.folder} and not in ${post.folder} `),
          })
  }
  const switches = await Promise.all(
    [{}, { tie_word_embeddings: false }].map((form) =>
      open({ ...t5, ...head }, { ...T5, model_type: 'switch_transformers', ...form }),
    ),
  )
  await assert.rejects(pairCheckpoints(switches[0]!, switches[1]!), /scaled by d_model/)
})

test('where transformers 5 has no such switch, or there is no decoder or head, they are one', async () => {
  const encoder = { 'shared.weight': t5['shared.weight'], 'encoder.final_layer_norm.weight': one(1, 2) }
  for (const [tensors, config] of [
    [t5, { ...T5, model_type: 'mt5' }],
    [t5, { ...T5, architectures: ['T5Model'] }],
    [encoder, { ...T5, architectures: undefined }],
  ] as const)
    assert.equal(
      (
        await pairCheckpoints(
          await open(tensors, config),
          await open(tensors, { ...config, tie_word_embeddings: false }),
        )
      ).names.length,
      2,
    )
})

test('a note says that version 4 ties two heads only where it does', async () => {
  const notes = async (config: object) => (await open({ ...t5, ...head }, { ...T5, ...config })).notes
  for (const config of [{}, { tie_word_embeddings: true, scale_decoder_outputs: false }, { model_type: 'umt5' }]) {
    const [note, ...others] = await notes(config)
    assert.match(
      note!,
      /lm_head\.weight differs from shared\.weight, to which config\.json ties it: .*version 4 ties them/,
    )
    assert.deepEqual(others, [])
  }
  for (const config of [
    { tie_word_embeddings: false },
    { model_type: 'umt5', tie_word_embeddings: false },
    { model_type: 'mt5' },
  ])
    assert.deepEqual(await notes(config), [])
})

test('models that are opened hold no file open, also where tied weights were compared and the models are no pair', {
  skip: !existsSync('/proc/self/fd'),
}, async () => {
  const held = (path: string) =>
    readdirSync('/proc/self/fd').filter((handle) => {
      try {
        return readlinkSync(`/proc/self/fd/${handle}`).startsWith(resolve(path))
      } catch {
        return false // the one that listed them
      }
    })
  const models = ['tied/llama-equal', 'tied/bert-equal'].map((name) => `test/fixtures/${name}`)
  const [base, post] = await Promise.all(models.map((path) => openCheckpoint(path)))
  await assert.rejects(pairCheckpoints(base!, post!), /do not match/)
  assert.deepEqual(models.map(held), [[], []])
  const [name] = base!.tensors.keys()
  await base!.read(name!)
  assert.deepEqual(
    models.map((path) => held(path).length),
    [1, 0],
  )
  await base!.close()
  assert.deepEqual(models.map(held), [[], []])
})
