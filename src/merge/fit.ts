// Whether the models fit together, by their headers: every tensor of the result in every source, of one shape.
import { isFloating } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { isPerToken } from './embeddings.js'
import { layerCount, type Slot } from './layers.js'
import type { Model } from './open.js'
import type { ErrorAt } from './parameters.js'
import type { LayerRun } from './runs.js'

/** Names of the tensors that are not stored copies of tied ones. */
export const namesOf = ({ checkpoint: { tensors, tied } }: Model): string[] =>
  [...tensors.keys()].filter((name) => !tied.has(name))

/** An error names at most this many tensors. */
const NAMED = 12

/** @throws UserError that lists what does not fit */
export function checkShapes(slots: Slot[], runs: LayerRun[]): void {
  const problems = slots.flatMap(({ run, names: [wanted, ...own] }) =>
    runs[run]!.parts.flatMap(({ model }, i) => compare(model, own[i]!, runs[run]!.reference.model, wanted!)),
  )
  // In a merge of whole models nothing may be left over either.
  if (runs.length === 1) {
    const used = new Set(slots.flatMap(({ names }) => names))
    const count = layerCount(runs[0]!.reference.model.checkpoint)
    for (const { model, range } of runs[0]!.parts) {
      if (range[1] - range[0] !== count || layerCount(model.checkpoint) !== count) continue
      problems.push(
        ...namesOf(model)
          .filter((name) => !used.has(name))
          .map((name) => `${name} is only in ${model.label}`),
      )
    }
  }
  if (!problems.length) return
  const other = slots.some(
    ({ run, names: [wanted, ...own] }) =>
      isPerToken(wanted!) &&
      runs[run]!.parts.some(({ model }, i) => {
        const [its, ours] = [
          model.checkpoint.tensors.get(own[i]!)?.shape,
          runs[run]!.reference.model.checkpoint.tensors.get(wanted!)?.shape,
        ]
        return its !== undefined && ours !== undefined && its[0] !== ours[0]
      }),
  )
  const hint = other ? '; tokenizer_source: union (or base) gives the embeddings the same tokens' : ''
  const rest = problems.length > NAMED ? `; and ${problems.length - NAMED} more` : ''
  throw new UserError(`the models do not fit together: ${problems.slice(0, NAMED).join('; ')}${rest}${hint}`)
}

/**
 * Fisher diagonals have the shape of their weights, a Gram matrix a side of its columns; a tensor has them in every model or in none.
 * @throws UserError at the data that does not fit its model
 */
export function checkData(slots: Slot[], runs: LayerRun[], kind: 'fisher' | 'gram', errorAt: ErrorAt): void {
  for (const [r, { parts }] of runs.entries()) {
    const own = slots.filter(({ run }) => run === r)
    const has = ({ data }: LayerRun['parts'][number], i: number, { names }: Slot) =>
      data!.checkpoint.tensors.has(names[i + 1]!)
    for (const [i, part] of parts.entries()) {
      const { path, model, data } = part
      const wrong = (message: string) => errorAt([...path, 'data'], `${data!.checkpoint.folder}: ${message}`)
      const mine = own.filter((slot) => has(part, i, slot))
      if (!mine.length) throw wrong(`holds nothing under the names of the weights of ${model.label}`)
      for (const { names } of mine) {
        const [shape, found] = [model, data!].map(({ checkpoint }) => checkpoint.tensors.get(names[i + 1]!)!.shape)
        const wanted = kind === 'fisher' ? shape : [shape!.at(-1)!, shape!.at(-1)!]
        if (String(found) !== String(wanted))
          throw wrong(`${names[i + 1]} is [${found!.join(', ')}]; [${wanted!.join(', ')}] is wanted`)
      }
      const missing = own.find((slot) => !has(part, i, slot) && parts.some((other, j) => has(other, j, slot)))
      if (missing) throw wrong(`${missing.names[i + 1]} is missing, which that of another model has`)
    }
  }
}

/** What keeps a model's tensor from being merged with that of the reference. */
function compare(model: Model, name: string, reference: Model, wanted: string): string[] {
  const [entry, other] = [model.checkpoint.tensors.get(name), reference.checkpoint.tensors.get(wanted)]
  if (!entry) return [`${name} is not in ${model.label}`]
  if (!other) return [`${wanted} is not in ${reference.label}`]
  const differ = (own: string, its: string) =>
    own === its ? [] : [`${name} is ${own} in ${model.label}, ${its} in ${reference.label}`]
  const shapes = differ(`[${entry.shape.join(', ')}]`, `[${other.shape.join(', ')}]`)
  return shapes.length || isFloating(entry.dtype) === isFloating(other.dtype)
    ? shapes
    : differ(entry.dtype, other.dtype)
}
