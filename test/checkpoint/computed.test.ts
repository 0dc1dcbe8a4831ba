// Weights that are computed, of adapters and of quantised folders: parts cut anywhere are those of the whole, bit for bit.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { addTerms } from '../../src/checkpoint/adapter-terms.js'
import { round } from '../../src/checkpoint/dtype.js'
import { openGguf } from '../../src/checkpoint/gguf.js'
import { type Checkpoint, isFloating, openAdapter, openCheckpoint } from '../../src/checkpoint/index.js'
import { countEntries } from '../../src/kernels/index.js'

const ADAPTERS = 'test/fixtures/adapters'
const FORMATS = 'test/fixtures/formats'
/** Is there to be refused. */
const REFUSED = 'torchao-mx'
/** A folder of folders. */
const CONVERTED = 'gguf-converted'

/** Lengths of parts, one after the other. */
const CUTS = [1, 5, 37, 211, 1009]

const bytesOf = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength)

async function checkParts(checkpoint: Checkpoint, what: string): Promise<void> {
  for (const [name, { shape, dtype }] of checkpoint.tensors) {
    if (!isFloating(dtype)) continue
    const whole = bytesOf(await checkpoint.read(name))
    const parts: Buffer[] = []
    const size = countEntries(shape)
    for (let from = 0, i = 0; from < size; i++) {
      const to = Math.min(size, from + CUTS[i % CUTS.length]!)
      const part = await checkpoint.readEntries(name, { from, to })
      assert.equal(part.length, to - from)
      parts.push(bytesOf(part))
      from = to
    }
    assert.ok(Buffer.concat(parts).equals(whole), `${what} ${name}`)
    assert.ok(bytesOf(await checkpoint.readEntries(name, null)).equals(whole), `${what} ${name}`)
  }
}

const adapters = readdirSync(ADAPTERS).filter((name) => existsSync(join(ADAPTERS, name, 'adapter_config.json')))

test(`parts of ${adapters.length} adapters on their bases`, async () => {
  for (const name of adapters) {
    const base = await openCheckpoint(join(ADAPTERS, name.split('-')[0]!))
    const view = await openAdapter(join(ADAPTERS, name), base)
    await checkParts(view, name)
    await Promise.all([view.close(), base.close()])
  }
})

test('parts of quantised folders', async () => {
  const foldersIn = (folder: string): string[] =>
    readdirSync(join(FORMATS, folder), { withFileTypes: true }).flatMap((each) =>
      each.isDirectory() ? [join(folder, each.name)] : [],
    )
  const names = [...foldersIn('.'), ...foldersIn(CONVERTED)].filter((name) => ![REFUSED, CONVERTED].includes(name))
  for (const name of names) {
    const checkpoint = await openCheckpoint(join(FORMATS, name))
    await checkParts(checkpoint, name)
    await checkpoint.close()
  }
})

test('a weight that is stored the other way round is read once for all its parts', async () => {
  const base = await openCheckpoint('test/fixtures/peft/gpt2')
  const read: string[] = []
  const counted: Checkpoint = {
    ...base,
    readEntries(name, entries) {
      read.push(name)
      return base.readEntries(name, entries)
    },
  }
  const view = await openAdapter('test/fixtures/peft/gpt2-fourierft', counted)
  const name = [...base.tensors.keys()].find((each) => each.endsWith('.0.attn.c_attn.weight'))!
  const size = countEntries(base.tensors.get(name)!.shape)
  for (let part = 0; part < 4; part++)
    await view.readEntries(name, { from: (part * size) / 4, to: ((part + 1) * size) / 4 })
  assert.deepEqual(read, [name])
  await Promise.all([view.close(), base.close()])
})

test('a matrix that a GGUF file has the other way round is decoded once for all its lines', async () => {
  const path = 'test/fixtures/formats/gguf-gpt2/model.gguf'
  const [{ entries, shapes, compute }, bytes] = [await openGguf(path), readFileSync(path)]
  const name = [...shapes.keys()].find((each) => each.endsWith('.0.attn.c_attn.weight'))!
  const { begin } = entries.find((each) => each.name === name)!
  let count = 0
  const read = async (_: string, from: number, to: number) => {
    count++
    return bytes.subarray(begin + from, begin + to)
  }
  const [lines, width] = shapes.get(name)! as [number, number]
  const whole = await compute(name, { from: 0, to: lines }, read)
  const part = await compute(name, { from: 1, to: 3 }, read)
  assert.deepEqual(part, whole.slice(width, 3 * width))
  // What is given away is a copy.
  part.fill(0)
  assert.deepEqual(await compute(name, { from: 1, to: 3 }, read), whole.slice(width, 3 * width))
  assert.equal(count, 1)
})

test('sums of terms on the kernel are those of the definition, bit for bit, in any shape', () => {
  let state = 1
  const draw = () => {
    state = (state * 48271) % 2147483647
    return (state % 17 === 0 ? 0 : 1) * (state / 2147483647 - 0.5) * 2 ** ((state % 13) - 6)
  }
  const drawn = (count: number) => Float32Array.from({ length: count }, draw)
  for (const [lines, rank, columns] of [
    [1, 1, 1],
    [5, 3, 7],
    [7, 16, 1030],
    [70, 64, 300],
    [3, 4099, 9],
    [4100, 2, 5],
  ] as const)
    for (const dtype of [null, 'F32', 'BF16', 'F16'])
      for (const wide of [false, true]) {
        const coefficients = Float64Array.from({ length: lines * rank }, () => draw() / 3)
        const vectors = wide ? Float64Array.from({ length: rank * columns }, () => draw() / 7) : drawn(rank * columns)
        const before = drawn(lines * columns)
        const sums = Float64Array.from(before, (_, at) => {
          const [line, i] = [Math.floor(at / columns), at % columns]
          let sum = 0
          for (let k = 0; k < rank; k++) sum += coefficients[line * rank + k]! * vectors[k * columns + i]!
          return sum
        })
        const added = dtype === null ? sums : round(Float32Array.from(sums), dtype)
        const wanted = before.map((value, i) => value + added[i]!)
        addTerms(before, { rank, coefficients, vectors }, columns, dtype)
        assert.ok(bytesOf(before).equals(bytesOf(wanted)), `${lines} ${rank} ${columns} ${dtype} ${wide}`)
      }
})
