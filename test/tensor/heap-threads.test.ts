// Work on a shared heap: the same bits from any number of threads, and products with fused multiply-add within their bound.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { asShared } from '../../src/kernels/index.js'
import { JobBoard, jobBytes } from '../../src/tensor/heap-job.js'
import type { HeapKernelName, HeapKernels } from '../../src/tensor/heap-kernels.js'
import { HeapThreads } from '../../src/tensor/heap-threads.js'
import { keyedNormal, keyOf, measured, setBackend, type Tensor2D, tf } from '../../src/tensor/index.js'

const PAGES = 200

/** One memory with a pool of one thread and one of three, and matrices of both. */
function openPools() {
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true })
  let top = 1024
  const allocate = (bytes: number) => {
    top += 64 * Math.ceil(bytes / 64)
    return top - 64 * Math.ceil(bytes / 64)
  }
  const pools = [1, 3].map((threads) => new HeapThreads(memory, allocate, threads))
  return { memory, allocate, alone: pools[0]!, together: pools[1]! }
}

test('any number of threads gives the same bits, for every way to divide a product', async () => {
  const { memory, allocate, alone, together } = openPools()
  const filled = (count: number) => {
    const at = allocate(4 * count)
    new Float32Array(memory.buffer, at, count).forEach((_, i, all) => (all[i] = Math.sin(i * 1.7 + count)))
    return at
  }
  const [a, b] = [filled(300_000), filled(300_000)]
  const [one, other] = [filled(300_000), filled(300_000)]
  while (together.helpers < 2) {
    together.run('gemmPanels', [a, b, one, 301, 403, 517, 0, 0, 0], Math.ceil(301 / together.gemmPanel(false)), 6e8)
    await setTimeout(5)
  }
  for (const fma of ['', 'Fma'] as const)
    for (const [ta, tb] of [0, 1, 2, 3].map((bits) => [bits & 1, bits >> 1] as const)) {
      for (const across of [0, 1]) {
        const [m, n, k] = [301, 403, 517]
        const units = Math.ceil((across ? n : m) / alone.gemmPanel(across === 1))
        for (const [pool, out] of [[alone, one] as const, [together, other] as const])
          pool.run(`gemmPanels${fma}`, [a, b, out, m, n, k, ta, tb, across], units, m * n * k)
        assert.deepEqual(valuesAt(one, m * n), valuesAt(other, m * n), `${fma} ${ta}${tb} ${across}`)
      }
      const [batch, m, n, k] = [14, 67, 33, 29]
      for (const [pool, out] of [[alone, one] as const, [together, other] as const])
        pool.run(`gemmBatch${fma}`, [a, b, out, m, n, k, ta, tb, m * k, k * n], batch, batch * m * n * k)
      assert.deepEqual(valuesAt(one, batch * m * n), valuesAt(other, batch * m * n), `${fma} ${ta}${tb} batch`)
    }

  function valuesAt(at: number, count: number) {
    return Buffer.from(new Uint8Array(memory.buffer, at, 4 * count))
  }
})

