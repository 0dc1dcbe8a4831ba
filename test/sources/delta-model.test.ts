// A delta file in place of the folder that it makes: every kind of model, and every command, gives the same as after `apply`.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { apply, attribute, compress, edit, evaluate, inspect, merge, openPair } from '../../src/api/index.js'
import { type Checkpoint, companionsOf, homeOf, readHeader } from '../../src/checkpoint/index.js'
import { loadExperiment } from '../../src/config/index.js'
import { openDelta } from '../../src/delta/index.js'
import { extractAdapter } from '../../src/edit/index.js'
import { hashInputs, openInputs } from '../../src/plan/index.js'
import { openModels } from '../../src/sources/index.js'
import { startingPoint } from '../../src/train/start.js'
import { folder as modelFolder, temporary } from '../checkpoint/files.js'

const root = temporary()
const at = (name: string): string => join(root, name)

/** The delta file of a model, and the folder that is made of it. */
async function both(base: string, post: string, name: string): Promise<[delta: string, folder: string]> {
  await compress(base, post, { out: at(`${name}.delta`), jobs: 1 })
  await apply(base, at(`${name}.delta`), { out: at(name), jobs: 1 })
  return [at(`${name}.delta`), at(name)]
}

/** All that a command asks of a model. */
async function contentOf(checkpoint: Checkpoint, place: string) {
  const plain = (text: string) => text.replaceAll(place, 'PLACE')
  const tensors: Record<string, unknown> = {}
  for (const { name, dtype, shape } of checkpoint.tensors.values()) {
    const bytes = Buffer.from(await checkpoint.readBytes(name)).toString('base64')
    const values = await checkpoint.read(name).then(
      (found) => Buffer.from(found.buffer, found.byteOffset, found.byteLength).toString('base64'),
      (error: Error) => plain(error.message),
    )
    tensors[name] = { dtype, shape, bytes, values }
  }
  const { config, configText, tied, notes, decoded, apart } = checkpoint
  const small = ['tokenizer.json', 'tokenizer_config.json', 'generation_config.json', 'preprocessor_config.json']
  const files = [companionsOf(checkpoint), homeOf(checkpoint)].flatMap((folder) =>
    small.map((name) => {
      try {
        return readFileSync(join(folder, name), 'utf8')
      } catch {
        return null
      }
    }),
  )
  const hashes = await checkpoint.hashes()
  return { config, configText, tied, notes: notes.map(plain), decoded, apart, tensors, files, hashes }
}

async function compare(base: string, post: string, name: string): Promise<void> {
  const [delta, folder] = await both(base, post, name)
  const contents = []
  for (const each of [delta, folder]) {
    const opened = await openModels(base, each)
    contents.push(await contentOf(opened[1], each))
    await Promise.all(opened.map((one) => one.close()))
  }
  assert.deepEqual(contents[0], contents[1], name)
}

test('models of every kind: sharded, with more rows, of torch.save, quantised, adapters, with images', async () => {
  for (const name of ['legacy', 'views', 'shards'])
    await compare(`test/fixtures/torch/${name}`, `test/fixtures/torch/${name}`, `torch-${name}`)
  for (const name of ['gptq-4bit', 'bnb-nf4-double'])
    await compare('test/fixtures/torch/zip', `test/fixtures/formats/${name}`, name)
  for (const name of ['gpt2-dora']) await compare('test/fixtures/peft/gpt2', `test/fixtures/peft/${name}`, name)
  const rows = (count: number): number[] => Array.from({ length: 10 * count }, (_, i) => i / 7)
  modelFolder(at('fewer'), { embed: [[20, 10], rows(20)] })
  modelFolder(at('more'), { embed: [[23, 10], rows(23)] })
  await compare(at('fewer'), at('more'), 'grown')
  await compare('checkpoints/vision/base', 'checkpoints/vision/colour', 'colour')
})

