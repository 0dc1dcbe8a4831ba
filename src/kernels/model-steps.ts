// The steps of one model's values: its stages, and what is counted of them on the way.
import { chooseStep, dropStep, isChoice, takesFactor } from './choices.js'
import type { Operand, Reduction, TensorPass } from './pass.js'
import { reductionStep } from './reduction-step.js'
import { stageStep } from './stage-step.js'
import type { StepParts, StripStep, ValuesPlace } from './step.js'

/** Whether a reduction is of the values of one model alone. */
export const isOwn = (each: Reduction): boolean => typeof each.of === 'number' && !('with' in each)

/** The numbers of the reductions of a model's values alone, after so many stages. */
function askedOf({ reductions, stages }: TensorPass, model: number, after: number): number[] {
  const back = stages[model]!.length - after
  return [...reductions.keys()].filter((n) => {
    const each = reductions[n]!
    return each.of === model && isOwn(each) && (each.back ?? 0) === back
  })
}

/**
 * Whether the last stage of a model is asked for nothing but the norms before and after it, so that its values need not be made.
 * @param k number of the stage
 */
function asksForNorms(pass: TensorPass, model: number, k: number): boolean {
  const asked = [...askedOf(pass, model, k), ...askedOf(pass, model, k + 1)].map((n) => pass.reductions[n]!)
  const reads = (each: Reduction) => each.of === model || ('with' in each && each.with === model)
  return (
    k === pass.stages[model]!.length - 1 &&
    !pass.resident &&
    !pass.write &&
    asked.length === 2 &&
    asked.every(({ sum, back }, i) => sum === 'magnitudes' && (back ?? 0) === 1 - i) &&
    pass.reductions.filter(reads).length === 2
  )
}

/** The step that finds them, of the last stage that is a choice. */
function normsStep({ kernels, memory, at, pass, answers }: StepParts, model: number, place: ValuesPlace): StripStep {
  const length = pass.stages[model]!.length
  const [whole, left] = [length - 1, length].map((after) => answers[askedOf(pass, model, after)[0]!]!)
  // Nothing is written, so that the place of the result is free.
  const norms = new Float64Array(memory.buffer, at.result, 2)
  return ({ size, index, shift }) => {
    kernels.norms(place.address + place.moves * shift, at.bits, size, at.result)
    whole![index] = norms[0]!
    left![index] = norms[1]!
  }
}

/** @param done stages that the values have gone through */
export function modelSteps(
  parts: StepParts,
  model: number,
  done: number,
  placeOf: (operand: Operand) => ValuesPlace,
): StripStep[] {
  const { pass, at } = parts
  const [stages, values] = [pass.stages[model]!, placeOf(model)]
  const steps: StripStep[] = []
  for (let k = done; k < stages.length; k++) {
    const [stage, table] = [stages[k]!, at.tables[model]![k]!]
    const asked = askedOf(pass, model, k)
    if (isChoice(stage) && asksForNorms(pass, model, k))
      return [...steps, chooseStep(parts, stage, values, table), normsStep(parts, model, values)]
    for (const n of asked) steps.push(reductionStep(parts, n, placeOf))
    if (!isChoice(stage)) {
      steps.push(stageStep(parts, stage, values, table))
      continue
    }
    const next = stages[k + 1]
    const isScaled = next?.stage === 'scale' && takesFactor(stage) && !askedOf(pass, model, k + 1).length
    steps.push(chooseStep(parts, stage, values, table), dropStep(parts, stage, values, isScaled ? next.factor : 1))
    if (isScaled) k++
  }
  for (const n of askedOf(pass, model, stages.length)) steps.push(reductionStep(parts, n, placeOf))
  return steps
}
