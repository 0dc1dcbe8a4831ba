// Zeroth-order tuning on a table of bigram logits, where the slope is known: losses fall, and seeds and scalars rebuild the weights.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gradientOf } from '../../src/loss/index.js'
import { type Batch, type Model, padBatch } from '../../src/models/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { batcher } from '../../src/zeroth/data.js'
import { fedkseed, mezo, readSeeds, rebuild, writeSeeds, zerothSchema } from '../../src/zeroth/index.js'
import { type Entry, type Journal, openJournal } from '../../src/zeroth/journal.js'
import { copyOf, drawDirection, lossBeside, type Point, slopeAlong } from '../../src/zeroth/probe.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'

const WORDS = 6
const folder = mkdtempSync(join(tmpdir(), 'zeroth-'))

before(() => setBackend(BACKEND))
after(() => rmSync(folder, { recursive: true }))

/** Logits of the next word are a row of the table. */
const bigrams: Model = {
  architecture: 'bigrams',
  objective: 'causal',
  vocabulary: WORDS,
  outputs: WORDS,
  positions: 8,
  width: WORDS,
  heads: 1,
  shapes: { table: [WORDS, WORDS], bias: [WORDS] },
  linear: [],
  tables: () => ({}),
  blocks: [
    {
      name: 'table',
      weights: ['table', 'bias'],
      apply: ({ table, bias }, _, { ids, wanted }) => {
        const words = ids.flatten()
        return tf.gather(table!, (wanted ? tf.gather(words, wanted) : words).toInt()).add(bias!)
      },
    },
  ],
}

const sequences = Array.from({ length: 12 }, (_, i) => ({
  prompt: [i % WORDS],
  target: [(i + 1) % WORDS, (i + 2) % WORDS],
}))
const batchOf = batcher(sequences, { seed: 4, batch: 4, pad: 0 })
const start = (): Point =>
  new Map([
    ['table', Float32Array.from({ length: WORDS * WORDS }, (_, i) => Math.sin(i))],
    ['bias', new Float32Array(WORDS)],
  ])
const all: Batch = padBatch(sequences, [...sequences.keys()], 0)

const run = (method: 'mezo' | 'fedkseed', extra: object) =>
  zerothSchema.parse({
    name: 'r',
    from: 'x',
    items: 'math.jsonl',
    task: 'math',
    runs: [{ name: 'a', method, learning_rate: 0.05, seed: 2, ...extra }],
  }).runs[0]

test('the slope by two passes is the gradient times the direction', async () => {
  const point = start()
  const weights = Object.fromEntries(
    [...point].map(([name, values]) => [name, tf.tensor(values, bigrams.shapes[name])]),
  )
  const { gradient } = await gradientOf(bigrams, weights, [all])
  tf.dispose(weights)
  for (const k of [0, 1, 2]) {
    const z = drawDirection(point, 1, k)
    const expected = [...z].reduce(
      (sum, [name, values]) => values.reduce((total, value, i) => total + value * gradient.get(name)![i]!, sum),
      0,
    )
    const { slope, loss } = await slopeAlong(bigrams, point, all, { direction: z, epsilon: 1e-2 })
    assertClose(slope, expected, { tolerance: 2e-3 * Math.max(1, Math.abs(expected)) })
    assertClose(loss, await lossBeside(bigrams, point, [all]), { tolerance: 0.05 })
  }
})

test('MeZO lowers the loss, leaves no tensor, and its file rebuilds the weights bit for bit', async () => {
  const point = start()
  const tensors = tf.memory().numTensors
  const before = await lossBeside(bigrams, point, [all])
  const seeds = await mezo(bigrams, point, run('mezo', { steps: 300, epsilon: 1e-2 }) as any, {
    batchOf: (step) => batchOf(0, step),
  })
  const loss = await lossBeside(bigrams, point, [all])
  assert.ok(loss < 0.5 * before, `${before} → ${loss}`)
  assert.equal(tf.memory().numTensors, tensors)

  const file = join(folder, 'mezo.safetensors')
  const bytes = await writeSeeds(file, seeds, 'sha')
  assert.equal(statSync(file).size, bytes)
  const read = await readSeeds(file)
  assert.deepEqual(read, { seed: 2, scalars: seeds.scalars, base: 'sha' })
  assert.deepEqual(await rebuild(start(), read), point)
})

