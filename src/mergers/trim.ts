// The trim step of TIES: how many entries of a delta are kept, of a tensor or of the whole model, and where the threshold lies.
import { z } from 'zod'
import { type EntriesProgram, findLargest, type TensorProgram, together } from '../kernels/index.js'
import { type Largest, largest, selectLargest, shareOf } from '../tensor/index.js'
import type { Convention, ScanContext, TensorPart, Walk } from './merger.js'
import { weight } from './sum.js'

const trimOptions = {
  drop_rate: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('Fraction of the entries, smallest first, that is dropped; 0.8 unless density is given.'),
  density: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('Fraction kept, as mergekit and peft write it; in place of drop_rate.'),
}

/** Options of a model that is trimmed and weighed. */
export const trimmedModel = z
  .strictObject({ weight, ...trimOptions })
  .refine((m) => m.drop_rate === undefined || m.density === undefined, {
    message: 'cannot stand beside density',
    path: ['drop_rate'],
  })

export interface Trim {
  drop_rate?: number | undefined
  density?: number | undefined
}

/**
 * Number of entries kept of n. Truncation is in float64, as in the tools: int(n (1 - p)) can differ from int(n × 0.1) at p = 0.9.
 * - paper (the authors' code): int(n K) + 1, the k-th smallest with k = n - int(n K) and all above it.
 * - mergelm: the int(n p)-th smallest and all above it.
 * - peft: int(n K). mergekit: the same, but at least 1.
 *
 * The editor `magnitude` counts differently in three conventions. Its `paper` is int(n K), as in the papers that use pruning as a
 * baseline. Its `mergelm` is MergeLM's pruning function, which drops the int(n p)-th smallest. Its `ties` keeps every tie, where the
 * merger breaks ties by index.
 */
function trimmedCount(n: number, { drop_rate: p = 0.8, density }: Trim, convention: Convention): number {
  const kept = density ?? 1 - p
  if (kept >= 1) return n
  if (convention === 'mergelm') return Math.min(n, n - Math.trunc(n * (density === undefined ? p : 1 - density)) + 1)
  const whole = density === undefined ? shareOf(n, kept) : Math.trunc(n * kept)
  if (convention === 'mergekit' && kept > 0) return Math.min(n, Math.max(1, whole))
  return Math.min(n, whole + (convention === 'paper' && kept > 0 ? 1 : 0))
}

/** Where the trim of one tensor cuts; says when it keeps nothing or when many entries are tied there. */
export function trimTensor(
  values: Float32Array,
  trim: Trim,
  convention: Convention,
  warn: (text: string) => void,
): Largest {
  const kept = trimmedCount(values.length, trim, convention)
  if (kept === values.length) return { threshold: 0, lastTie: kept - 1 }
  const cut = largest(values, kept)
  if (kept === 0) warn(`${values.length} entries: the number of kept ones rounds to 0`)
  if (cut.threshold === 0) return cut
  warnOfTies(cut.ties, values.length, warn)
  return cut
}

/** The trim of each model of one tensor, on kernels. */
export function* trimModels(
  trims: readonly Trim[],
  size: number,
  convention: Convention,
  warn: (text: string) => void,
): TensorProgram<void> {
  const warnings = yield* together(trims.map((trim) => trimOnKernels(trimmedCount(size, trim, convention), size)))
  // Said once all are through: which of them ends first is no order.
  for (const [i, texts] of warnings.entries()) for (const text of texts) warn(`trim of model ${i + 1}: ${text}`)
}

/** Returns what is to be said of it. */
function* trimOnKernels(kept: number, size: number): EntriesProgram<string[]> {
  const warnings: string[] = []
  if (kept === size) return warnings
  const [cut] = yield* findLargest([kept], size)
  if (kept === 0) warnings.push(`${size} entries: the number of kept ones rounds to 0`)
  else if (cut!.threshold > 0) warnOfTies(cut!.ties, size, (text) => warnings.push(text))
  yield { stage: 'keep', cut: cut!, scale: 1 }
  return warnings
}

/** More than 1 % of the entries at the threshold: which of them stay is decided by their index alone. */
function warnOfTies(ties: number, size: number, warn: (text: string) => void): void {
  if (ties > 0.01 * size && ties > 1)
    warn(`${ties} of ${size} entries are tied at the threshold; the lowest indices are kept`)
}

export interface WholeTrim {
  /** Per model. */
  cuts: Largest[]
  /** Index of a tensor's first entry in the flattened model. */
  offsets: Map<string, number>
}

/**
 * Where the trim of the whole models cuts: two passes of histograms, and a third for ties and for `visit`, which is given each
 * part with its own cuts.
 */
export async function trimWhole(
  walk: Walk,
  { modelOptions: trims, convention, warn }: Pick<ScanContext<unknown, Trim>, 'modelOptions' | 'convention' | 'warn'>,
  visit?: (models: Float32Array[], cuts: Largest[]) => Promise<void>,
): Promise<WholeTrim> {
  const offsets = new Map<string, number>()
  let size = 0
  const selections = trims.map((trim) => selectLargest((all) => trimmedCount(all, trim, convention)))
  const pass = async (each: (part: TensorPart) => unknown) => {
    for await (const part of walk()) {
      selections.forEach((selection, i) => selection.add(part.models[i]!))
      await each(part)
    }
    for (const selection of selections) selection.endPass()
  }
  await pass(({ name, models }) => {
    offsets.set(name, size)
    size += models[0]!.length
  })
  if (selections.some(({ result }) => !result)) await pass(() => undefined)
  if (visit || selections.some(({ result }) => !result)) {
    await pass(({ name, models }) =>
      visit?.(
        models,
        selections.map((selection) => inPart(selection.soFar(), offsets.get(name)!)),
      ),
    )
  }
  for (const [i, { result, ties }] of selections.entries()) {
    if (result!.threshold === Infinity)
      warn(`trim of model ${i + 1}: ${size} entries: the number of kept ones rounds to 0`)
    else if (result!.threshold > 0) warnOfTies(ties, size, (text) => warn(`trim of model ${i + 1}: ${text}`))
  }
  return { cuts: selections.map(({ result }) => result!), offsets }
}

/** The cut of a run of entries that begins at `offset`. */
export const inPart = ({ threshold, lastTie }: Largest, offset: number): Largest => ({
  threshold,
  lastTie: lastTie - offset,
})
