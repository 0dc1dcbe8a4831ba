// BitDelta's own file, saved with torch 2.13.0 (test/fixtures/bitdelta/make.py): the weights of its loader, by apply and as post.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { apply, edit, openPair } from '../../src/api/index.js'
import { readWeightHeader } from '../../src/checkpoint/index.js'
import { encodeFile, type StoredTensor } from '../../src/codecs/index.js'
import { openModel } from '../../src/sources/index.js'
import { temporary } from '../checkpoint/files.js'

const root = temporary()
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