const base = 'checkpoints/small/base'
const [delta, folder] = await both(base, 'checkpoints/small/math', 'math')
const weights = async (path: string): Promise<Buffer> => {
  const file = join(path, 'model.safetensors')
  const { entries } = await readHeader(file)
  return readFileSync(file).subarray(Math.min(...entries.map(({ begin }) => begin)))
}

test('edit, extract and compress write the same bytes, whatever computes', async () => {
  const dare = { editor: 'dare', drop_rate: 0.9 }
  const spectral = { editor: 'lowrank', rank: 2 }
  for (const [i, entry] of [dare, spectral].entries())
    for (const post of [delta, folder]) await edit({ base, post }, entry, { out: `${post}-edited-${i}`, seed: 1 })
  for (const i of [0, 1]) {
    assert.deepEqual(await weights(`${delta}-edited-${i}`), await weights(`${folder}-edited-${i}`))
    for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json'])
      assert.deepEqual(
        readFileSync(join(`${delta}-edited-${i}`, name)),
        readFileSync(join(`${folder}-edited-${i}`, name)),
      )
  }
  assert.match(
    readFileSync(`${delta}-edited-0/README.md`, 'utf8'),
    /\| post \| math\.delta \| math\.delta \| \d+ bytes, checksum/,
  )
  await compress(base, delta, { out: at('again.delta') })
  assert.deepEqual(readFileSync(at('again.delta')), readFileSync(delta))
  await compress('checkpoints/small/code', `${base}+${delta}`, { out: at('moved.delta') })
  await apply('checkpoints/small/code', at('moved.delta'), { out: at('moved') })
  assert.deepEqual(await weights(at('moved')), await weights(folder))
  for (const post of [delta, folder]) {
    await using pair = await openPair(base, post)
    await extractAdapter(pair, `${post}-adapter`, { rank: 2, baseModel: 'base' })
  }
  const adapter = 'adapter_model.safetensors'
  assert.deepEqual(readFileSync(`${delta}-adapter/${adapter}`), readFileSync(`${folder}-adapter/${adapter}`))
})

/** Of a sweep that is only opened. */
const SWEPT = { editors: [{ editor: 'dare', drop_rate: 0.5 }], loss: { items: 1 }, score: false }

test('inspect, eval, attribute, the start of a training and the inputs of a sweep are the same', async () => {
  const task = { task: 'math', items: 1 }
  const found = []
  for (const post of [delta, folder]) {
    const { roles, tensors } = await inspect({ base, post })
    const alone = post === delta ? `${base}+${delta}` : folder
    const model = await evaluate(alone, { ...task, post: alone })
    const { row, terms } = await attribute({ base, post }, { editor: 'dare', drop_rate: 0.5 }, { ...task, steps: 1 })
    writeFileSync(
      at('sweep.yaml'),
      JSON.stringify({
        name: 'same',
        models: [{ name: 'math', base: resolve(base), post, tasks: ['math'] }],
        ...SWEPT,
      }),
    )
    const { hashes } = await hashInputs(await openInputs(await loadExperiment(at('sweep.yaml'))))
    const start = await startingPoint({ from: alone, name: 'x', tuning: 'full', seed: 1 } as never, '.')
    const rest = [Object.values(hashes), row].map((value) =>
      JSON.stringify(value, (key, each) => (/^(id|model|seconds)$/.test(key) ? null : each)),
    )
    found.push({ roles, tensors, model, terms, rest, weights: start.weights })
  }
  assert.deepEqual(found[0], found[1])
})

test('merges: of the base of the file, or with the base in front; the same draws', async () => {
  const code = { model: 'checkpoints/small/code', parameters: { weight: 0.5, density: 0.5 } }
  for (const [i, [method, base_model, front]] of (
    [
      ['dare_ties', base, ''],
      ['linear', undefined, `${base}+`],
    ] as const
  ).entries()) {
    for (const post of [delta, folder]) {
      const model = `${post === delta ? front : ''}${post}`
      const models = [{ model, parameters: { weight: 0.5, density: 0.5 } }, code]
      await merge({ merge_method: method, ...(base_model && { base_model }), models } as never, {
        out: `${post}-merged-${i}`,
        seed: 3,
      })
    }
    assert.deepEqual(await weights(`${delta}-merged-${i}`), await weights(`${folder}-merged-${i}`), method)
  }
})

