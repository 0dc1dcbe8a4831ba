// What a stage chooses at random, one bit for each entry; and the same for the next passes, in memory that threads share.
import { choiceBytes, choicesBytes } from './layout.js'
import type { Stage, TensorPass } from './pass.js'
import type { StepParts, Strip, StripStep, ValuesPlace } from './step.js'

/** A stage that drops what it chooses at random, and multiplies the others all by the same. */
export type Choice = Extract<Stage, { stage: 'select' }> | (Extract<Stage, { stage: 'prune' }> & { factors: null })

export const isChoice = (stage: Stage): stage is Choice =>
  stage.stage === 'select' || (stage.stage === 'prune' && stage.factors === null)

/** Where choices are noted. */
interface Notes {
  /** For each strip of the tensor, 1 where its choices are there. */
  marks: Uint8Array
  /** The choices of all strips. */
  bits: Uint8Array
}

function notesOf(choices: SharedArrayBuffer, { size, strip }: Pick<TensorPass, 'size' | 'strip'>): Notes {
  const { marks, all } = choicesBytes(size, strip)
  return { marks: new Uint8Array(choices, 0, marks), bits: new Uint8Array(choices, marks, all - marks) }
}

/**
 * The step that sets the bits of a strip where an entry is dropped: as an earlier pass noted it, or drawn, and noted for the next ones.
 * @param table address of what the stage looks up
 */
export function chooseStep(
  { kernels, memory, at, pass }: StepParts,
  choice: Choice,
  { address, moves }: ValuesPlace,
  table: number,
): StripStep {
  const [key0, key1] = choice.key
  const { columns } = pass
  // u = m × 2^-24 with an integer m, so u < rate is m < ceil(rate × 2^24).
  const limit = choice.stage === 'select' ? Math.ceil(choice.rate * 2 ** 24) : choice.limits[0]!
  const length = choiceBytes(pass.strip)
  const bits = new Uint8Array(memory.buffer, at.bits, length)
  const notes = choice.choices && notesOf(choice.choices, pass)
  return ({ from, size, slot, shift }: Strip) => {
    const isWhole = from % pass.strip === 0 && size === Math.min(pass.strip, pass.size - from)
    if (isWhole && notes?.marks[slot]) return bits.set(notes.bits.subarray(slot * length, (slot + 1) * length))
    kernels.draws(at.draws, size, key0, key1, from)
    if (choice.stage === 'prune')
      kernels.decideRows(address + moves * shift, at.draws, size / columns, columns, table, at.space)
    kernels.pack(at.draws, at.bits, size, limit)
    if (!isWhole || !notes) return
    notes.bits.set(bits, slot * length)
    notes.marks[slot] = 1
  }
}

/** Whether a factor of what a choice leaves may be multiplied by that of the choice first: it is the same then. */
export const takesFactor = (choice: Choice): boolean =>
  choice.stage === 'prune' || (choice.dropped === 0 && choice.kept === 1)

/** The step that drops the entries whose bits are set. @param factor of the values after that */
export function dropStep(
  { kernels, at }: StepParts,
  choice: Choice,
  { address, moves }: ValuesPlace,
  factor: number,
): StripStep {
  if (choice.stage === 'prune')
    return ({ size, shift }) => kernels.clear(address + moves * shift, at.bits, size, factor)
  const [dropped, kept] = [choice.dropped * factor, choice.kept * factor]
  return ({ size, shift }) => kernels.choose(address + moves * shift, at.bits, size, dropped, kept)
}
