// Codecs with loss where weights are not finite or too large, where tensors are tied, and where a model cannot be run.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { apply, compress, edit, openPair } from '../../src/api/index.js'
import { openFolder } from '../../src/checkpoint/index.js'
import { UserError } from '../../src/errors/index.js'
import { encodeValues, type ValueFormat } from '../../src/kernels/index.js'
import { temporary } from '../checkpoint/files.js'
import { type Raw, rawFile } from '../delta/pairs.js'
import { CODECS } from './pairs.js'

/** One choice for each codec. */
const codecs = CODECS.filter(
  ({ codec, edit }, i) => edit && CODECS.findIndex((each) => each.edit && each.codec === codec) === i,
)

const root = temporary()
const at = (name: string): string => join(root, name)

const [EMBED, HEAD, QUERY] = ['model.embed_tokens.weight', 'lm_head.weight', 'model.layers.0.self_attn.q_proj.weight']
type Tensors = Record<string, readonly [ValueFormat, Float32Array]>

/** Tensors [10, n] as the folder of a model. */
function write(folder: string, tensors: Tensors, config: object = { model_type: 'test' }): string {
  mkdirSync(folder, { recursive: true })
  const raw: Raw = Object.fromEntries(
    Object.entries(tensors).map(([name, [dtype, values]]) => [
      name,
      [dtype, [10, values.length / 10], encodeValues(values, dtype)],
    ]),
  )
  writeFileSync(join(folder, 'model.safetensors'), rawFile(raw))
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  return folder
}

const waves = (size: number, step: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(step * (i + 1)))
const [old, moved] = [waves(120, 0.7), waves(120, 0.71)]

/** The pattern of a bfloat16 in an entry of a tensor of a file. */
function patch(folder: string, name: string, entry: number, pattern: number): void {
  const file = join(folder, 'model.safetensors')
  const bytes = readFileSync(file)
  const begin = 8 + Number(bytes.readBigUInt64LE())
  const header = JSON.parse(bytes.subarray(8, begin).toString()) as Record<string, { data_offsets: [number, number] }>
  bytes.writeUInt16LE(pattern, begin + header[name]!.data_offsets[0] + 2 * entry)
  writeFileSync(file, bytes)
}

