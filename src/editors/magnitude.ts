// Magnitude pruning: keeps the largest entries of a delta (the trim step of TIES), by tensor, row or model.
import { z } from 'zod'
import {
  type EntriesProgram,
  findLargest,
  LONGEST_ROW,
  type ProgramTensor,
  type Stage,
  sumOf,
} from '../kernels/index.js'
import { countEntries, keepLargest, type Largest, largest, selectLargest, shareOf } from '../tensor/index.js'
import { sparseBits } from './bits.js'
import { defineEditor } from './define.js'
import type { ModelDeltas, ScannedTensor } from './editor.js'
import { groupsOf, keepNorm, l1Factor, scaleEntries } from './factors.js'

const options = z
  .strictObject({
    drop_rate: z.number().min(0).max(1).describe('Fraction p of the entries, smallest first, that is dropped.'),
    rescale: z
      .boolean()
      .default(false)
      .describe(
        'Multiply the kept entries by 1/(1 - p), in mergekit to the L1 norm before; harmful (MergeLM), kept for comparison.',
      ),
    granularity: z
      .enum(['tensor', 'row', 'model'])
      .default('tensor')
      .describe('Whether entries compete within their tensor, their row (DELLA) or the model (TIES).'),
    convention: z
      .enum(['paper', 'peft', 'mergekit', 'mergelm', 'ties'])
      .default('paper')
      .describe(
        'Kept of n: int((1 - p) n), in mergekit at least 1, ties to the lowest index; mergelm drops int(pn) with all ties; ties keeps one more and all ties.',
      ),
  })
  .refine((o) => !o.rescale || o.drop_rate < 1 || o.convention === 'mergekit', {
    message: 'must be below 1 when rescale is true',
    path: ['drop_rate'],
  })
  .refine((o) => o.granularity !== 'model' || o.convention !== 'mergekit' || !o.rescale, {
    message: 'of mergekit is by tensor',
    path: ['rescale'],
  })

type Options = z.infer<typeof options>

/** trunc((1 - p) n), as in peft and mergekit. */
const keptCount = (n: number, p: number) => shareOf(n, 1 - p)

/** Rank (1 = largest magnitude) of the entry whose magnitude is the threshold. mergelm drops this entry, the others keep it. */
function placeOf(n: number, { convention, drop_rate }: Options): number {
  if (convention === 'mergelm') return n - Math.trunc(n * drop_rate) + 1
  const least = convention === 'mergekit' && drop_rate < 1 ? 1 : 0
  return Math.min(n, Math.max(least, keptCount(n, drop_rate)) + (convention === 'ties' ? 1 : 0))
}

/** The cut at the threshold: mergelm drops all entries tied there, `ties` keeps them all, the others keep the lowest indices. */
function cutAt(found: Largest | null, convention: Options['convention']): Largest {
  if (!found) return { threshold: 0, lastTie: Infinity }
  return convention === 'mergelm'
    ? { ...found, lastTie: -1 }
    : convention === 'ties'
      ? { ...found, lastTie: Infinity }
      : found
}

/** One cut for all entries, or a factor for each entry where each row has its own cut. */
interface Scan {
  cut?: Largest | undefined
  factors?: Float32Array
  scale: number
  kept: number
  /** Entries equal to the threshold that share it with others. */
  ties: number
}

function scanTensor(
  values: Float32Array,
  options: Options,
  { shape, model, tensor }: ScannedTensor & { model: ModelCut | undefined },
): Scan {
  const { granularity, convention, drop_rate, rescale } = options
  const restore = rescale && convention === 'mergekit'
  const factors = granularity === 'row' || restore ? new Float32Array(values.length) : null
  let [cut, ties, kept] = [undefined as Largest | undefined, 0, 0]
  for (const [begin, end] of groupsOf(shape, granularity)) {
    const place = placeOf(end - begin, options)
    cut =
      granularity === 'model'
        ? localCut(model!, tensor)
        : cutAt(place > end - begin ? null : largest(values.subarray(begin, end), place), convention)
    let equal = 0
    for (let i = begin; i < end; i++) {
      const magnitude = Math.abs(values[i]!)
      if (magnitude === cut.threshold) equal++
      if (magnitude > cut.threshold || (magnitude === cut.threshold && i - begin <= cut.lastTie)) {
        kept++
        if (factors) factors[i] = 1
      }
    }
    // Ties at 0 do not matter: zeros stay zero.
    if (equal > 1 && cut.threshold > 0) ties += equal
  }
  const scale = !rescale ? 1 : restore ? l1Factor(values, factors!) : 1 / (1 - drop_rate)
  if (granularity !== 'row') return { cut, scale, kept, ties }
  return { factors: factors!.map((factor) => factor * scale), scale, kept, ties }
}

/** The cut of the whole model, and the index of each tensor's first entry among all entries. */
interface ModelCut {
  cut: Largest
  starts: Map<string, number>
}

