// Whether the models fit together, by their headers: every tensor of the result in every source, of one shape.
import { isFloating } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { layerCount, type Slot } from './layers.js'
import type { Model } from './open.js'
import type { Part } from './runs.js'

/** Names of the tensors that are not stored copies of tied ones. */
export const namesOf = ({ checkpoint, tied }: Model): string[] => [...checkpoint.tensors.keys()].filter((name) => !tied.has(name))

/** The base's layers are those that it takes itself, or those of the first source. */
export function baseName(slot: Slot, parts: Part[], base: Model): string {
  const own = parts.findIndex(({ model }) => model === base)
  return slot.names[Math.max(0, own)]
}

/** An error names at most this many tensors. */
const NAMED = 12

/** @throws UserError that lists what does not fit */
export function checkShapes(slots: Slot[], runs: Part[][], base: Model | null, reference: Model): void {
  const problems = slots.flatMap((slot) => {
    const parts = runs[slot.run]
    const wanted = base ? baseName(slot, parts, base) : slot.names[0]
    return parts.flatMap(({ model }, i) => compare(model, slot.names[i], reference, wanted))
  })
  // In a merge of whole models nothing may be left over either.
  const used = new Set(slots.flatMap(({ names }) => names))
  const whole =
    runs.length === 1
      ? runs[0].filter(({ model, range: [, end] }) => end === layerCount(reference.checkpoint) && end === layerCount(model.checkpoint))
      : []
  for (const { model } of whole)
    problems.push(
      ...namesOf(model)
        .filter((name) => !used.has(name))
        .map((name) => `${name} is only in ${model.label}`),
    )
  if (!problems.length) return
  const rest = problems.length > NAMED ? `; and ${problems.length - NAMED} more` : ''
  throw new UserError(`the models do not fit together: ${problems.slice(0, NAMED).join('; ')}${rest}`)
}

/** What keeps a model's tensor from being merged with that of the reference. */
function compare(model: Model, name: string, reference: Model, wanted: string): string[] {
  const [entry, other] = [model.checkpoint.tensors.get(name), reference.checkpoint.tensors.get(wanted)]
  if (!entry) return [`${name} is not in ${model.label}`]
  if (!other) return [`${wanted} is not in ${reference.label}`]
  const differ = (own: string, its: string) => (own === its ? [] : [`${name} is ${own} in ${model.label}, ${its} in ${reference.label}`])
  const shapes = differ(`[${entry.shape.join(', ')}]`, `[${other.shape.join(', ')}]`)
  return shapes.length || isFloating(entry.dtype) === isFloating(other.dtype) ? shapes : differ(entry.dtype, other.dtype)
}