test('NaN and infinity, in the base or in the model, are refused with the tensor by every codec; lossless keeps them', async () => {
  const tensors: Tensors = { [QUERY]: ['BF16', old], other: ['F32', old] }
  const changed: Tensors = { [QUERY]: ['BF16', moved], other: ['F32', moved] }
  const base = write(at('finite/base'), tensors)
  const post = write(at('finite/post'), changed)
  const [badBase, badPost] = [write(at('bad/base'), tensors), write(at('bad/post'), changed)]
  patch(badBase, QUERY, 11, 0x7f80)
  patch(badPost, QUERY, 11, 0xffc0)
  const refusal =
    /q_proj\.weight"(: the (base|model) has NaN or infinity in it, which| holds 1 NaN or Inf of 120 values, the first at index 11 \().*leave it out \(--exclude\)/
  for (const [from, to] of [
    [badBase, post],
    [base, badPost],
  ] as const) {
    for (const { codec, options } of from === badBase ? codecs.slice(0, 2) : codecs)
      await assert.rejects(
        compress(from, to, { out: at('no.delta'), jobs: 1, codec: { codec, options } }),
        (error: unknown) => error instanceof UserError && refusal.test(error.message),
        `${codec} ${JSON.stringify(options)}`,
      )
    assert.equal(existsSync(at('no.delta')), false)
  }
  const out = at('kept.delta')
  await compress(base, badPost, { out, overwrite: true, codec: { codec: 'sign' }, exclude: [QUERY] })
  await apply(base, out, { out: at('kept') })
  const whole = await compress(base, badPost, { out: at('lossless.delta') })
  await apply(base, whole.file, { out: at('lossless') })
  for (const name of ['kept', 'lossless']) {
    const bytes = readFileSync(join(at(name), 'model.safetensors'))
    const [begin, end] = [bytes.length - 720, bytes.length - 480]
    assert.deepEqual(bytes.subarray(begin, end), readFileSync(join(badPost, 'model.safetensors')).subarray(begin, end))
  }
  const notes: string[] = []
  const budget = await compress(base, badPost, {
    out: at('budget.delta'),
    budget: '16bit',
    onWarning: (text) => notes.push(text),
  })
  assert.match(notes.join('\n'), /q_proj\.weight" holds 1 NaN or Inf .*: it is stored lossless/)
  assert.deepEqual(
    budget.tensors.map(({ name, error }) => [name, name === QUERY ? error : null]),
    [
      [QUERY, 0],
      ['other', null],
    ],
  )
})

test('numbers that become too large for their format are refused; a budget passes such codecs over', async () => {
  const huge = moved.slice()
  huge[7] = 3e38
  const base = write(at('large/base'), { [QUERY]: ['F32', old] })
  const post = write(at('large/post'), { [QUERY]: ['F32', huge] })
  for (const [codec, options] of [
    ['dense', { values: 'f16' }],
    ['bits', { bits: 4, values: 'f16' }],
    ['low_rank', { rank: 2, values: 'f16' }],
    ['bands', { values: 'f16' }],
  ] as const)
    await assert.rejects(
      compress(base, post, { out: at('no.delta'), jobs: 1, codec: { codec, options } }),
      /q_proj\.weight": (its singular values or vectors|numbers) become too large for their format.*--exclude/,
      codec,
    )
  assert.equal(existsSync(at('no.delta')), false)
  const { tensors } = await compress(base, post, { out: at('large.delta'), budget: '24bit' })
  assert.ok(Number.isFinite(tensors[0]!.error))
})

test('tied tensors come out as edit writes them, whichever of the two has a copy', async () => {
  const tied = { model_type: 'llama', tie_word_embeddings: true }
  const other = waves(120, 0.72)
  for (const [i, [before, after]] of (
    [
      [
        [old, old],
        [moved, moved],
      ],
      [
        [old, null],
        [moved, moved],
      ],
      [
        [old, old],
        [moved, null],
      ],
      [
        [old, old],
        [moved, other],
      ],
    ] as const
  ).entries()) {
    const tensors = ([embed, head]: readonly [Float32Array, Float32Array | null], rest: Float32Array): Tensors => ({
      [EMBED]: ['BF16', embed],
      ...(head && { [HEAD]: ['BF16', head] as const }),
      [QUERY]: ['BF16', rest],
    })
    const base = write(at(`tied-${i}/base`), tensors(before, old), tied)
    const post = write(at(`tied-${i}/post`), tensors(after, moved), tied)
    await using pair = await openPair(base, post, { ignoreUnmatched: true })
    for (const [k, { codec, options, edit: editor }] of codecs.slice(2 * i, 2 * i + 2).entries()) {
      const place = at(`tied-${i}/${k}`)
      await compress(base, post, { out: `${place}.delta`, jobs: 1, codec: { codec, options }, seed: 3 })
      await apply(base, `${place}.delta`, { out: `${place}-applied`, jobs: 1 })
      await edit(pair, editor!, { out: `${place}-edited`, seed: 3, jobs: 1 })
      const found = []
      for (const folder of [`${place}-applied`, `${place}-edited`]) {
        const opened = await openFolder(folder)
        const names = [...opened.tensors.keys()].sort()
        found.push([names, await Promise.all(names.map((name) => opened.readBytes(name)))])
        await opened.close()
      }
      assert.deepEqual(found[0], found[1], `${i} ${codec}`)
    }
  }
})

test('a model that cannot be run is stored within a budget by relative errors, and that is said', async () => {
  const base = write(at('unknown/base'), { [QUERY]: ['F32', old] })
  const post = write(at('unknown/post'), { [QUERY]: ['F32', moved] })
  const notes: string[] = []
  const options = { out: at('unknown.delta'), task: 'math', onWarning: (text: string) => void notes.push(text) }
  const { choice } = await compress(base, post, { ...options, budget: '8bit' })
  assert.match(notes.join('\n'), /no loss can be measured, so tensors are weighed by the relative errors.*"test" in/)
  assert.equal((choice as { loss: unknown }).loss, null)
  await assert.rejects(
    compress(base, post, { ...options, out: at('no.delta'), targetLoss: 0.1 }),
    /"test" in .* cannot be run/,
  )
})