test('a delta file on a delta file is the model that was tuned again', async () => {
  const [before, code] = [`${base}+${delta}`, 'checkpoints/small/code']
  await compress(before, code, { out: at('code.delta') })
  assert.equal((await openDelta(at('code.delta'))).base, 'base+math.delta')
  await apply(before, at('code.delta'), { out: at('code') })
  assert.deepEqual(await weights(at('code')), await weights(code))
  // It belongs to the weights of its base, however they are stored.
  await apply(folder, at('code.delta'), { out: at('code'), overwrite: true })
  const found = []
  for (const [from, to] of [
    [before, at('code.delta')],
    [before, `${before}+${at('code.delta')}`],
    [folder, at('code')],
  ] as const) {
    const opened = await openModels(from, to)
    found.push(await contentOf(opened[1], to))
    await Promise.all(opened.map((one) => one.close()))
  }
  assert.deepEqual(found[0], found[2])
  assert.deepEqual(found[1], found[2])
  for (const [i, post] of [`${before}+${at('code.delta')}`, code].entries())
    await merge({ merge_method: 'linear', models: [{ model: post, parameters: { weight: 0.5 } }] } as never, {
      out: at(`chain-${i}`),
    })
  assert.deepEqual(await weights(at('chain-0')), await weights(at('chain-1')))
  await assert.rejects(apply(base, at('code.delta'), { out: at('x') }), /base: is not the base of .*code\.delta: its/)
  await assert.rejects(
    apply(`${base}+${at('moved.delta')}`, at('code.delta'), { out: at('x') }),
    /moved\.delta: its bytes differ in tensor "/,
  )
  await assert.rejects(apply(before, at('code.delta'), { out: delta }), /is an input|exists/)
  const expo = { editor: 'expo', alpha: 1 }
  const onFolder = { base, post: `${folder}+${at('code.delta')}` }
  await assert.rejects(edit(onFolder, expo, { out: folder, overwrite: true }), /math is an input; choose/)
  await assert.rejects(
    compress(before, code, { out: delta, overwrite: true }),
    /math\.delta is an input; choose another name$/,
  )
  await assert.rejects(
    compress(before, code, { out: at('x.delta'), codec: { codec: 'sign' } }),
    /math\.delta: is a delta file, whose weights lie nowhere: a codec with loss takes the folder that deltalab apply/,
  )
})

test('another base, no base and a damaged file are refused by name', async () => {
  const code = 'checkpoints/small/code'
  await assert.rejects(
    inspect({ base: code, post: delta }),
    /code: is not the base of .*math\.delta: its bytes differ in tensor "/,
  )
  await assert.rejects(
    evaluate(delta, { task: 'math' }),
    /math\.delta: is a delta file of the base "base", and no model without it: write <folder of the base>\+.*math\.delta$/,
  )
  await assert.rejects(evaluate(`${base}+${at('none.delta')}`, { task: 'math' }), /none\.delta: no such file$/)
  const recipe = { from: `${base}+${delta}`, name: 'x', tuning: 'lora', seed: 1 } as never
  await assert.rejects(startingPoint(recipe, '.'), /is a delta file, and `lora` writes an adapter/)
  const bytes = readFileSync(delta)
  bytes[bytes.length >> 1]! ^= 1
  writeFileSync(at('bad.delta'), bytes)
  await assert.rejects(inspect({ base, post: at('bad.delta') }), /bad\.delta: is damaged in tensor "/)
  writeFileSync(at('cut.delta'), bytes.subarray(0, 5000))
  await assert.rejects(inspect({ base, post: at('cut.delta') }), /cut\.delta: .*truncated/)
  await assert.rejects(
    inspect({ base: 'test/fixtures/torch/zip', post: delta }),
    /zip: is not the base of .*: its config\.json has 677 bytes/,
  )
})
