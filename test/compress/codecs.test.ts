// Codecs with loss: what apply writes is what edit writes, for every codec and format; bits claimed are bits written; damage is refused.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { apply, compress, edit, openPair } from '../../src/api/index.js'
import { deltaSums } from '../../src/cli/delta-text.js'
import { type CodedTensor, type LossyCodec, lossyCodec, lossyCodecs, placesOf } from '../../src/codecs/index.js'
import { parseChoice } from '../../src/compress/index.js'
import { openDelta, reportDelta } from '../../src/delta/index.js'
import { drawKept } from '../../src/kernels/drawn.js'
import { decodeValues, encodeValues, keyOf, lossyBytes, type ValueFormat } from '../../src/kernels/index.js'
import { uniforms } from '../../src/tensor/random.js'
import { file, temporary } from '../checkpoint/files.js'
import { allCodecs, CODECS, FORMATS, namesOf, writeCodecPair } from './pairs.js'

const root = temporary()
const { base, post } = writeCodecPair(root)
const pair = await openPair(base, post, { ignoreUnmatched: true })
after(() => pair.close())
const at = (name: string): string => join(root, name)

/** Bytes of the tensors of a folder, by name. */
function tensorsIn(folder: string): Map<string, Buffer> {
  const bytes = readFileSync(join(folder, 'model.safetensors'))
  const size = 8 + Number(bytes.readBigUInt64LE())
  const header = JSON.parse(bytes.subarray(8, size).toString()) as Record<string, { data_offsets: [number, number] }>
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__')
  return new Map(
    entries.map(
      ([
        name,
        {
          data_offsets: [from, to],
        },
      ]) => [name, bytes.subarray(size + from, size + to)],
    ),
  )
}

/** Bytes that store a tensor, entries that are mended aside; null where that depends on how many entries are kept. */
function codedBytes(codec: LossyCodec, options: unknown, tensor: CodedTensor): number | null {
  const form = codec.form(options, tensor)
  const sizes = [...placesOf(codec, tensor)].map((place) => lossyBytes(form, place))
  return sizes.includes(null) ? null : sizes.reduce<number>((sum, bytes) => sum + bytes!, 0)
}

const norm = (values: ArrayLike<number>): number =>
  Math.sqrt(Array.from(values, (x) => x * x).reduce((a, b) => a + b, 0))

for (const [i, { codec, options = {}, edit: editor }] of CODECS.entries())
  test(`${codec} ${JSON.stringify(options)}`, async () => {
    const file = at(`${i}.delta`)
    const left: string[] = []
    const onWarning = (text: string) => void left.push(text)
    const report = await compress(base, post, { out: file, codec: { codec, options }, seed: 3, onWarning })
    await apply(base, file, { out: at(`${i}`) })
    const [before, after, found] = [tensorsIn(base), tensorsIn(post), tensorsIn(at(`${i}`))]
    if (editor) {
      await edit(pair, editor, { out: at(`${i}-edit`), seed: 3 })
      const wanted = tensorsIn(at(`${i}-edit`))
      for (const [name, bytes] of wanted) assert.deepEqual(found.get(name), bytes, name)
    }
    const rows = new Map(report.tensors.map((row) => [row.name!, row]))
    const parsed = parseChoice({ codec, options })
    for (const name of FORMATS.flatMap(namesOf)) {
      const row = rows.get(name)!
      const isVector = name.includes('norm')
      if (parsed.codec!.ofMatrices && isVector) {
        assert.deepEqual(found.get(name), after.get(name), name)
        assert.ok(left.some((text) => text.startsWith(name) && text.includes('stores matrices')))
        continue
      }
      assert.equal(row.codec, codec, name)
      const dtype = row.dtype as ValueFormat
      const [b, p, f] = [before, after, found].map((all) => decodeValues(all.get(name)!, dtype))
      const error = norm(f!.map((x, k) => x - p![k]!)) / norm(p!.map((x, k) => x - b![k]!))
      assert.ok(Math.abs(row.error - error) < 1e-6 * (1 + error), `${name}: ${row.error}, ${error}`)
      const claimed = codedBytes(lossyCodec(codec), row.options, {
        ...{ shape: row.shape, dtype, matrices: name.includes('experts') ? 3 : 1 },
      })
      // What is mended takes the number and the entry.
      if (claimed !== null) assert.equal((row.stored - claimed) % (4 + (dtype === 'F32' ? 4 : 2)), 0, name)
      if (claimed !== null && dtype !== 'F32') assert.ok(row.stored - claimed <= 6 * 4, `${name}: ${row.stored}`)
    }
    assert.equal(rows.get('model.still.weight')!.codec, 'unchanged')
    for (const name of ['model.still.weight', 'model.count', 'score.weight'])
      assert.deepEqual(found.get(name), after.get(name), name)
  })

