// The batches of a training run. They depend on seed and step alone, so a resumed run sees the same batches. This file has
// what all kinds of data share; each kind has a file of its own.

import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { UserError } from '../errors/index.js'
import { type Batch, padBatch } from '../models/index.js'
import { checkFile, parseJson } from '../schema/index.js'
import { keyOf, uniformAt } from '../tensor/index.js'
import type { Encoded } from '../tokenizer/index.js'

/** Micro-batches of one step. */
export type Batches = (step: number) => Batch[]

export interface DataOptions {
  batch: number
  micro_batches: number
  seed: number
}

/** A line of a JSONL file. */
export interface Placed<Field extends string> {
  record: Record<string, unknown> & Record<Field, string>
  /** Path and number of the line. */
  where: string
}

/** The lines of a JSONL file. @throws UserError with path and line: not JSON, or without one of the text fields */
export async function readRecords<Field extends string>(
  file: string,
  fields: readonly Field[],
): Promise<Placed<Field>[]> {
  const found: Placed<Field>[] = []
  let line = 0
  checkFile(file)
  for await (const text of createInterface({ input: createReadStream(file) })) {
    line++
    if (!text.trim()) continue
    const where = `${file}:${line}`
    const record = parseJson(text, where) as Placed<Field>['record'] | null
    const missing = fields.find((field) => typeof record?.[field] !== 'string')
    if (missing) throw new UserError(`${where}: a line must have the text field ${JSON.stringify(missing)}`)
    found.push({ record: record!, where })
  }
  return found
}

/** Splits a step's rows into micro-batches of equal size (the last may be smaller). */
export function split<T>(rows: readonly T[], parts: number): T[][] {
  const size = Math.ceil(rows.length / parts)
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, i) => rows.slice(i * size, (i + 1) * size))
}

/** A row of a step: its item, and its number in the whole run, which keys the random draws for it. */
export interface ItemVisit {
  item: number
  at: number
}

/** The items of each step, in a new random order every epoch. @throws UserError for no items */
export function visits(
  file: string,
  count: number,
  { batch, micro_batches, seed }: DataOptions,
): (step: number) => ItemVisit[][] {
  if (count === 0) throw new UserError(`${file}: holds no items`)
  const orders = new Map<number, number[]>()
  const orderOf = (epoch: number) => {
    const known = orders.get(epoch)
    if (known) return known
    const order = Array.from({ length: count }, (_, i) => i)
    const key = keyOf(seed, 'items', epoch)
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(uniformAt(key, i) * (i + 1))
      ;[order[i], order[j]] = [order[j]!, order[i]!]
    }
    orders.clear()
    orders.set(epoch, order)
    return order
  }
  return (step) => {
    const rows = Array.from({ length: batch }, (_, i) => {
      const at = step * batch + i
      return { item: orderOf(Math.floor(at / count))[at % count]!, at }
    })
    return split(rows, micro_batches)
  }
}

/** A padded batch without labels; `items` count from 0. */
export function encodedBatch(rows: readonly Encoded[], pad: number): Batch {
  const batch = padBatch(
    rows.map(({ ids }) => ({ prompt: ids, target: [] })),
    [...rows.keys()],
    pad,
  )
  const types = new Int32Array(batch.ids.length)
  rows.forEach((row, i) => types.set(row.types, i * batch.columns))
  return { ...batch, types }
}