test('FedKSeed lowers the loss with a pool smaller than its steps, and base + seeds are its weights bit for bit', async () => {
  const point = start()
  const settings = run('fedkseed', {
    pool: 64,
    clients: 3,
    participants: 2,
    rounds: 15,
    local_steps: 10,
    epsilon: 1e-2,
    learning_rate: 0.1,
  }) as any
  const shards = batcher(sequences, { seed: 4, batch: 4, pad: 0 }, 3)
  const before = await lossBeside(bigrams, point, [all])
  const seeds = await fedkseed(bigrams, point, settings, { batchOf: shards })
  const loss = await lossBeside(bigrams, point, [all])
  assert.ok(loss < 0.7 * before, `${before} → ${loss}`)
  assert.equal(seeds.scalars.length, 64)
  assert.deepEqual(await rebuild(start(), seeds), point)
  const again = copyOf(start())
  assert.deepEqual(await fedkseed(bigrams, again, settings, { batchOf: shards }), seeds)
})

test('FedKSeed averages: clients that find the same move the weights as far as one of them', async () => {
  const scalarsOf = async (participants: number) => {
    const settings = run('fedkseed', { pool: 1, clients: 4, participants, rounds: 2, local_steps: 1 }) as any
    return (await fedkseed(bigrams, start(), settings, { batchOf: () => all })).scalars
  }
  const one = await scalarsOf(1)
  assert.notEqual(one[0], 0)
  assert.deepEqual(await scalarsOf(2), one)
  assert.deepEqual(await scalarsOf(4), one)
})

test('a run that stops after any step goes on to the same scalars and the same weights', async () => {
  const shards = batcher(sequences, { seed: 4, batch: 4, pad: 0 }, 3)
  const settings = run('fedkseed', {
    pool: 8,
    clients: 3,
    participants: 2,
    rounds: 5,
    local_steps: 3,
    epsilon: 1e-2,
  }) as any
  const ways = {
    mezo: (point: Point, journal: Journal) =>
      mezo(bigrams, point, run('mezo', { steps: 5, epsilon: 1e-2 }) as any, { batchOf: (k) => batchOf(0, k), journal }),
    fedkseed: (point: Point, journal: Journal) => fedkseed(bigrams, point, settings, { batchOf: shards, journal }),
  }
  for (const [name, way] of Object.entries(ways)) {
    const whole: Entry[] = []
    const point = start()
    const seeds = await way(point, { past: [], add: (entry) => void whole.push(entry) })
    assert.equal(whole.length, 5)
    for (const stop of [0, 1, 4, 5]) {
      const file = join(folder, `${name}-${stop}.jsonl`)
      writeFileSync(
        file,
        `${['id', ...whole.map((entry) => JSON.stringify(entry))].slice(0, stop + 1).join('\n')}\n{"step": 9, "lo`,
      )
      const journal = await openJournal(file, 'id')
      const rest: Entry[] = []
      const again = start()
      assert.deepEqual(await way(again, { past: journal.past, add: (entry) => void rest.push(entry) }), seeds)
      assert.deepEqual(again, point)
      assert.deepEqual([...journal.past, ...rest], whole)
    }
  }
  await assert.rejects(openJournal(join(folder, 'mezo-1.jsonl'), 'other'), /belongs to a run with other settings/)
})

test('4096 scalars make a file of less than 18 KB', async () => {
  assert.ok(
    (await writeSeeds(join(folder, 'pool.safetensors'), { seed: 1, scalars: new Float32Array(4096) }, 'f'.repeat(64))) <
      18_000,
  )
})

test('a client sees its own share of the items only', () => {
  const shares = batcher(sequences, { seed: 1, batch: 50, pad: 0 }, 3)
  const prompts = (part: number) => new Set(Array.from({ length: 50 }, (_, row) => shares(part, 0).ids[row * 3]))
  assert.deepEqual(
    [0, 1, 2].map((part) => [...prompts(part)].sort().join('')),
    ['0123', '0145', '2345'],
  )
})

test('files of something else and wrong recipes are refused', async () => {
  const file = join(folder, 'other.safetensors')
  writeFileSync(file, Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d]))
  await assert.rejects(readSeeds(file), /is not a delta of seeds and scalars/)
  await assert.rejects(readSeeds(join(folder, 'none')), /no such file/)
  assert.throws(() => run('fedkseed', { rounds: 1, participants: 30 }), /at most clients/)
  assert.throws(() => run('mezo', {}), /steps/)
})