test('a drawn mask is that of dare, wherever a piece begins', () => {
  const key = keyOf(5, 'dare', 'w')
  const all = uniforms(200_000, key)
  for (const rate of [0, 0.3, 0.9, 1])
    for (const [from, size] of [
      [0, 200_000],
      [3, 66_001],
      [70_002, 5],
    ] as const)
      assert.deepEqual(
        [...drawKept({ key, rate }, from, size)],
        Array.from({ length: size }, (_, i) => i).filter((i) => all[from + i]! >= rate),
      )
  // The example of docs/delta-format.md.
  assert.deepEqual([...drawKept({ key, rate: 0.5 }, 0, 16)], [1, 4, 5, 6, 7, 8, 9, 14])
})

test('without restore the bytes claimed are the bytes written; bytes of each codec, worked by hand', async () => {
  const tensor = { shape: [14, 20], dtype: 'BF16', matrices: 1 }
  const bytes = (codec: string, options: object, of = tensor): number | null => {
    const choice = parseChoice({ codec, options: { ...options } })
    return codedBytes(choice.codec!, { ...choice.options, ...options }, of)
  }
  assert.equal(bytes('dense', { values: 'bf16' }), 560)
  assert.deepEqual(parseChoice({ codec: 'dense', options: { values: 'bfloat16' } }).options, { values: 'bf16' })
  assert.equal(bytes('sign', {}), 4 + 35)
  assert.equal(bytes('sign', {}, { shape: [3, 10, 12], dtype: 'BF16', matrices: 3 }), 12 + 45)
  // 14 rows of 3 groups: 42 scales of 4 bytes, 42 zeros and 280 codes of 3 bits.
  assert.equal(bytes('bits', { bits: 3, group: 8 }), 168 + 16 + 105)
  assert.equal(bytes('low_rank', { rank: 3, values: 'bf16' }), 2 * 3 * (14 + 20 + 1))
  assert.equal(bytes('bitmask', { drop_rate: 0.5 }), null)
  const choice = { codec: 'bits', options: { bits: 2, group: 4, restore: false } }
  const { tensors } = await compress(base, post, { out: at('exact.delta'), codec: choice, include: ['*up_proj*'] })
  for (const { codec, shape, dtype, name, stored } of tensors.filter((row) => row.codec === 'bits'))
    assert.equal(
      stored,
      codedBytes(lossyCodec(codec), parseChoice(choice).options, {
        ...{ shape, dtype: dtype!, matrices: name!.includes('experts') ? 3 : 1 },
      }),
    )
})