const localCut = ({ cut, starts }: ModelCut, tensor: string): Largest => ({
  ...cut,
  lastTie: cut.lastTie - starts.get(tensor)!,
})

async function scanModel(deltas: ModelDeltas, options: Options): Promise<ModelCut> {
  const starts = new Map<string, number>()
  let n = 0
  for await (const [name, values] of deltas()) {
    starts.set(name, n)
    n += values.length
  }
  const place = placeOf(n, options)
  const selection = selectLargest(() => Math.min(n, place))
  while (!selection.result) {
    for await (const [, values] of deltas()) selection.add(values)
    selection.endPass()
  }
  return { cut: cutAt(place > n ? null : selection.result, options.convention), starts }
}

/** What is said of a tensor of n entries of which nothing is kept, or many are tied. */
function warningsOf(
  { drop_rate, granularity, convention }: Options,
  n: number,
  { cut, kept, ties }: Pick<Scan, 'cut' | 'kept' | 'ties'>,
): string[] {
  const out: string[] = []
  if (kept === 0 && drop_rate < 1 && (granularity !== 'model' || cut!.threshold === Infinity))
    out.push(`keeps none of ${n} entries`)
  if (ties > n / 100) {
    const fate =
      convention === 'mergelm'
        ? 'all of them are dropped'
        : convention === 'ties'
          ? 'all of them are kept'
          : 'their index decides which stay'
    out.push(`finds ${((100 * ties) / n).toFixed(1)} % of ${n} entries tied at the threshold: ${fate}`)
  }
  return out
}

/** The whole tensor as one group, on kernels. */
function* keepTensor(options: Options, size: number): EntriesProgram<readonly string[]> {
  const { convention, drop_rate, rescale } = options
  const restores = rescale && convention === 'mergekit'
  const place = placeOf(size, options)
  const found = place > size ? null : (yield* findLargest([place], size))[0]!
  const cut = cutAt(found, convention)
  const keep: Stage = { stage: 'keep', cut, scale: rescale && !restores ? 1 / (1 - drop_rate) : 1 }
  if (restores) yield* keepNorm([keep])
  else yield keep
  const ties = found && found.threshold > 0 && found.ties > 1 ? found.ties : 0
  const kept = !found
    ? size
    : convention === 'mergelm'
      ? found.above
      : convention === 'ties'
        ? found.above + found.ties
        : place
  return warningsOf(options, size, { cut, kept, ties })
}

/** Which of the entries tied at the threshold are kept, by convention. */
const TIES: Partial<Record<Options['convention'], 'all' | 'none'>> = { ties: 'all', mergelm: 'none' }

/** Each row as a group, on kernels. */
function* keepInRows(options: Options, { size, columns }: ProgramTensor): EntriesProgram<readonly string[]> {
  const { convention, drop_rate, rescale } = options
  const restores = rescale && convention === 'mergekit'
  const place = placeOf(columns, options)
  let tied = 0
  const keep: Stage[] = []
  if (place <= columns) {
    const [counts] = yield [{ sum: 'rowTies', k: place }]
    tied = sumOf(counts!)
    keep.push({ stage: 'keepRows', k: place, ties: TIES[convention] ?? 'first', scale: 1 })
  }
  if (restores) yield* keepNorm(keep)
  else yield* keep
  // Without ties at the threshold no zero is kept.
  const [kept] = convention === 'mergelm' && place <= columns ? yield [{ sum: 'nonZero' }] : []
  if (rescale && !restores) yield { stage: 'scale', factor: 1 / (1 - drop_rate) }
  return warningsOf(options, size, { kept: kept ? sumOf(kept) : place * (size / columns), ties: tied })
}

export const magnitude = defineEditor({
  name: 'magnitude',
  title: 'Keeps the entries of largest magnitude.',
  cite: 'Yadav et al. 2023 (TIES, trim), arXiv 2306.01708; as a baseline: Yu et al. 2024, arXiv 2311.03099',
  options,
  axis: 'drop_rate',
  neutral: { drop_rate: 0 },
  reads: 'model',
  byRow: ({ granularity }) => granularity === 'row',
  needsModel: ({ granularity }) => granularity === 'model',
  scanModel,
  scanTensor,
  edit: (delta, { scanned: { cut, factors, scale }, offset }) =>
    factors ? scaleEntries(delta, factors, offset) : keepLargest(delta, cut!, { offset, scale }),
  program: (options, tensor) => {
    if (options.granularity === 'tensor') return keepTensor(options, tensor.size)
    return options.granularity === 'row' && tensor.columns <= LONGEST_ROW ? keepInRows(options, tensor) : null
  },
  warnings: (options, { shape, scanned }) => warningsOf(options, countEntries(shape), scanned),
  /** min(16n, n + 16 kept, kept (16 + ceil(log2 n))): dense, bitmask and values, or values with indices. */
  bits: (_, { shape, kept }) => sparseBits(shape, kept),
})
