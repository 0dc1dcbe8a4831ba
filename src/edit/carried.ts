// The report of an extraction: how much of the change the adapter carries, what it stores whole, and what it leaves out.
import { firstFew } from '../errors/index.js'
import type { ExtractSummary } from './extract.js'

/** Tensors that a sentence names. */
const NAMED = 6

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`
const list = (names: readonly string[]): string => firstFew(names, NAMED)
const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** Sentences with their weight, and the line of the result. */
export function describeExtract({
  tensors,
  parameters,
  stored,
  whole,
  energy,
  matrices,
  left,
  names,
}: ExtractSummary): { notes: string[]; warnings: string[]; text: string } {
  const groups = <T extends { why: string | null }>(all: readonly T[]) =>
    [...new Set(all.map(({ why }) => why))].flatMap((why) =>
      why === null ? [] : [{ why, these: all.filter((each) => each.why === why) }],
    )
  const notes = groups(whole).map(
    ({ why, these }) => `stored whole, because ${why}: ${list(these.map(({ name }) => name))}`,
  )
  const warnings = groups(left).map(({ why, these }) => {
    const share = these.reduce((sum, each) => sum + each.share, 0)
    return `${plural(these.length, 'changed tensor')} with ${percent(share)} of the squared norm ${these.length === 1 ? 'is' : 'are'} not in the adapter (${why}): ${list(these.map(({ name }) => name))}`
  })
  const parts = [
    ...(tensors ? [`${tensors} matrices of ${parameters} parameters as factors`] : []),
    ...(whole.length ? [`${plural(whole.length, 'tensor')} whole`] : []),
  ]
  const ofThese = tensors ? ` (${percent(matrices)} of these matrices')` : ''
  return {
    notes: names === null ? notes : [...notes, names],
    warnings,
    text: `${parts.join(', ')}: ${stored} numbers that hold ${percent(energy)} of the squared norm of everything that changed${ofThese}`,
  }
}
