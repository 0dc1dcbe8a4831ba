// Functions that come again, as graphs of TensorFlow's library: the same bits as call by call, and never of a function whose results
// depend on more than its inputs. Skipped where no binding is installed (`deltalab native install`).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { putRows, replayed, setBackend, type Tensor, tf } from '../../src/tensor/index.js'

const absent = await setBackend('tensorflow').then(
  () => false as const,
  (error: Error) => error.message,
)

/** Calls a function so often, with inputs made for each call; gives the results, and which calls were no graph. */
async function repeat(
  name: string,
  make: (call: number) => Tensor[],
  work: (inputs: Tensor[], call: number) => Tensor,
  calls = 5,
): Promise<{ values: number[][]; worked: number[] }> {
  const before = tf.memory()
  const [values, worked]: [number[][], number[]] = [[], []]
  for (let call = 0; call < calls; call++) {
    const inputs = make(call)
    const [result] = tf.tidy(() =>
      replayed(name, inputs, () => {
        worked.push(call)
        return [work(inputs, call)]
      }),
    )
    values.push([...(await result!.data())])
    tf.dispose([inputs, result!])
  }
  const { numTensors, numBytes } = tf.memory()
  assert.deepEqual([numTensors, numBytes], [before.numTensors, before.numBytes], `${name}: nothing is left`)
  return { values, worked }
}

const ALWAYS = [0, 1, 2, 3, 4]
const FIRST = [0, 1, 2]
const pair = (call: number) => [tf.tensor1d([1, 2, call]), tf.tensor1d([3, 4, 5])]
const sumOfProducts = ([a, b]: Tensor[]) => a!.mul(b!).add(0.5).sum()

test('from the fourth call on a graph computes, with the inputs of that call', { skip: absent }, async () => {
  const { values, worked } = await repeat('products', pair, sumOfProducts)
  assert.deepEqual(
    values,
    ALWAYS.map((call) => [12.5 + 5 * call]),
  )
  assert.deepEqual(worked, FIRST)
  const wider = await repeat('products', (call) => [tf.fill([4], call), tf.ones([4])], sumOfProducts)
  assert.deepEqual(
    [wider.values, wider.worked],
    [[[2], [6], [10], [14], [18]], FIRST],
    'other shapes are another function',
  )
})

test('one tensor given twice is another function than two', { skip: absent }, async () => {
  const twice = (call: number) => {
    const a = tf.tensor1d([1, 2, call])
    return [a, a]
  }
  const square = await repeat('same or not', twice, sumOfProducts)
  assert.deepEqual(square.values[4], [22.5])
  const { values, worked } = await repeat('same or not', pair, sumOfProducts)
  assert.deepEqual([values[4], worked], [[32.5], FIRST])
})

test('what depends on more than the inputs has no graph', { skip: absent }, async () => {
  const outside = tf.tensor2d([[1, 2, 3]])
  const works: Record<string, (inputs: Tensor[], call: number) => Tensor> = {
    'a number that differs': ([a], call) => a!.mul(call),
    'a value that is read': ([a]) => a!.mul(a!.dataSync()[0]!),
    'a tensor of somebody else': ([a]) => a!.mul(outside),
    'values of its own': ([a], call) => a!.mul(tf.tensor1d([call, 1, 1])),
    'an input': ([a]) => a!,
    'operations that differ': ([a], call) => (call % 2 ? a!.neg() : a!.abs()),
  }
  for (const [name, work] of Object.entries(works)) {
    const make = () => [tf.tensor1d([2, 4, 8])]
    const { values, worked } = await repeat(name, make, (inputs, call) => work(inputs, call).clone())
    const expected = ALWAYS.map((call) => {
      const inputs = make()
      return [...work(inputs, call).dataSync()]
    })
    assert.deepEqual([values, worked], [expected, ALWAYS], name)
  }
  outside.dispose()
})

test('gradients, and a function within another', { skip: absent }, async () => {
  const slope = ([a, b]: Tensor[]) =>
    replayed('inner', [a!, b!], () => [tf.grad((x) => x.square().mul(b!).mean())(a!)])[0]!
  const { values, worked } = await repeat('outer', pair, slope)
  // 2ab / 3.
  assert.deepEqual(
    values.map(([first, second]) => [first, Math.fround(second!)]),
    ALWAYS.map(() => [2, Math.fround(16 / 3)]),
  )
  assert.deepEqual(worked, FIRST)
})

test('rows that are put where they stay are there for whoever reads them', { skip: absent }, async () => {
  const into = tf.tidy(() => tf.fill([3, 2], 0).clone())
  const { values, worked } = await repeat(
    'put',
    (call) => [tf.tensor1d([call % 3], 'int32'), tf.fill([1, 2], call + 1)],
    ([at, rows]) => putRows(into, at!, rows!).mul(1),
  )
  assert.deepEqual([values.at(-1), worked], [[4, 4, 5, 5, 3, 3], ALWAYS], 'the tensor is no input')
  const { values: given, worked: recorded } = await repeat(
    'put into an input',
    (call) => [into.clone(), tf.tensor1d([call % 3], 'int32'), tf.fill([1, 2], 10 * call)],
    ([all, at, rows]) => putRows(all!, at!, rows!).mul(1),
  )
  assert.deepEqual(given.at(-1), [30, 30, 40, 40, 20, 20])
  assert.deepEqual(recorded, FIRST)
  assert.deepEqual([...(await into.data())], given.at(-1))
  into.dispose()
})

test('of names, however long, little is kept', { skip: absent }, async () => {
  const long = 'weight'.repeat(1 << 16)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 200; i++) tf.tidy(() => replayed(`${i} ${long}`, [tf.scalar(1)], () => [tf.scalar(2)]))
  collect()
  const grown = process.memoryUsage().heapUsed - before
  assert.ok(grown < (200 * long.length) / 2, `${grown} bytes more`)
})
