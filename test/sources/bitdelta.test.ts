// BitDelta's own file, saved with torch 2.13.0 (test/fixtures/bitdelta/make.py): the weights of its loader, by apply and as post.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { apply, compressBitDelta, edit, openPair } from '../../src/api/index.js'
import { readWeightHeader } from '../../src/checkpoint/index.js'
import { encodeFile, type StoredTensor } from '../../src/codecs/index.js'
import { openModel } from '../../src/sources/index.js'
import { file as safetensors, temporary } from '../checkpoint/files.js'

const root = temporary()
const main = fileURLToPath(new URL('../../bundle/cli/main.js', import.meta.url))
const at = (...names: string[]): string => join('test/fixtures/bitdelta', ...names)

async function tensorsIn(file: string): Promise<Record<string, string>> {
  const bytes = readFileSync(file)
  const { entries } = await readWeightHeader(file)
  return Object.fromEntries(
    entries.map(({ name, dtype, shape, begin, end }) => [
      name,
      `${dtype} ${shape} ${bytes.subarray(begin, end).toString('hex')}`,
    ]),
  )
}

for (const dtype of ['bfloat16', 'float16', 'float32'])
  test(`${dtype}: apply writes the weights of the loader, and commands read them`, async () => {
    const [base, file] = [at(dtype, 'base'), at(dtype, 'diff.pt')]
    const wanted = await tensorsIn(at(dtype, 'want.safetensors'))
    const out = join(root, dtype)
    await apply(base, file, { out })
    assert.deepEqual(await tensorsIn(join(out, 'model.safetensors')), wanted)
    assert.equal(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')).vocab_size, 9)
    const pair = await openPair(base, file, { ignoreUnmatched: true })
    await edit(pair, { editor: 'expo', alpha: 0 }, { out: join(root, `${dtype}-edit`) })
    const edited = await tensorsIn(join(root, `${dtype}-edit`, 'model.safetensors'))
    for (const [name, tensor] of Object.entries(edited)) assert.equal(tensor, wanted[name], name)
    const alone = await openModel(`${base}+${file}`)
    assert.deepEqual([...alone.tensors.keys()].sort(), Object.keys(wanted).sort())
    await alone.close()
  })

test('what is written is what torch wrote, and its loader reads', async () => {
  const [base, post, out] = [at('float32', 'base'), join(root, 'float32'), join(root, 'again.pt')]
  const { signs, whole } = await compressBitDelta(base, post, { out })
  assert.deepEqual(signs.sort(), ['model.layers.0.mlp.down_proj.weight', 'model.layers.0.self_attn.q_proj.weight'])
  assert.deepEqual(whole.sort(), ['lm_head.weight', 'model.embed_tokens.weight'])
  const [found, wanted] = [await tensorsIn(out), await tensorsIn(at('float32', 'diff.pt'))]
  assert.deepEqual(Object.keys(found).sort(), Object.keys(wanted).sort())
  for (const [name, tensor] of Object.entries(wanted))
    if (!name.endsWith('.coeff')) assert.equal(found[name], tensor, name)
  for (const { begin } of (await readWeightHeader(out)).entries) assert.equal(begin % 64, 0)
  // torch 2.13.0 loaded these bytes (weights_only), mapped or not.
  assert.equal(
    createHash('sha256').update(readFileSync(out)).digest('hex'),
    '9d754dd2cd502c077128b0b1ee1e7363ce291b0a559942e70bacc9c7eb67018a',
  )
  await apply(base, out, { out: join(root, 'again') })
  const pruned = spawnSync(process.execPath, [
    main,
    'compress',
    base,
    post,
    '--bitdelta',
    '--drop',
    '0.5',
    '--out',
    out,
  ])
  assert.equal(pruned.status, 2)
  assert.match(String(pruned.stderr), /--bitdelta takes no --drop-rate; leave it out/)
  const listed = spawnSync(process.execPath, [main, 'deltas', out], { encoding: 'utf8' })
  assert.match(listed.stderr, /again\.pt: is a file of BitDelta, and no delta file: `deltalab inspect <base> /)
  await assert.rejects(compressBitDelta(base, post, { out }), /again\.pt: exists/)
  await compressBitDelta(base, post, { out, overwrite: true, exclude: ['*down_proj*'] })
  assert.ok('model.layers.0.mlp.down_proj.weight' in (await tensorsIn(out)))
  // What a model in front of + is made of is an input, too.
  const made = join(root, 'again')
  const over = { overwrite: true }
  await assert.rejects(compressBitDelta(`${made}+${out}`, post, { out, ...over }), /again\.pt is an input; choose/)
  await assert.rejects(apply(`${made}+${out}`, out, { out: made, ...over }), /again is an input; choose/)
})

test('the scale is that of a delta in the format of the weights', async () => {
  // 512 - 1 in bf16 is 512: 511 lies between 510 and 512, and goes to the even one.
  const write = (name: string, pattern: number) => {
    mkdirSync(join(root, name))
    writeFileSync(join(root, name, 'config.json'), '{"model_type":"llama"}')
    const header = { 'model.layers.0.mlp.up_proj.weight': { dtype: 'BF16', shape: [2, 32], data_offsets: [0, 128] } }
    const data = new Uint8Array(new Uint16Array(64).fill(pattern).buffer)
    writeFileSync(join(root, name, 'model.safetensors'), safetensors(header, data))
    return join(root, name)
  }
  const [base, post, out] = [write('ones', 0x3f80), write('large', 0x4400), join(root, 'large.pt')]
  await compressBitDelta(base, post, { out })
  const { 'model.layers.0.mlp.up_proj.coeff': scale } = await tensorsIn(out)
  assert.equal(scale, 'F32  00000044')
})

test('a file of torch.save that is not of BitDelta is no delta file', () => {
  const file = join(root, 'other.pt')
  writeFileSync(
    file,
    readFileSync(at('float32', 'diff.pt')).toString('latin1').replaceAll('.coeff', '.coefs'),
    'latin1',
  )
  const { stderr } = spawnSync(process.execPath, [main, 'deltas', file], { encoding: 'utf8' })
  assert.match(stderr, /other\.pt: is a file of torch\.save, and no delta file\n$/)
})

test('a file of BitDelta that is cut off is called damaged', async () => {
  const [file, whole] = [join(root, 'cut.pt'), readFileSync(at('float32', 'diff.pt'))]
  writeFileSync(file, whole.subarray(0, whole.length - 30))
  const refused = apply(at('float32', 'base'), file, { out: join(root, 'of-cut') })
  await assert.rejects(refused, /cut\.pt: the end of its zip directory is missing: the file is truncated or damaged$/)
})

test('what BitDelta cannot store is refused before anything is written', async () => {
  const [base, post, out] = [at('float32', 'base'), join(root, 'float32'), join(root, 'no.pt')]
  const refused = (options: object, message: RegExp, from = base) =>
    assert.rejects(compressBitDelta(from, post, { out, ...options }), message)
  await refused(
    { out: join(root, 'no.delta') },
    /no\.delta: BitDelta's file is one of torch\.save: give it the ending \.pt$/,
  )
  await refused({ out: join(post, 'diff.pt') }, /diff\.pt lies in .*float32, the folder of an input/)
  mkdirSync(join(root, 'folder.pt'))
  await refused({ out: join(root, 'folder.pt'), overwrite: true }, /folder\.pt: is a folder; give the name of a file/)
  await refused({ memory: 1e8 }, /100MB is too small.*; 175MB would do/)
  const weights = join(post, 'model.safetensors')
  const { entries } = await readWeightHeader(weights)
  const kept = readFileSync(weights)
  const bytes = Buffer.from(kept)
  bytes.writeFloatLE(Number.NaN, entries.find(({ name }) => name.endsWith('q_proj.weight'))!.begin)
  writeFileSync(weights, bytes)
  await refused({}, /q_proj\.weight" holds 1 NaN or Inf .*; leave it out \(--exclude\), and it is stored as it is/)
  writeFileSync(weights, kept)
  await refused({ include: ['model.norm.weight'] }, /no chosen tensor differs from that of the base/)
  await refused(
    { include: ['*'] },
    /down_proj\.weight" \[32, 64\] is \[32, 48\] in the base; a file of BitDelta/,
    'test/fixtures/torch/zip',
  )
  assert.equal(existsSync(out), false)
})

test('what does not fit the base is refused by name', async () => {
  const base = at('float32', 'base')
  const mask = (rows: number): StoredTensor => ({ dtype: 'I32', shape: [1, rows], values: new Int32Array(rows) })
  const scale = (...shape: number[]): StoredTensor => ({ dtype: 'F32', shape, values: new Float32Array(shape[0] ?? 1) })
  const q = 'model.layers.0.self_attn.q_proj'
  const refused = async (tensors: Record<string, StoredTensor>, message: RegExp): Promise<void> => {
    const file = join(root, 'bad.safetensors')
    writeFileSync(file, encodeFile(tensors, {}))
    await assert.rejects(apply(base, file, { out: join(root, 'none') }), message)
  }
  await refused({ [`${q}.mask`]: mask(48), [`${q}.coeff`]: scale(48) }, /q_proj\.coeff is \[48\]; one scale/)
  await refused({ [`${q}.mask`]: mask(47), [`${q}.coeff`]: scale() }, /I32 \[1, 47\]; .*BitDelta packs I32 \[1, 48\]/)
  await refused(
    { 'other.mask': mask(48), 'other.coeff': scale() },
    /other\.mask belongs to other\.weight, which the base/,
  )
  const fine = { [`${q}.mask`]: mask(48), [`${q}.coeff`]: scale() }
  await refused({ ...fine, 'model.norm.A': scale(3) }, /model\.norm\.A is a part of a low-rank pair/)
  await refused({ ...fine, 'model.norm.weight': scale(3) }, /model\.norm\.weight is \[3\], in the base \[32\]/)
  await refused({ ...fine, 'other.coeff': scale() }, /other\.coeff has no mask/)
  await assert.rejects(openModel(at('float32', 'diff.pt')), /is a file of BitDelta, and no model without its base/)
})