test('any number of threads gives the same bits of each fused kernel', async () => {
  const { memory, allocate, alone, together } = openPools()
  const [rows, width] = [90, 67]
  const size = rows * width
  const filled = () => {
    const at = allocate(4 * size)
    new Float32Array(memory.buffer, at, size).forEach((_, i, all) => (all[i] = 3 * Math.sin(i * 1.7 + at)))
    return at
  }
  const [x, y, z, w] = [filled(), filled(), filled(), filled()]
  const labels = allocate(4 * rows)
  new Int32Array(memory.buffer, labels, rows).forEach((_, i, all) => (all[i] = i % width))
  const [out, more] = [filled(), filled()]
  const results = new Uint8Array(memory.buffer, out, more + 4 * size - out)
  const panels = (entries: number) => Math.ceil(entries / 16)
  const jobs: [HeapKernelName, number[], number][] = [
    ['rmsNorm', [x, w, out, more, width, 1e-5], rows],
    ['rmsNormPull', [x, w, y, out, z, width], rows],
    ['rmsNormWeightPull', [x, y, out, z, rows, width], panels(width)],
    ['sumRows', [x, out, rows, width], panels(width)],
    ['siluTimes', [x, y, out, size], panels(size)],
    ['siluTimesPull', [x, y, z, out, more, size], panels(size)],
    ['maskedSoftmax', [x, w, out, width, 0.3, 3, 10, 10, 0, 1], rows],
    ['maskedSoftmax', [out, 0, out, width, 0.3, 3, 10, 0, 0, 0], rows],
    ['softmaxPull', [x, y, out, width, 0.3], rows],
    ['sumExps', [x, out, width], rows],
    ['entropyPull', [x, labels, y, out, width], rows],
    ['rotate', [x, y, z, out, width, 30, 1], rows],
    ['swapAxes', [x, out, 9, 5, width], 10],
  ]
  while (together.helpers < 2) {
    together.run('sumRows', [x, out, rows, width], 4, 6e8)
    await setTimeout(5)
  }
  const by = (pool: HeapThreads, [name, numbers, units]: (typeof jobs)[number]) => {
    results.fill(60)
    pool.run(name, numbers, units, 6e6)
    return Buffer.from(results)
  }
  for (const job of jobs) {
    const right = by(alone, job)
    assert.deepEqual(by(together, job), right, job[0])
  }
})

test('every chunk of many short jobs is done once', async () => {
  const [board, hits] = [new SharedArrayBuffer(jobBytes), new SharedArrayBuffer(4 * 8)]
  // What a helper does, with a kernel that counts.
  const count = `(hits) => ({ byNumber: [(from, to) => { for (let i = from; i < to; i++) Atomics.add(hits, i, 1) }], scratch: 0 })`
  const helper = `const { workerData: { url, board, hits } } = require('node:worker_threads')
    import(url).then(({ JobBoard }) => new JobBoard(board, (${count})(new Int32Array(hits)), 0).serve())`
  const workerData = { url: new URL('../../src/tensor/heap-job.js', import.meta.url).href, board, hits }
  new Worker(helper, { eval: true, workerData }).unref()
  const done = new Int32Array(hits)
  const own = {
    byNumber: [(from: number, to: number) => done.subarray(from, to).forEach((_, i) => Atomics.add(done, from + i, 1))],
  }
  const main = new JobBoard(board, own as unknown as HeapKernels, 0)
  while (main.ready < 1) await setTimeout(5)
  for (let job = 0, chunks = 8; job < 120_000; job++, chunks = 10 - chunks) {
    done.fill(0)
    main.do({ kernel: 0, numbers: [], units: chunks, chunks })
    assert.ok(
      done.every((times, i) => times === Number(i < chunks)),
      `job ${job}: ${done}`,
    )
  }
})

test('a module that says nothing of a memory stays as it is', () => {
  const empty = Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0])
  assert.deepEqual(asShared(empty), empty)
})

test('only measurements fuse products, within k roundings of the terms, and none of an exact thread', async () => {
  await setBackend('wasm')
  const [a, b] = ['a', 'b'].map((name) => keyedNormal([61, 61], keyOf(name))) as [Tensor2D, Tensor2D]
  const product = () => tf.matMul(a, b).dataSync()
  const [exact, fused] = [product(), measured(product)]
  const bounds = tf.matMul(a.abs(), b.abs()).dataSync()
  exact.forEach((value, i) => {
    assert.ok(Math.abs(value - fused[i]!) <= 61 * 2 ** -23 * bounds[i]!)
  })
  assert.deepEqual(product(), exact)
  await setBackend('wasm', { exact: true })
  assert.deepEqual(measured(product), exact)
  await setBackend('wasm')
  assert.deepEqual(measured(product), fused)
})
