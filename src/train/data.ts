// The batches of a training run: a pure function of (seed, step), so that a resumed run sees what it would have seen.
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { keyOf, uniformAt, type Batch } from '../tensor/index.js'
import { padBatch, sequenceOf, type Encoder, type Sequence } from '../tasks/sequence.js'
import { UserError } from '../errors/index.js'

/** Micro-batches of one step. */
export type Batches = (step: number) => Batch[]

async function* records(file: string, fields: readonly string[]): AsyncGenerator<Record<string, string>> {
  let line = 0
  try {
    for await (const text of createInterface({ input: createReadStream(file) })) {
      line++
      if (!text.trim()) continue
      const record = JSON.parse(text) as Record<string, string>
      const missing = fields.find((field) => typeof record[field] !== 'string')
      if (missing) throw new UserError(`${file}:${line}: a line must have the text field ${JSON.stringify(missing)}`)
      yield record
    }
  } catch (error) {
    if (error instanceof UserError) throw error
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new UserError(missing ? `${file}: no such file` : `${file}:${line}: ${(error as Error).message}`, { cause: error })
  }
}

/** Splits a step's rows into micro-batches of equal size (the last may be smaller). */
function split<T>(rows: readonly T[], parts: number): T[][] {
  const size = Math.ceil(rows.length / parts)
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, i) => rows.slice(i * size, (i + 1) * size))
}

interface Options {
  batch: number
  micro_batches: number
  seed: number
}

/** Random windows of the documents joined by end-of-text; every token but a window's first is predicted. */
export async function corpusBatches(file: string, encoder: Encoder, options: Options & { window: number }): Promise<Batches> {
  const tokens: number[] = []
  for await (const { text } of records(file, ['text'])) {
    for (const id of encoder.encode(text)) tokens.push(id)
    tokens.push(encoder.eos)
  }
  const stream = Int32Array.from(tokens)
  const { window, batch, seed } = options
  if (stream.length <= window) throw new UserError(`${file}: holds ${stream.length} tokens; a window of ${window} needs more`)
  const key = keyOf(seed, 'corpus')
  return (step) => split(Array.from({ length: batch }, (_, i) => i), options.micro_batches).map((rows) => {
    const sequences: Sequence[] = rows.map((row) => {
      const start = Math.floor(uniformAt(key, step * batch + row) * (stream.length - window))
      return { prompt: [], target: [...stream.subarray(start, start + window)] }
    })
    return padBatch(sequences, [...sequences.keys()], encoder.eos)
  })
}

/** Items in a new random order every epoch. */
export async function itemBatches(file: string, encoder: Encoder, options: Options): Promise<Batches> {
  const sequences: Sequence[] = []
  for await (const record of records(file, ['prompt', 'target'])) {
    sequences.push(sequenceOf(record as { prompt: string; target: string }, encoder))
  }
  if (!sequences.length) throw new UserError(`${file}: holds no items`)
  const orders = new Map<number, number[]>()
  const orderOf = (epoch: number) => {
    const known = orders.get(epoch)
    if (known) return known
    const order = [...sequences.keys()]
    const key = keyOf(options.seed, 'items', epoch)
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(uniformAt(key, i) * (i + 1))
      ;[order[i], order[j]] = [order[j], order[i]]
    }
    orders.clear()
    orders.set(epoch, order)
    return order
  }
  return (step) => {
    const rows = Array.from({ length: options.batch }, (_, i) => {
      const at = step * options.batch + i
      return orderOf(Math.floor(at / sequences.length))[at % sequences.length]
    })
    return split(rows, options.micro_batches).map((part) => padBatch(sequences, part, encoder.eos))
  }
}
