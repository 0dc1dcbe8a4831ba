// Where the k-th largest magnitudes of a tensor lie. A sample tells about where, and one pass over all entries counts those above and
// lists those near; the answer is exact, because the counts prove it. The idea is that of SELECT (Floyd, Rivest 1975).

import type { PassAnswer } from './answer.js'
import { type Bracket, type Bracketed, readBracket, SAMPLED } from './bracket.js'
import type { Largest, Reduction } from './pass.js'
import { floatOf } from './pattern.js'
import { type EntriesProgram, type Question, together } from './program.js'
import { Ranked } from './ranked.js'

/** Where a selection cuts. */
export interface FoundCut extends Largest {
  /** Number of entries above the threshold. */
  above: number
  /** Number of entries of its very magnitude. */
  ties: number
}

/** More than the bits of any magnitude. */
const NONE = 0x7fffffff
const ALL: Bracket = { low: 0, high: NONE, first: NONE, second: NONE }

type Ends = Pick<Bracket, 'low' | 'high'>

/** A threshold that is found: its bits, how many entries are above and how many equal, and the index of the last of these that is kept. */
interface Found {
  bits: number
  above: number
  ties: number
  /** Or where it is: the n-th of a strip. */
  last: number | { strip: number; n: number }
}

/**
 * Where the k-th largest magnitudes lie among `size` entries, for each k of a list; ties go to the lowest index. Exact. A tensor is read
 * once, and a sample of it before where it is large; rarely again, where the sample misled.
 */
export function* findLargest(wanted: readonly number[], size: number): EntriesProgram<FoundCut[]> {
  for (const k of wanted) if (!(k >= 0 && k <= size)) throw new Error(`cannot keep ${k} of ${size} entries`)
  const asked = wanted.filter((k) => k > 0)
  const [answer] = asked.length ? yield [{ sum: 'cuts', wanted: asked }] : []
  let at = 0
  return wanted.map((k): FoundCut => {
    if (k === 0) return { threshold: Number.POSITIVE_INFINITY, lastTie: -1, above: 0, ties: 0 }
    const [threshold, lastTie, above, ties] = answer!.subarray(at, (at += CUT)) as unknown as Cut
    return { threshold, lastTie, above, ties }
  })
}

/** The answer for one cut. */
type Cut = [threshold: number, lastTie: number, above: number, ties: number]
const CUT = 4

/** The passes that answer reductions on a tensor of `size` entries: each step asks for those of one. Returns the answers. */
export function* searchCuts(reductions: readonly Reduction[], size: number): Search {
  const search = together(
    // A question is of its reduction's number, until it is asked.
    reductions.map((each) => (each.sum === 'cuts' ? searchLargest(each.wanted, size) : askOnce(each))),
  )
  for (let step = search.next([]); ; ) {
    if (step.done) return step.value
    const asked = (step.value as { reductions: readonly Reduction[] }).reductions
    step = search.next(yield asked.map((each) => ({ ...each, of: reductions[each.of as number]!.of })))
  }
}

type Search = Generator<readonly Reduction[], PassAnswer[], readonly PassAnswer[]>

function* askOnce(question: Question): EntriesProgram<PassAnswer> {
  const [answer] = yield [question]
  return answer!
}

function* searchLargest(wanted: readonly number[], size: number): EntriesProgram<PassAnswer> {
  const found: Found[] = []
  let aims = new Map([...wanted.keys()].map((i) => [i, ALL]))
  if (size > SAMPLED) {
    const [answer] = yield [{ sum: 'bracket', ...ALL, sample: true }]
    const sample = new Ranked(readBracket(answer as Int32Array).bits, 0, NONE)
    aims = new Map([...aims.keys()].map((i) => [i, aimAt(sample, wanted[i]! / size, ALL)]))
  }
  while (aims.size) {
    const brackets = [...new Set(aims.values())]
    const answers = (yield brackets.map((bracket): Question => ({ sum: 'bracket', ...bracket }))).map((answer) =>
      readBracket(answer as Int32Array),
    )
    const next: typeof aims = new Map()
    for (const [i, bracket] of aims) {
      const result = narrow(wanted[i]!, bracket, answers[brackets.indexOf(bracket)]!)
      if ('bits' in result) found[i] = result
      else next.set(i, result)
    }
    aims = next
  }
  return yield* cutsAt(found, wanted, size)
}

