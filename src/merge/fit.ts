// Whether the models fit together, by their headers: every tensor of the result in every source, of one shape.
import { classNameOf, inputWidth, isFloating } from '../checkpoint/index.js'
import { firstFew, UserError } from '../errors/index.js'
import { isBuffer, isPassedOver } from '../naming/index.js'
import { isPerToken } from './embeddings.js'
import type { LayerRun } from './layer-runs.js'
import { layerCount, type Slot } from './layers.js'
import type { MergeModel, MergeModels } from './open.js'

/** Names of the tensors that are not stored copies of tied ones, nor (or only those) buffers that the model computes. */
const namesOf = ({ checkpoint: { tensors, tied } }: MergeModel, buffers = false): string[] =>
  [...tensors.values()]
    .filter(({ name, shape }) => !tied.has(name) && isBuffer(name, shape) === buffers)
    .map(({ name }) => name)

/** Those of the reference that take part in a merge; what transformers passes over does where every model has it. */
export const namesIn = ({ reference, sources }: LayerRun): string[] =>
  namesOf(reference.model).filter(
    (name) =>
      !isPassedOver(name, reference.model.checkpoint.config) ||
      sources.every(({ model }) => model.checkpoint.tensors.has(name)),
  )

/** Buffers that come along: transformers 5 saves those alone that its class would miss. Older files have others, which mergekit leaves out too. */
export const buffersIn = ({ reference: { model } }: LayerRun): string[] =>
  Number.parseInt(String(model.checkpoint.config?.transformers_version), 10) >= 5 ? namesOf(model, true) : []

/**
 * mergekit merges models of one architecture unless it is told otherwise; the names and shapes of their tensors may agree by chance.
 * @throws UserError for several
 */
export function checkArchitectures({ all }: MergeModels): void {
  const kinds = new Map<string, string>()
  for (const { label, checkpoint } of all) {
    const name = classNameOf(checkpoint.config)
    // LLaMaForCausalLM is an old spelling.
    const kind = name.toLowerCase()
    if (name && !kinds.has(kind)) kinds.set(kind, `${name} (${label})`)
  }
  if (kinds.size < 2) return
  const list = [...kinds.values()].join(', ')
  throw new UserError(
    `the models are of different architectures: ${list}; --allow-crimes merges them if the names and shapes of their tensors agree`,
  )
}

/** An error names at most this many tensors. */
const NAMED = 12

/** What does not fit together, and the tensors that cannot be merged for that. */
export interface Unmatched {
  slots: ReadonlySet<Slot>
  problems: readonly string[]
}

/**
 * @param ignored whether tensors that do not fit are taken from the reference; or only `left`: those of a model that the reference
 * lacks have no place in the result, as in mergekit
 * @throws UserError that lists what does not fit, unless it is ignored
 */
export function findUnmatched(slots: readonly Slot[], runs: readonly LayerRun[], ignored: boolean | 'left'): Unmatched {
  const found = slots.map((slot) =>
    pairsAt(slot, runs).flatMap(({ model, name, reference }) => compare(model, name, reference, slot.reference)),
  )
  const problems = found.flat()
  const left: string[] = []
  // In a merge of whole models nothing may be left over either.
  if (runs.length === 1) {
    const used = new Set(slots.flatMap(({ reference, sources }) => [reference, ...sources]))
    const count = layerCount(runs[0]!.reference.model.checkpoint)
    for (const { model, range } of runs[0]!.sources) {
      if (range[1] - range[0] !== count || layerCount(model.checkpoint) !== count) continue
      left.push(
        ...namesOf(model)
          .filter((name) => !used.has(name) && !isPassedOver(name, model.checkpoint.config))
          .map((name) => `${name} is only in ${model.label}`),
      )
    }
  }
  const isFit = problems.length === 0 && (left.length === 0 || ignored === 'left')
  problems.push(...left)
  if (isFit || ignored === true) return { slots: new Set(slots.filter((_, i) => found[i]!.length)), problems }
  const other = slots.some(
    (slot) =>
      isPerToken(slot.reference) &&
      pairsAt(slot, runs).some(({ model, name, reference }) => {
        const own = model.checkpoint.tensors.get(name)?.shape
        const wanted = reference.checkpoint.tensors.get(slot.reference)?.shape
        return own !== undefined && wanted !== undefined && own[0] !== wanted[0]
      }),
  )
  const hint = other ? '; tokenizer_source: union (or base) gives the embeddings the same tokens' : ''
  throw new UserError(
    `the models do not fit together: ${firstFew(problems, NAMED, '; ')}${hint} (--ignore-unmatched, in the file ignore_unmatched: true, takes these tensors from ${runs[0]!.reference.model.label} alone)`,
  )
}

/** Every source of a tensor: its model, the name there, and the model that it is compared with. */
function pairsAt({ run, sources: names }: Slot, runs: readonly LayerRun[]) {
  const { sources, reference } = runs[run]!
  return sources.map(({ model }, i) => ({ model, name: names[i]!, reference: reference.model }))
}

/**
 * Fisher diagonals have the shape of their weights, a Gram matrix a side of its columns; a tensor has them in every model or in none.
 * @throws UserError at the data that does not fit its model
 */
export function checkData(slots: readonly Slot[], runs: readonly LayerRun[], kind: 'fisher' | 'gram'): void {
  for (const [r, { sources }] of runs.entries()) {
    const own = slots.filter(({ run }) => run === r)
    const dataAt = (slot: Slot, i: number) => sources[i]!.data?.checkpoint.tensors.get(slot.sources[i]!)
    for (const [i, { path, model, data }] of sources.entries()) {
      const wrong = (message: string) =>
        new UserError(`${data?.checkpoint.folder}: ${message}`, { path: [...path, 'data'] })
      if (!own.some((slot) => dataAt(slot, i)))
        throw wrong(`holds nothing under the names of the weights of ${model.label}`)
      for (const slot of own) {
        const found = dataAt(slot, i)?.shape
        const { config, tensors } = model.checkpoint
        const { shape } = tensors.get(slot.sources[i]!)!
        const inputs = inputWidth(slot.sources[i]!, shape, config)
        const wanted = kind === 'fisher' ? shape : [inputs, inputs]
        if (found && String(found) !== String(wanted))
          throw wrong(`${slot.sources[i]} is [${found.join(', ')}]; [${wanted.join(', ')}] is wanted`)
      }
      const missing = own.find((slot) => !dataAt(slot, i) && sources.some((_, j) => dataAt(slot, j)))
      if (missing) throw wrong(`${missing.sources[i]} is missing, which the data of another model has`)
    }
  }
}

/** What keeps a model's tensor from being merged with that of the reference. */
function compare(model: MergeModel, name: string, reference: MergeModel, wanted: string): string[] {
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