test('an empty tensor of the base begins where another one does, and is not taken for it', async () => {
  const weight = { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] }
  const empty = { dtype: 'F32', shape: [0, 4], data_offsets: [0, 0] }
  const write = (folder: string, header: object, values: number[]): void => {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'model.safetensors'), file(header, encodeValues(Float32Array.from(values), 'F32')))
  }
  for (const [i, header] of [
    { empty, weight },
    { weight, empty },
  ].entries()) {
    write(at(`empty-${i}/base`), header, [1, 2, 3, 4, 5, 6])
    write(at(`empty-${i}/post`), header, [2, 1, 4, 3, 6, 5])
    const out = at(`empty-${i}.delta`)
    const { tensors } = await compress(at(`empty-${i}/base`), at(`empty-${i}/post`), { out, codec: { codec: 'sign' } })
    assert.deepEqual(
      tensors.map(({ codec }) => codec),
      ['sign'],
    )
  }
})

test('a delta of zeros is stored as none; any number of threads writes the same, large tensors in pieces', async () => {
  const still = await compress(post, post, { out: at('zero.delta'), codec: { codec: 'sign' } })
  assert.ok(still.tensors.every(({ codec }) => codec === 'unchanged'))
  const { base: one, post: two } = writeCodecPair(at('large'), { large: true })
  await using large = await openPair(one, two, { ignoreUnmatched: true })
  const name = (dtype: string) => `model.${dtype}.layers.1.mlp.up_proj.weight`
  const choices = new Map([
    [name('F32'), { codec: 'low_rank', options: { rank: 2 } }],
    [name('BF16'), { codec: 'bits', options: { bits: 2 } }],
    [name('F16'), { codec: 'index', options: { drop_rate: 0.99 } }],
  ])
  await compress(one, two, { out: at('1.large'), codec: choices, jobs: 1 })
  await compress(one, two, { out: at('2.large'), codec: choices, jobs: 2, memory: 400e6 })
  assert.deepEqual(readFileSync(at('2.large')), readFileSync(at('1.large')))
  await apply(one, at('1.large'), { out: at('large-again'), jobs: 2 })
  const editors = [
    { editor: 'lowrank', rank: 2 },
    { editor: 'quantise', bits: 2 },
    { editor: 'magnitude', drop_rate: 0.99 },
  ]
  const found = tensorsIn(at('large-again'))
  for (const [i, tensor] of [...choices.keys()].entries()) {
    await edit(large, { ...editors[i]!, tensors: { include: [tensor] } }, { out: at(`${i}-large`) })
    assert.deepEqual(found.get(tensor), tensorsIn(at(`${i}-large`)).get(tensor), tensor)
  }
})

test('each tensor by a codec of its own; another base and damage are told by the tensor', async () => {
  const file = at('all.delta')
  const report = await compress(base, post, { out: file, codec: allCodecs() })
  const used = new Set(report.tensors.map(({ codec }) => codec))
  for (const { codec } of CODECS) assert.ok(used.has(codec), codec)
  assert.ok(used.has('raw'))
  await apply(base, file, { out: at('all') })
  mkdirSync(at('other'))
  const bytes = readFileSync(join(base, 'model.safetensors'))
  bytes[bytes.indexOf('}}') + 40]! ^= 1
  writeFileSync(join(at('other'), 'model.safetensors'), bytes)
  writeFileSync(join(at('other'), 'config.json'), '{"model_type": "test"}')
  await assert.rejects(
    apply(at('other'), file, { out: at('no') }),
    /is not the base of .*: its bytes differ in tensor "model/,
  )
  const delta = readFileSync(file)
  const { units, pieces } = await openDelta(file)
  for (const [i, { name, codec }] of units.entries()) {
    if (!lossyCodecs.some((known) => known.name === codec)) continue
    const changed = Buffer.from(delta)
    const { begin, bytes: length } = pieces[i]![0]!
    changed[begin + (i % length)]! ^= 4
    writeFileSync(at('changed.delta'), changed)
    await assert.rejects(apply(base, at('changed.delta'), { out: at('no') }), {
      message: `${at('changed.delta')}: is damaged in tensor "${name}"`,
    })
  }
  assert.equal(existsSync(at('no')), false)
})

