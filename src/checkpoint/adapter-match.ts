// Finds from the headers which tensors of the base a peft adapter changes, and how: the same changes as peft's merge_and_unload.
import { loraScale } from '../adapters/index.js'
import { UserError } from '../errors/index.js'
import { adaptBase } from './adapter-base.js'
import { type AdapterConfig, tokenRows } from './adapter-config.js'
import { changedBy, editsOf, type KindEdit } from './adapter-kinds.js'
import { checkFloating, finderOf, outputsLast, type Places, placesIn, tensorOf, withoutBias } from './adapter-place.js'
import { misfit, type Product, productsOf } from './adapter-products.js'
import { type Sorted, sortTensors, type Tensors } from './adapter-sort.js'
import { takeExperts } from './adapter-switch.js'
import { keepTargets } from './adapter-targets.js'
import { ADAPTER_CONFIG, type Checkpoint } from './checkpoint.js'
import { isConv1d } from './orientation.js'
import type { SingleFile } from './single.js'
import { saysTied } from './tie-defaults.js'
import { outputOf, tieSource } from './tie-names.js'

/** How one tensor is changed: replaced, then some of its rows, then what is added. Names are those of the adapter's file. */
export interface TensorChange {
  whole?: string
  rows: { name: string; ids: readonly number[] }[]
  products: Product[]
  /** A vector that is added. */
  bias?: { name: string; scale: number }
  /** Those of another kind than LoRA, one after the other: a tied tensor may have two. */
  edits: KindEdit[]
}

export interface Match {
  /** The base, with the head, the ties and the rows of words that the adapter's model has. */
  base: Checkpoint
  /** Tensors of base or adapter that have no partner in the other. */
  apart: ReadonlySet<string>
  changes: Map<string, TensorChange>
  /** Sentences for the user. */
  notes: string[]
}

/** @throws UserError naming the tensor that has no place in the base, and why */
export async function matchAdapter(
  file: string,
  config: AdapterConfig,
  weights: SingleFile,
  given: Checkpoint,
): Promise<Match> {
  const { tensors } = weights
  const sorted = sortTensors(file, tensors, config)
  const left = [...leaveValueHead(file, sorted, given), ...leaveBiases(file, sorted, config)]
  const adapted = await adaptBase({ file, config, tensors, sorted }, given, weights)
  const { base } = adapted
  const changes = new Map<string, TensorChange>()
  const notes = [...left, ...adapted.notes, ...keepTargets(file, config, sorted, base)]
  const change = (name: string): TensorChange =>
    changes.get(name) ?? changes.set(name, { rows: [], products: [], edits: [] }).get(name)!
  const place = placesIn(file, config, base)
  const fit = (name: string, target: string) => {
    if (String(tensors.get(name)!.shape) !== String(base.tensors.get(target)!.shape))
      throw misfit({ file, base, config }, target, tensors.get(name)!)
  }

  for (const [inner, name] of sorted.whole) {
    const target = place(inner)
    fit(name, target)
    change(target).whole = name
  }
  for (const [target, rows] of rowsOf({ file, config, base, place }, sorted, tensors)) change(target).rows.push(rows)
  for (const [module, parts] of outputsLast(sorted.factors)) {
    for (const [target, product] of productsOf({ file, config, tensors, base, place }, module, parts)) {
      checkFloating(base, target)
      change(target).products.push(product)
    }
    const bias = parts.get('bias')
    if (bias !== undefined) {
      const target = tensorOf(base)(`${module}.bias`)
      if (target === null) throw withoutBias(file, module, base)
      fit(bias, target)
      change(target).bias = { name: bias, scale: loraScale(config, module).scale }
    }
  }
  if (config.mlx)
    for (const [target, product] of takeExperts({ file, tensors, base, config }, sorted))
      change(target).products.push(product)
  const edits = editsOf({ file, config, base, place }, sorted)
  for (const edit of edits) for (const target of changedBy(edit, file, base)) change(target).edits.push(edit)
  if (changes.size === 0)
    throw new UserError(
      `${file}: holds no tensors of ${config.kind?.type ?? config.peft_type}${tensors.size ? '' : `, nor any other: ${whyEmpty(config, base)}`}`,
    )
  notes.push(...noteTied(file, base, changes), ...noteSlow(file, edits, config))
  return { base, apart: new Set(adapted.apart), changes, notes }
}

const whyEmpty = ({ peft_type: type }: AdapterConfig, base: Checkpoint): string =>
  type === 'OSF' && [...base.tensors.keys()].some((name) => isConv1d(name, base.config))
    ? 'peft passes over layers of Conv1D when it trains OSF, and so this adapter changes nothing'
    : 'trainers leave such files where ZeRO-3 or FSDP did not gather the weights; save the adapter again'

