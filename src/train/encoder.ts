// Texts and pairs of texts for encoders: with hidden tokens to predict (masked language modelling), or with a label.

import { UserError } from '../errors/index.js'
import type { Batch } from '../models/index.js'
import { keyOf, uniformAt } from '../tensor/index.js'
import type { Encoded, Tokenizer } from '../tokenizer/index.js'
import { type Batches, type DataOptions, encodedBatch, type ItemVisit, readRecords, split, visits } from './data.js'

/** Of the tokens to predict: the share that is replaced by the mask, and the share replaced by a random token (Devlin et al. 2019). */
const HIDDEN = 0.8
const EXCHANGED = 0.1

async function readPairs<T>(
  file: string,
  tokenizer: Tokenizer,
  more: (record: Record<string, unknown>, where: string) => T,
): Promise<(T & Encoded)[]> {
  const rows = await readRecords(file, ['text'])
  const others = rows.map(({ record, where }) => more(record, where))
  const wrong = rows.find(({ record: { pair } }) => pair !== undefined && pair !== null && typeof pair !== 'string')
  if (wrong) throw new UserError(`${wrong.where}: pair must be a text; got ${JSON.stringify(wrong.record.pair)}`)
  const encoded = await tokenizer.encodePairs(
    rows.map(({ record: { text, pair } }) => ({ text, pair: (pair ?? undefined) as string | undefined })),
  )
  return encoded.map((each, i) => ({ ...each, ...others[i]! }))
}

/** The items of each step. Items of similar length share a micro-batch; without this, a third of a batch was padding. */
function visitsByLength(file: string, rows: readonly Encoded[], options: DataOptions): (step: number) => ItemVisit[][] {
  const visited = visits(file, rows.length, { ...options, micro_batches: 1 })
  const lengthOf = ({ item }: ItemVisit) => rows[item]!.ids.length
  return (step) =>
    split(
      visited(step)[0]!.sort((one, two) => lengthOf(one) - lengthOf(two)),
      options.micro_batches,
    )
}

/** Masked language modelling of {text, pair}. The hidden tokens are drawn again at every visit. @throws UserError without a mask token */
export async function maskedBatches(
  file: string,
  tokenizer: Tokenizer,
  options: DataOptions & { mask_rate: number },
): Promise<Batches> {
  const { mask, pad } = tokenizer
  if (mask === undefined)
    throw new UserError(`${file}: the tokenizer names no mask_token, which masked language modelling needs`)
  const rows = await readPairs(file, tokenizer, () => ({}))
  const special = new Set([...(await tokenizer.encodePairs([{ text: '' }]))[0]!.ids, pad, mask])
  const visited = visitsByLength(file, rows, options)
  return (step) =>
    visited(step).map((part) => {
      const batch = encodedBatch(
        part.map(({ item }) => rows[item]!),
        pad,
      )
      part.forEach(({ at }, row) =>
        hide(batch, row, keyOf(options.seed, 'mask', at), {
          rate: options.mask_rate,
          special,
          mask,
          vocabulary: tokenizer.vocabulary,
        }),
      )
      return batch
    })
}

interface Hiding {
  rate: number
  /** Ids that are never hidden. */
  special: ReadonlySet<number>
  /** The id that hides. */
  mask: number
  vocabulary: number
}

/** Hides a share `rate` of the tokens of one row of the batch, at least one. */
function hide(
  batch: Batch,
  row: number,
  key: ReturnType<typeof keyOf>,
  { rate, special, mask, vocabulary }: Hiding,
): void {
  const start = row * batch.columns
  const open = Array.from({ length: batch.columns }, (_, i) => start + i).filter(
    (at) => batch.mask[at] && !special.has(batch.ids[at]!),
  )
  if (open.length === 0) return
  const draw = (at: number, which: number) => uniformAt(key, 3 * (at - start) + which)
  const chosen = open.filter((at) => draw(at, 0) < rate)
  if (chosen.length === 0) chosen.push(open[Math.floor(uniformAt(key, 3 * batch.columns) * open.length)]!)
  for (const at of chosen) {
    batch.labels[at] = batch.ids[at]!
    const fate = draw(at, 1)
    if (fate < HIDDEN) batch.ids[at] = mask
    else if (fate < HIDDEN + EXCHANGED) batch.ids[at] = Math.floor(draw(at, 2) * vocabulary)
  }
}

/** {text, pair, label} with the class (or value) of each as its target; `outputs` classes, or 1 for a value. */
export async function labelledBatches(
  file: string,
  tokenizer: Tokenizer,
  outputs: number,
  options: DataOptions,
): Promise<Batches> {
  const rows = await readPairs(file, tokenizer, ({ label }, where) => {
    const fits =
      typeof label === 'number' && (outputs === 1 || (Number.isInteger(label) && label >= 0 && label < outputs))
    if (!fits)
      throw new UserError(
        `${where}: label must be ${outputs === 1 ? 'a number' : `a class from 0 to ${outputs - 1}`}; got ${JSON.stringify(label)}`,
      )
    return { label }
  })
  const visited = visitsByLength(file, rows, options)
  return (step) =>
    visited(step).map((part) => ({
      ...encodedBatch(
        part.map(({ item }) => rows[item]!),
        tokenizer.pad,
      ),
      targets: Float32Array.from(part, ({ item }) => rows[item]!.label),
    }))
}