test('options that do not fit are refused in one line', async () => {
  const refuse = (codec: string, options: object, why: RegExp) =>
    assert.rejects(compress(base, post, { out: at('no.delta'), codec: { codec, options: { ...options } } }), why)
  await refuse('wavelet', {}, /unknown codec "wavelet"|no codec/)
  await refuse('bits', { bits: 17 }, /bits of quantise must be an integer from 1 to 16; got 17/)
  await refuse('bits', { rank: 3 }, /codec bits with quantise has no option rank; it has bits, group, values, restore/)
  await refuse('low_rank', { rank: 64 }, /no tensor takes its codec; .* rank 14 is all of a matrix \[14, 20\]/)
  await refuse('low_rank', { energy: 0.5 }, /takes rank or fraction/)
  await refuse('sign', { blocks: 2 }, /blocks and passes of bitdelta must be 1/)
  await refuse('bands', { quantiser: 'gptq' }, /needs|rounds to nearest/)
  await refuse('dense', { values: 'f8' }, /values of dense must be one of float32, bfloat16, float16; got "f8"/)
  await refuse('drawn', { drop_rate: 0.5, k: 0.2 }, /with k the others are not zero/)
  await refuse('drawn', { drop_rate: 1.5 }, /drop_rate/)
  await refuse('drawn', { editor: 'magnitude', drop_rate: 0.5 }, /codec drawn stores what dare makes; got magnitude/)
  await refuse('raw', { bits: 2 }, /codec raw has no options/)
  await assert.rejects(
    compress(base, post, { out: at('no.delta'), codec: new Map([['x', { codec: 'sign' }]]) }),
    /has no tensor "x"/,
  )
  assert.equal(existsSync(at('no.delta')), false)
})

test('files that the reader in Python read come out as they did there', async () => {
  for (const [from, file, hash] of [
    [
      'test/fixtures/delta/lossy-base',
      'lossy.delta',
      '488c129a4b0ac1c0c0e3de23ecacb94c0000953932c90c4c4879d77d2379937a',
    ],
    [
      'test/fixtures/delta/lossy-base',
      'drawn.delta',
      'cc6ce75ea16fd1b366bbf8378840d1e8fc0f9b1307004da0be978b345d7d64eb',
    ],
    ['checkpoints/small/base', 'seeds.delta', 'd50cadf0b279994c505df8fb20875b4cd4cbe9ad5a26d676902e694ff5361f53'],
  ]) {
    await apply(from!, `test/fixtures/delta/${file}`, { out: at(`golden-${file}`) })
    const weights = readFileSync(join(at(`golden-${file}`), 'model.safetensors'))
    assert.equal(createHash('sha256').update(weights).digest('hex'), hash)
  }
})

test('bits are those of all tensors that are stored, also where one has the scalars of all', async () => {
  const report = reportDelta(await openDelta('test/fixtures/delta/seeds.delta'))
  const parameters = report.tensors.reduce(
    (sum, { shape }) => sum + shape.reduce((product, side) => product * side, 1),
    0,
  )
  const bits = ((8 * report.stored) / parameters).toFixed(2)
  assert.match(deltaSums(report), new RegExp(`, ${bits.replace('.', '[.]')} bits for each parameter`))
})

test('edits in threads go on while singular vectors are wanted', async () => {
  const matrices = FORMATS.flatMap(namesOf).filter((name) => !name.includes('norm'))
  const [index, lowRank] = [
    { codec: 'index', options: { drop_rate: 0.5 } },
    { codec: 'low_rank', options: { rank: 2 } },
  ]
  const codec = new Map(matrices.map((name, i) => [name, i % 2 ? lowRank : index]))
  await compress(base, post, { out: at('mixed-1.delta'), codec, jobs: 1 })
  await compress(base, post, { out: at('mixed-2.delta'), codec, jobs: 2 })
  assert.deepEqual(readFileSync(at('mixed-2.delta')), readFileSync(at('mixed-1.delta')))
})
