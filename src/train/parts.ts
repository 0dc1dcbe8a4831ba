// Targets in parts, for intrinsic self-correction (Han et al. 2024, arXiv 2401.07301): a first answer, the judgement of it, and, where the
// first answer is wrong, the correction. Partial answer masking leaves the tokens of a wrong first answer out of the loss; a right one
// is learned like any answer.
import { UserError } from '../errors/index.js'
import type { Sequence } from '../models/index.js'
import { type Encoder, sequencesOf } from '../tasks/index.js'
import { type Placed, readRecords } from './data.js'

/** A prompt with the text of its target. */
interface PromptAndTarget {
  prompt: string
  target: string
  /** The wrong first answer that the target begins with. */
  wrong?: string
  /** Path and line. */
  where: string
}

const PARTS = ['first', 'judgement', 'correction'] as const

/**
 * The sequences of a file of items. Where `mask` is given, wrong first answers have no labels.
 * @throws UserError with path and line: a field that is missing or empty; with `mask`, a target that is not in parts, or whose
 *   tokens cannot be parted
 */
export async function readItems(file: string, encoder: Encoder, mask: boolean): Promise<Sequence[]> {
  const records = await readRecords(file, ['prompt'])
  const items = records.map(itemOf)
  const sequences = await sequencesOf(items, encoder)
  if (!mask) return sequences
  const whole = records.find(({ record: { first } }) => first === undefined || first === null)
  if (whole)
    throw new UserError(
      `${whole.where}: mask: partial_answer needs the target in parts, and this line has it whole; write "first" and "judgement" in place of "target", and "correction" where the first answer is wrong`,
    )
  if (!items.some(({ wrong }) => wrong !== undefined))
    throw new UserError(
      `${file}: no line has a "correction", so all first answers are right, and mask: partial_answer would leave out nothing`,
    )
  const firsts = await encoder.encode(items.map(({ wrong = '' }) => wrong))
  return sequences.map((sequence, i) => {
    const { wrong, where } = items[i]!
    const first = firsts[i]!
    if (wrong === undefined) return sequence
    if (first.some((id, at) => id !== sequence.target[at]))
      throw new UserError(
        `${where}: the tokenizer joins the end of "first" with the beginning of "judgement", so the loss cannot leave out the one without the other; begin "judgement" with a line break or a space`,
      )
    return { ...sequence, unscored: first.length }
  })
}

/** @throws UserError for parts that are missing, empty or of no use together */
function itemOf({ record, where }: Placed<'prompt'>): PromptAndTarget {
  const { prompt, target, first, judgement, correction } = record
  const given = PARTS.filter((part) => record[part] !== undefined && record[part] !== null)
  if (given.length === 0) {
    if (typeof target !== 'string')
      throw new UserError(
        `${where}: a line must have the text field "target", or its parts "first", "judgement" and, where the first answer is wrong, "correction"`,
      )
    return { prompt, target, where }
  }
  for (const part of ['first', 'judgement', ...given]) {
    const text = record[part]
    if (typeof text !== 'string')
      throw new UserError(
        `${where}: a target in parts needs the text ${JSON.stringify(part)}; got ${JSON.stringify(text)}`,
      )
    if (text.trim() === '')
      throw new UserError(
        `${where}: ${JSON.stringify(part)} is empty${part === 'correction' ? '; leave it out where the first answer is right' : ''}`,
      )
  }
  const parts = [first, judgement, correction ?? ''].join('')
  if (target !== undefined && target !== parts)
    throw new UserError(`${where}: "target" is not "first", "judgement" and "correction" in a row; leave it out`)
  if (typeof correction !== 'string') return { prompt, target: parts, where }
  if (correction.trim() === String(first).trim())
    throw new UserError(
      `${where}: "first" is the correction itself, ${JSON.stringify(first)}; a right first answer is confirmed and has no "correction"`,
    )
  return { prompt, target: parts, wrong: String(first), where }
}
