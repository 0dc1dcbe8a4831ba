// Which entries a pass must read: all, one strip, or a sample.
import { LONGEST_ROW } from './layout.js'
import type { Interval, Reduction } from './pass.js'

/** A tensor as passes see it. */
interface Strips {
  size: number
  strip: number
  columns: number
}

/** Entries of a run of a sample, at least. */
const RUN = 1 << 10
/** A sample is one run of so many, or of fewer where these would be less than so many runs. */
const SAMPLE = { oneOf: 128, least: 32 }

/** Runs of whole rows, one of each so many that follow each other: at places without a period, because rows may have one. */
function sampleRuns({ size, strip, columns }: Strips): Interval[] {
  const length = columns > LONGEST_ROW ? strip : columns * Math.max(1, Math.floor(RUN / columns))
  const count = Math.ceil(size / length)
  const every = Math.max(1, Math.min(SAMPLE.oneOf, Math.floor(count / SAMPLE.least)))
  return Array.from({ length: Math.ceil(count / every) }, (_, i) => {
    const from = (i * every + ((Math.imul(i, 0x9e3779b1) >>> 16) % every)) * length
    return { from, to: Math.min(size, from + length) }
  }).filter(({ from, to }) => from < to)
}

/** The runs of entries that reductions need; null for all. @param whole whether runs must be whole strips */
export function runsOf(reductions: readonly Reduction[], tensor: Strips, whole: boolean): Interval[] | null {
  const { size, strip } = tensor
  const finds = reductions.flatMap((each) => (each.sum === 'find' ? [each.strip] : []))
  const samples = reductions.filter((each) => each.sum === 'bracket' && each.sample)
  if (!reductions.length || finds.length + samples.length < reductions.length) return null
  const sample = samples.length ? sampleRuns(tensor) : []
  if (!whole && !finds.length) return sample
  const strips = new Set(finds)
  for (const { from, to } of sample) for (let n = Math.floor(from / strip); n * strip < to; n++) strips.add(n)
  return [...strips].sort((a, b) => a - b).map((n) => ({ from: n * strip, to: Math.min(size, (n + 1) * strip) }))
}
