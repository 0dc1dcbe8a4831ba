// A random model of any size, for tests of speed, memory and streaming. Worker threads draw blocks of rows; no tensor is in
// memory whole.

import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import {
  type Checkpoint,
  companionsOf,
  type TensorContent,
  type WritableDtype,
  writeCheckpoint,
} from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { checkTarget } from '../files/index.js'
import { loadModel, modelOf } from '../models/index.js'
import { track } from '../progress/index.js'
import { openModel, resolveInputs } from '../sources/index.js'
import { countEntries } from '../tensor/index.js'
import type { Part } from './layout.js'
import type { DrawJob, DrawSetup } from './random-worker.js'

export interface RandomOptions {
  /** As config.json has it. */
  config: Record<string, unknown>
  /** Its text, whose spelling is kept. */
  configText?: string
  seed: number
  dtype: WritableDtype
  /** Model whose tokenizer is copied: folder, or name on the hub. */
  tokenizer?: string | undefined
  /** A model to start from: the result is its weights + `amount` × fresh weights. */
  near?: string | undefined
  amount: number
  overwrite?: boolean
}

/** Entries of a block: whole rows, as many as fit, and at least one. */
const BLOCK = 1 << 21

/**
 * Writes fresh weights (those that training starts from), or weights near another model's. Returns the number of parameters.
 * @throws UserError for a config that no architecture understands, or that the model `near` does not fit
 */
export async function writeRandom(
  out: string,
  { config, configText, seed, dtype, tokenizer, near, amount, overwrite }: RandomOptions,
): Promise<number> {
  const origin = near === undefined ? null : await openModel(near)
  try {
    const { shapes, width, shifted = [] } = origin ? modelOf({ ...origin, config }, near!) : loadModel(config)
    if (!(amount > 0)) throw new UserError(`--amount must be above 0; got ${amount}`)
    const parts = Object.entries(shapes).flatMap(([name, shape]) => splitRows(name, shape))
    if (near !== undefined) await checkTarget(out, resolve(out), overwrite ?? false, [near])
    const parameters = parts.reduce((sum, { size }) => sum + size, 0)
    const tokenizerFrom =
      tokenizer === undefined ? (origin ? companionsOf(origin) : undefined) : await resolveInputs(tokenizer)
    const bytes = dtype === 'F32' ? 4 : 2
    await track({ name: 'write', unit: 'bytes', total: bytes * parameters }, ({ add }) => {
      const onBlock = (name: string, entries: number) => add(bytes * entries, name)
      return writeCheckpoint(out, {
        plan: Object.entries(shapes).map(([name, shape]) => ({ name, shape, dtype })),
        tensors: noteBlocks(drawParts(parts, { seed, width, shifted, amount }, origin), onBlock),
        config,
        configText,
        tokenizerFrom,
        overwrite,
      })
    })
    return parameters
  } finally {
    await origin?.close()
  }
}

/** The blocks of rows of a tensor, in order. */
function splitRows(name: string, shape: number[]): Part[] {
  const entries = countEntries(shape)
  const row = entries / (shape[0] ?? 1)
  const step = Math.max(1, Math.floor(BLOCK / row)) * row
  const parts: Part[] = []
  for (let first = 0; first < entries; first += step)
    parts.push({ name, shape, first, size: Math.min(step, entries - first) })
  return parts
}

/** Draws the parts on all cores; they come in any order. Each thread has one part at a time. */
async function* drawParts(
  parts: readonly Part[],
  setup: DrawSetup,
  near: Checkpoint | null,
): AsyncGenerator<TensorContent> {
  const script = new URL('./random-worker.js', import.meta.url)
  const workers = Array.from(
    { length: Math.min(availableParallelism(), parts.length) },
    () => new Worker(script, { workerData: setup }),
  )
  let next = 0
  const running = new Map<Worker, Promise<{ worker: Worker; content: TensorContent }>>()
  /** Gives the next part, if there is one, to a thread. */
  const start = (worker: Worker) => {
    running.delete(worker)
    const part = parts[next++]
    if (!part) return
    const answer = ask(worker, part, near).then((content) => ({ worker, content }))
    // Where writing fails first, nobody waits for the parts under way, which may fail too.
    answer.catch(() => {})
    running.set(worker, answer)
  }
  try {
    for (const worker of workers) start(worker)
    while (running.size) {
      const { worker, content } = await Promise.race(running.values())
      start(worker)
      yield content
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}

/** One part from one thread. */
async function ask(worker: Worker, part: Part, near: Checkpoint | null): Promise<TensorContent> {
  const { name, first, size } = part
  const before = near && (await near.readEntries(name, { from: first, to: first + size }))
  const values = await new Promise<Float32Array>((resolve, reject) => {
    worker.once('error', reject)
    worker.once('message', (answer: Float32Array) => (worker.off('error', reject), resolve(answer)))
    worker.postMessage({ part, before } satisfies DrawJob, before ? [before.buffer as ArrayBuffer] : [])
  })
  return { name, values, first }
}

async function* noteBlocks(
  contents: AsyncIterable<TensorContent>,
  onBlock: (name: string, entries: number) => void,
): AsyncGenerator<TensorContent> {
  for await (const content of contents) {
    yield content
    onBlock(content.name, content.values!.length)
  }
}