/** Finds the last ties that are not known. */
function* cutsAt(found: readonly Found[], wanted: readonly number[], size: number): EntriesProgram<PassAnswer> {
  const questions = found.flatMap(({ bits, last }): Question[] =>
    typeof last === 'number' ? [] : [{ sum: 'find', bits, ...last }],
  )
  const answers = questions.length ? [...(yield questions)] : []
  const cuts = wanted.flatMap((k, i): Cut => {
    const { bits, above, ties, last } = found[i]!
    const tie = typeof last === 'number' ? last : answers.shift()![0]!
    return [floatOf(bits), above + ties === k ? size - 1 : tie, above, ties]
  })
  return Float64Array.from(cuts)
}

/** From the answer to a bracket, the k-th largest, or a smaller bracket that holds it. */
function narrow(k: number, { low, high, first, second }: Bracket, answer: Bracketed): Found | Bracket {
  const { over, inside, every, equal, bits } = answer
  if (k <= over) return { ...ALL, low: high + 1 }
  const gaps = [
    { low: first + 1, high },
    { low: second + 1, high: first - 1 },
    { low, high: second - 1 },
  ]
  let [above, listed] = [over, 0]
  for (const [i, gap] of gaps.entries()) {
    const size = inside[i]!
    if (k <= above + size) {
      if (every === 1) return nthIn(answer, { low, high }, { n: listed + k - above, before: above - listed })
      const near = bits.filter((each) => each >= gap.low && each <= gap.high)
      return aimAt(new Ranked(near, gap.low, gap.high), (k - above) / size, gap)
    }
    above += size
    listed += size
    const mark = [first, second][i]
    if (mark === undefined || (i === 1 && first === second)) continue
    const strips = equal.filter((_, at) => at % 2 === i)
    const ties = strips.reduce((sum, n) => sum + n, 0)
    if (k <= above + ties) return { bits: mark, above, ties, last: placeOf(k - above, strips) }
    above += ties
  }
  return { ...ALL, high: low - 1 }
}

/** The n-th largest of a list from `low` to `high` that is complete. @param rank and how many entries above it are not listed */
function nthIn({ bits, indexOf }: Bracketed, { low, high }: Ends, { n, before }: { n: number; before: number }): Found {
  const { value, above, equal } = new Ranked(bits, low, high).nth(n)
  let tie = -1
  for (let left = n - above; left > 0; left--) tie = bits.indexOf(value, tie + 1)
  return { bits: value, above: before + above, ties: equal, last: indexOf(tie) }
}

/** Where the n-th tie is, from the ties in each strip. */
function placeOf(n: number, equal: Int32Array): { strip: number; n: number } {
  let [strip, left] = [0, n]
  for (; equal[strip]! < left; strip++) left -= equal[strip]!
  return { strip, n: left }
}

/** Runs of the sample whose counts tell how far it may be from the tensor. */
const BATCHES = 16
/** Standard errors that a bracket reaches to both sides. */
const ERRORS = 3.5

/**
 * A bracket around the entry above which this share of a tensor lies, from a sample in the order of the indices. Entries of a row are alike,
 * so the standard error is that of batch means, where it is more than that of independent draws.
 * @param low least magnitude of what was sampled, and `high` the largest
 */
function aimAt(sample: Ranked, share: number, { low, high }: Ends): Bracket {
  const { size } = sample
  if (!size) return { ...ALL, low, high }
  const rank = share * size
  const pivot = sample.nth(rank).value
  const above = sample.countAbove(pivot, BATCHES)
  const mean = above.reduce((sum, n) => sum + n, 0) / BATCHES
  const between = above.reduce((sum, n) => sum + (n - mean) ** 2, 0) * (BATCHES / (BATCHES - 1))
  const reach = 1 + ERRORS * Math.sqrt(Math.max(between, rank * (1 - share), 1))
  const [least, most] = [sample.nth(rank + reach), sample.nth(rank - reach)]
  // The end that more entries equal is the other mark: deltas of rounded weights have few magnitudes, with many entries each.
  const [below, beyond] = [least, most].map(({ value, equal }) => (value === pivot ? 0 : equal))
  const mark = (below! > beyond! ? least : most).value
  return {
    low: rank + reach > size ? low : least.value,
    high: rank - reach < 1 ? high : most.value,
    first: Math.max(mark, pivot),
    second: Math.min(mark, pivot),
  }
}
