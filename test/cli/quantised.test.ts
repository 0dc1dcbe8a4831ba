// Quantised folders through edit, merge, extract, inspect and eval: what comes is what their decoded weights give.
import assert from 'node:assert/strict'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { encode } from '../../src/checkpoint/dtype.js'
import { openCheckpoint, type TensorContent, writeCheckpoint } from '../../src/checkpoint/index.js'
import { file, temporary } from '../checkpoint/files.js'
import { call } from './call.js'

const root = temporary()
const [small, base] = ['checkpoints/small/math', 'checkpoints/small/base']
const [coded, plain] = [join(root, 'coded'), join(root, 'plain')]

const run = (...words: string[]) => call(words)

/** The miniature in bitsandbytes' int8, and the float32 weights that it stands for. */
before(async () => {
  const checkpoint = await openCheckpoint(small)
  const values = new Map<string, Float32Array>()
  const contents: [name: string, dtype: string, shape: readonly number[], bytes: Uint8Array][] = []
  for (const [name, { shape }] of checkpoint.tensors) {
    const own = await checkpoint.read(name)
    values.set(name, own)
    if (!name.includes('_proj.')) {
      contents.push([name, 'F32', shape, encode('F32', own)])
      continue
    }
    const [rows, columns] = shape
    const tops = Float32Array.from({ length: rows! }, (_, i) =>
      own.subarray(i * columns!, (i + 1) * columns!).reduce((top, value) => Math.max(top, Math.abs(value)), 0),
    )
    const codes = Int8Array.from(own, (value, i) => Math.round((127 * value) / tops[Math.floor(i / columns!)]!))
    values.set(
      name,
      Float32Array.from(codes, (code, i) => Math.fround(code * tops[Math.floor(i / columns!)]!) * Math.fround(1 / 127)),
    )
    contents.push(
      [name, 'I8', shape, new Uint8Array(codes.buffer)],
      [name.replace(/weight$/, 'SCB'), 'F32', [rows!], encode('F32', tops)],
    )
  }
  const planned = [...values.keys()].map((name) => ({ name, dtype: 'F32', shape: checkpoint.tensors.get(name)!.shape }))
  await writeCheckpoint(plain, {
    plan: planned,
    tensors: [...values].map(([name, own]): TensorContent => ({ name, values: own })),
    copyFrom: small,
  })
  cpSync(small, coded, { recursive: true })
  const sorted = contents.sort(([, a], [, b]) => (a < b ? -1 : a > b ? 1 : 0)) // F32 first: aligned
  let at = 0
  const header = Object.fromEntries(
    sorted.map(([name, dtype, shape, bytes]) => [name, { dtype, shape, data_offsets: [at, (at += bytes.length)] }]),
  )
  writeFileSync(join(coded, 'model.safetensors'), file(header, Buffer.concat(sorted.map(([, , , bytes]) => bytes))))
  const config = readFileSync(join(small, 'config.json'), 'utf8')
    .replace('{', '{ "quantization_config": { "quant_method": "bitsandbytes", "load_in_8bit": true },')
    .replace(/"float16"|"bfloat16"/, '"float32"')
  writeFileSync(join(coded, 'config.json'), config)
  await checkpoint.close()
})

async function assertEqual(found: string, wanted: string): Promise<void> {
  const [one, two] = [await openCheckpoint(found), await openCheckpoint(wanted)]
  assert.deepEqual([...one.tensors.keys()].sort(), [...two.tensors.keys()].sort())
  for (const name of two.tensors.keys()) assert.deepEqual(await one.read(name), await two.read(name), name)
  await Promise.all([one.close(), two.close()])
}

test('edit and merge give the decoded weights under their names, without quantization_config, and say so', async () => {
  const edited = await run(
    'edit',
    base,
    coded,
    '--editor',
    'expo:alpha=0',
    '--dtype',
    'float32',
    '--out',
    join(root, 'edited'),
  )
  assert.equal(edited.status, 0, edited.stderr)
  assert.match(
    edited.stderr,
    /coded: \d+ weights are decoded from bitsandbytes int8 and count as F32; what is written is not quantised and has no quantization_config/,
  )
  await assertEqual(join(root, 'edited'), plain)
  assert.doesNotMatch(readFileSync(join(root, 'edited', 'config.json'), 'utf8'), /quanti/)
  const yaml = join(root, 'merge.yml')
  writeFileSync(
    yaml,
    `merge_method: linear\nmodels:\n  - { model: ${coded}, parameters: { weight: 1 } }\n  - { model: ${plain}, parameters: { weight: 1 } }\n`,
  )
  const merged = await run('merge', yaml, join(root, 'merged'))
  assert.equal(merged.status, 0, merged.stderr)
  await assertEqual(join(root, 'merged'), plain)
})

test('inspect and eval see what they see of the decoded weights; extract writes the same adapter', async () => {
  const same = async (...words: string[]) => {
    const of = (folder: string) => run(...words.map((word) => (word === 'MODEL' ? folder : word)))
    const [one, two] = [await of(coded), await of(plain)]
    assert.equal(one.status, 0, one.stderr)
    const tell = ({ stdout }: typeof one) => stdout.replaceAll(coded, 'it').replaceAll(plain, 'it').split('\n').sort()
    assert.deepEqual(tell(one), tell(two))
  }
  await same('inspect', base, 'MODEL', '--csv', '--rank-limit', '0')
  await same('eval', 'MODEL', '--task', 'math', '--items', '8')
  const adapters: Buffer[] = []
  for (const [i, folder] of [coded, plain].entries()) {
    const out = join(root, `adapter-${i}`)
    const { status, stderr } = await run('extract', base, folder, '--rank', '2', '--include', '*q_proj*', '--out', out)
    assert.equal(status, 0, stderr)
    adapters.push(readFileSync(join(out, 'adapter_model.safetensors')))
  }
  assert.deepEqual(adapters[0], adapters[1])
})