/** Leaves out the head of a reward or value model that trainers put beside the language model: no class of transformers has it. */
function leaveValueHead(file: string, { whole }: Sorted, base: Checkpoint): string[] {
  const find = finderOf(base)
  const heads = [...whole.keys()].filter((name) => /^v_head\./.test(name) && find(name) === null)
  for (const name of heads) whole.delete(name)
  return heads.length
    ? [`${file}: ${heads.join(', ')}: a value head is no part of the model; it is left out, as peft does`]
    : []
}

/** Leaves out biases of B where the configuration has none (mergekit-extract-lora 0.1.5 writes such files): peft makes no place for them. */
function leaveBiases(file: string, { factors, parts }: Sorted, config: AdapterConfig): string[] {
  if (config.lora_bias) return []
  const modules = [...factors, ...parts].filter(([, own]) => own.delete('bias') || own.delete('lora_B.bias'))
  return modules.length
    ? [
        `${file}: biases of ${modules.length} modules, the first ${modules[0]![0]}, are left out, as peft does, because lora_bias of ${ADAPTER_CONFIG} is not true; if they were trained, set it`,
      ]
    : []
}

/** Trained rows in peft's order, the last of which stay: those of the encoder come once more where its table is the model's (Marian). */
function rowsInOrder(rows: Sorted['rows'], { config }: Checkpoint): [module: string, name: string][] {
  const ordered = outputsLast(rows)
  const isTheModels = ([module]: [module: string, name: string]) => /\bencoder\.embed_tokens$/.test(module)
  return config?.model_type === 'marian' ? [...ordered, ...ordered.filter(isTheModels)] : ordered
}

/** Rows of embeddings, by the tensors that they are put into. */
function rowsOf(
  { file, config, base, place }: Places,
  { rows }: Sorted,
  tensors: Tensors,
): [target: string, rows: TensorChange['rows'][number]][] {
  return rowsInOrder(rows, base).flatMap(([module, name]) => {
    const [target, ids] = [place(`${module}.weight`), tokenRows(config, module)]
    const [stored, width] = tensors.get(name)!.shape
    if (ids?.length !== stored)
      throw new UserError(
        `${file}: ${name} has ${stored} rows, and trainable_token_indices of ${ADAPTER_CONFIG} ${ids?.length ?? 'none'}`,
      )
    const [count, own] = base.tensors.get(target)!.shape
    if (own !== width || ids!.some((id) => id >= count!))
      throw misfit({ file, base, config }, target, tensors.get(name)!)
    return [target, ...alsoTokens(base, target)].map((each): [string, { name: string; ids: readonly number[] }] => [
      each,
      { name, ids: ids! },
    ])
  })
}

/** Sides from which on a matrix takes a minute or more. */
const LARGE = 1024

/** What a user must know of an adapter that needs the singular values of its weights. */
function noteSlow(file: string, edits: readonly KindEdit[], config: AdapterConfig): string[] {
  const needs = config.peft_type === 'OSF' || config.kasa_config || config.init_lora_weights === 'pissa'
  const large = edits.filter(({ outputs, inputs }) => Math.min(outputs, inputs) >= LARGE).length
  return needs && large
    ? [
        `${file}: the singular values of ${large} weights are computed, which takes a minute for one of ${LARGE} rows and columns, and eight times as long for each doubling`,
      ]
    : []
}

/** What a user must know of an adapter that changes an embedding which is the output too. */
function noteTied(file: string, base: Checkpoint, changes: Match['changes']): string[] {
  const output = base.config && saysTied(base.config) ? outputOf(base) : null
  const source = output === null ? null : tieSource(output, base.tensors.keys())
  const change = source === null ? undefined : changes.get(source)
  if (!change?.products.length && !change?.edits.length) return []
  return [
    `${file}: ${source} and ${output} are one tensor, and what the adapter does to either is done to both, as peft's merge_and_unload does; before merging, peft keeps them apart`,
  ]
}

/** peft puts trained tokens into the output too where config.json ties it, even if the file holds another one. */
function alsoTokens(base: Checkpoint, embedding: string): string[] {
  const said = base.configText === null ? null : (JSON.parse(base.configText) as Record<string, unknown>)
  const output = said && saysTied(said) ? outputOf(base) : null
  return output !== null && output !== embedding && base.tensors.has(output) && !base.tied.has(output) ? [output] : []
}
