// Kinds of adapters on shapes that small files do not have: long blocks, and matrices too large to be made whole.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AdapterPart, adapterKindOf, type ModuleEdit, transpose } from '../../src/adapters/index.js'

/** A module of zeros but for what is given, with all parts its own. */
async function open(
  type: string,
  { config, outputs, inputs }: { config: object; outputs: number; inputs: number },
  parts: Record<string, AdapterPart>,
): Promise<ModuleEdit> {
  const kind = adapterKindOf(type, false)!
  return kind.open({
    ...{
      name: 'q',
      outputs,
      inputs,
      dtype: 'F32',
      kernel: 1,
      started: false,
      inOrder: () => [],
      config: kind.config.parse(config),
      most: { outputs, inputs },
    },
    ...{ parts: new Map(Object.entries(parts)), shared: new Map(), round: (values) => values },
    fail: (why) => assert.fail(why),
  })
}
const part = (shape: number[], value: (i: number) => number): AdapterPart => ({
  shape,
  values: Float32Array.from({ length: shape.reduce((x, y) => x * y) }, (_, i) => value(i)),
})
const noBase = () => assert.fail('the base is not read')

test('OFT with constrained blocks of 512: the skew matrix has the norm that is allowed', async () => {
  const side = 512
  const entries = (side * (side - 1)) / 2
  const shape = { config: { coft: true, eps: 1e-3 }, outputs: 1, inputs: side }
  const module = await open('OFT', shape, { 'oft_R.weight': part([1, entries], () => 1) })
  const row = await module.rows(0, 1, async () => Float32Array.from({ length: side }, (_, i) => (i === 0 ? 1 : 0)))
  // The first column of I + 2Q, up to squares of Q: each entry of Q is ±ε / √(2 · entries).
  const entry = 1e-3 / Math.sqrt(2 * entries)
  assert.ok(Math.abs(row[0]! - 1) < 1e-5)
  for (const value of row.subarray(1)) assert.ok(Math.abs(value + 2 * entry) < 2e-2 * entry, `${value}`)
})

const randlora = (outputs: number, inputs: number, n: number, rank: number) => {
  const [narrow, wide] = [Math.min(outputs, inputs), Math.max(outputs, inputs)]
  return open(
    'RANDLORA',
    { config: { r: rank, randlora_alpha: rank }, outputs, inputs },
    {
      randlora_lambda: part([rank, n], (i) => 1 + i),
      randlora_gamma: part([n, narrow], (i) => (i % 7) - 3),
      randlora_A: part([rank, 1, narrow], (i) => (i % 5) - 2),
      randlora_B: part([wide, n, rank], (i) => (i % 11) - 5),
    },
  )
}

test('RandLora with more inputs than outputs is the other way round, transposed', async () => {
  const [wide, high] = [await randlora(4, 9, 3, 2), await randlora(9, 4, 3, 2)]
  const whole = transpose(await high.rows(0, 9, noBase), 9, 4)
  assert.deepEqual(await wide.rows(0, 4, noBase), whole)
  assert.deepEqual(await wide.rows(1, 3, noBase), whole.slice(9, 27))
})

test('RandLora with more inputs than outputs makes the rows that are asked for, and no others', async () => {
  // All rows are more entries than an array has.
  const module = await randlora(1 << 16, 1 << 17, 1, 1)
  const [row] = [await module.rows(9, 10, noBase)]
  // λ · A · γ of row 9 is 1 · 2 · −1, times B.
  assert.deepEqual(row.slice(0, 3), Float32Array.of(10, 8, 6))
  assert.equal(row.length, 1 << 17)
})

test('LoKr of a Conv1d whose second factor is whole: torch.kron with [1, a, b], read as the weight', async () => {
  const [a, b, count, height, width] = [2, 2, 3, 2, 2]
  const [one, two] = [part([a, b], (i) => i + 1), part([count, height, width], (i) => 10 * i - 3)]
  const module = await open(
    'LOKR',
    { config: { r: 2, alpha: 4 }, outputs: a * count, inputs: b * height * width },
    { lokr_w1: one, lokr_w2: two },
  )
  const kron: number[] = []
  for (let x = 0; x < count; x++)
    for (let i = 0; i < a; i++)
      for (let p = 0; p < height; p++)
        for (let j = 0; j < b; j++)
          for (let q = 0; q < width; q++)
            kron.push(2 * one.values[i * b + j]! * two.values[(x * height + p) * width + q]!)
  assert.deepEqual([...(await module.rows(0, 6, noBase))], kron)
  assert.deepEqual([...(await module.rows(2, 4, noBase))], kron.slice(16, 32))
})

// peft 0.21.0: a classifier of 2 labels with r = 4 has A [2, n] and B [2, 2]. All of W is in the start, so that s · B·A is left.
for (const init_lora_weights of ['olora', 'pissa'])
  test(`${init_lora_weights} of a rank above the outputs has as many rows as there are outputs`, async () => {
    const shape = { config: { r: 4, lora_alpha: 4, init_lora_weights }, outputs: 2, inputs: 3 }
    const module = await open('LORA', shape, {
      'lora_A.weight': part([2, 3], (i) => i),
      'lora_B.weight': part([2, 2], (i) => [1, 0, 2, 1][i]!),
    })
    const rows = await module.rows(0, 2, async () => Float32Array.from([1, 2, -1, 0, 1, 3]))
    for (const [i, value] of [0, 1, 2, 3, 6, 9].entries()) assert.ok(Math.abs(rows[i]! - value) < 1e-5, `${rows}`)
  })
