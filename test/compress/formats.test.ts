// Tensors that no codec with loss stores, in a model with others: they come back to the byte, by every way to choose codecs, and are named.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { encodeValues } from '../../src/kernels/index.js'
import { temporary } from '../checkpoint/files.js'
import { call } from '../cli/call.js'
import { type Raw, rawFile } from '../delta/pairs.js'
import { write } from '../layouts/write.js'

const at = (name: string): string => join(root, name)
const root = temporary()

const floats = (rows: number, seed: number): Raw[string] => [
  'BF16',
  [rows, 32],
  encodeValues(
    Float32Array.from({ length: 32 * rows }, (_, i) => Math.sin(seed * (i + 1))),
    'BF16',
  ),
]
/** Bytes that are codes of small numbers in all formats of one byte. */
const codes = (seed: number, size = 64): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (seed * i) % 60)

/** A matrix that may lose, and tensors of all other formats. */
const tensorsOf = (moved: 0 | 1): Raw => ({
  'layers.0.up_proj.weight': floats(40, 0.7 + moved / 100),
  ...Object.fromEntries(
    ['F8_E4M3', 'F8_E5M2', 'I8', 'U8'].map((dtype) => [
      `layers.0.${dtype}.weight`,
      [dtype, [8, 8], codes(7 + moved)] as Raw[string],
    ]),
  ),
  'layers.0.F64.weight': ['F64', [8], new Uint8Array(Float64Array.from({ length: 8 }, (_, i) => i + moved / 7).buffer)],
  position_ids: ['I64', [8], codes(0, 64).fill(moved, 0, 1)],
  allowed: ['BOOL', [3], Uint8Array.of(1, 0, moved)],
  still: ['I64', [1], new Uint8Array(8)],
  'embed.weight': floats(40 + moved, 0.3),
  ...(moved && { 'head.weight': floats(4, 0.2) }),
  empty: ['F32', [0, 4], new Uint8Array()],
  scale: ['F32', [], encodeValues(Float32Array.of(2 + moved), 'F32')],
  // Scales without their codes are kept from codecs, too.
  'layers.0.lost.weight_scale_inv': ['F32', [2, 2], encodeValues(Float32Array.of(1, 2, 3, 4 + moved), 'F32')],
})

const config = { 'config.json': '{"model_type": "test"}' }
const [base, post] = ([0, 1] as const).map((moved) => {
  write(at(String(moved)), { ...config, 'model.safetensors': rawFile(tensorsOf(moved)) })
  return at(String(moved))
}) as [string, string]

for (const [name, words] of [
  ['codec', ['--codec', 'bits', '--bits', '2']],
  ['codec with an editor', ['--codec', 'index', '--drop', '0.9', '--granularity', 'model']],
  ['codec whose editor is not a kernel', ['--codec', 'dense', '--editor', 'lowrank', '--rank', '4']],
  ['budget', ['--budget', '6400B']],
] as const)
  test(`${name}: what it does not store comes back to the byte, and is named with the reason`, async () => {
    const [out, folder] = [at(`${name}.delta`), at(name)]
    const stored = await call(['compress', base, post, ...words, '--out', out, '--json'])
    assert.equal(stored.status, 0, stored.stderr)
    const { tensors } = JSON.parse(stored.stdout) as {
      tensors: { name: string; codec: string; options: object | null }[]
    }
    const lossy = tensors.filter(({ options }) => options !== null).map((tensor) => tensor.name)
    assert.ok(lossy.includes('layers.0.up_proj.weight'), lossy.join())
    assert.ok(
      lossy.every((tensor) => ['layers.0.up_proj.weight', 'scale'].includes(tensor)),
      lossy.join(),
    )
    assert.match(
      stored.stderr,
      /layers\.0\.F8_E4M3\.weight, layers\.0\.F8_E5M2\.weight.* and \d more \(codecs with loss store F32, BF16 and F16\)/,
    )
    assert.match(stored.stderr, /embed\.weight \(it is \[41, 32\], and the base's is \[40, 32\]\)/)
    assert.match(stored.stderr, /head\.weight \(the base has none of that name\)/)
    assert.doesNotMatch(stored.stderr, /still/)
    const applied = await call(['apply', base, out, '--out', folder])
    assert.equal(applied.status, 0, applied.stderr)
    const [wanted, found] = [tensorsOf(1), bytesIn(join(folder, 'model.safetensors'))]
    for (const [tensor, [, , bytes]] of Object.entries(wanted))
      if (!lossy.includes(tensor)) assert.deepEqual(found(tensor), Buffer.from(bytes), tensor)
    assert.notDeepEqual(found('layers.0.up_proj.weight'), Buffer.from(wanted['layers.0.up_proj.weight']![2]))
  })

test('where no tensor takes the codec, the reason is that of the tensor', async () => {
  const words = ['compress', base, post, '--codec', 'sign', '--out', at('none.delta')]
  for (const [name, why] of [
    ['layers.0.I8.weight', /codecs with loss store F32, BF16 and F16/],
    ['head.weight', /the base has none of that name/],
    ['no_such', /matches no tensor/],
  ] as const) {
    const { status, stderr } = await call([...words, '--include', name])
    assert.equal(status, 1)
    assert.match(stderr, why)
    assert.equal(stderr.trim().split('\n').length, 1, stderr)
  }
})

test('options that a way to store does not take are refused by name, and a codec that is none comes first', async () => {
  for (const [words, why] of [
    ['--lossless --include linear', '--lossless takes no --include; leave it out'],
    ['--lossless --bits 2', '--lossless takes no --bits; leave it out'],
    ['--codec raw --drop 0.5', '--codec raw takes no --drop-rate; leave it out'],
    ['--budget 1MB --bits 2', '--budget takes no --bits; leave it out'],
    ['--codec quantise --bits 0', 'unknown codec "quantise"; the codec bits stores what the editor quantise makes'],
  ] as const) {
    const { stderr } = await call(['compress', base, post, ...words.split(' '), '--out', at('none.delta')])
    assert.equal(stderr, `deltalab: ${why}\n`)
  }
})

test('a base with no tensor of the model is a warning', async () => {
  write(at('other'), { ...config, 'model.safetensors': rawFile({ 'other.weight': floats(4, 0.5) }) })
  const { status, stderr } = await call(['compress', base, at('other'), '--lossless', '--out', at('other.delta')])
  assert.equal(status, 0, stderr)
  assert.match(stderr, /warning: no tensor of the model has one of the same name and shape in the base/)
})

/** Bytes of the tensors of a file. */
function bytesIn(file: string): (name: string) => Buffer {
  const bytes = readFileSync(file)
  const begin = 8 + Number(bytes.readBigUInt64LE())
  const header = JSON.parse(bytes.subarray(8, begin).toString()) as Record<string, { data_offsets: [number, number] }>
  return (name) => {
    const [from, to] = header[name]!.data_offsets
    return bytes.subarray(begin + from, begin + to)
  }
}
