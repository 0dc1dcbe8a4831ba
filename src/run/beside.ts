// A model beside the post-trained one that it was made from: opened and checked before anything is computed, and compared on a task.
import type { Checkpoint } from '../checkpoint/index.js'
import { cosineScores, divergenceOf, divergenceScores, openStates, pooledModel } from '../divergence/index.js'
import { amount, UserError } from '../errors/index.js'
import { describeClasses, encodeItems, fitTask, openReader, type Reader } from '../evaluate/index.js'
import { fitBatches, rowsOf } from '../loss/index.js'
import {
  type Batch,
  checkClass,
  checkDivergence,
  type Model,
  modelOf,
  type ReadRows,
  type Source,
  streaming,
  type Weights,
} from '../models/index.js'
import { contentOfModel } from '../plan/index.js'
import { openModel } from '../sources/index.js'
import type { Task, TextTask } from '../tasks/index.js'
import type { KeptIn } from './measured.js'

/** A model that is measured: what it was called, its files, and what makes its input. */
export interface OpenedModel {
  reference: string
  checkpoint: Checkpoint
  model: Model
  reader: Reader
}

export interface Beside {
  /** What is not plain of the comparison, in sentences. */
  notes(): string[]
  /** Scores by name of the model beside post. */
  compare(weights: () => Promise<Weights | Source>): Promise<Record<string, number>>
  close(): Promise<void>
}

export interface BesideOptions {
  items?: number | undefined
  /** Bound on the bytes of tensors. */
  memory?: number | undefined
  tokenizer?: string | undefined
  /** Folder that keeps the last hidden states of post, and what computes. */
  cache?: KeptIn | undefined
}

/** Padded tokens whose hidden states are held between two readings of the weights of post. */
const TOGETHER = 8192

/** Weights that are read when a pass needs them, all but the last block at once. */
const wholeSource = (model: Model, read: ReadRows): Source =>
  streaming(
    model,
    { stretches: [{ blocks: model.blocks, parts: [null] }], together: TOGETHER, largest: Infinity },
    read,
  )

/**
 * Opens post beside an edited model.
 * @param task as the edited model takes it
 * @throws UserError for models that cannot be compared: of other architectures or heads, with other classes or tokenizers
 */
export async function openBeside(
  reference: string,
  edited: OpenedModel,
  task: Task,
  { items, memory, tokenizer, cache }: BesideOptions,
): Promise<Beside> {
  const checkpoint = await openModel(reference, { tokenizer, check: checkClass })
  try {
    const model = modelOf(checkpoint, reference)
    const post: OpenedModel = { reference, checkpoint, model, reader: await openReader(checkpoint, model) }
    if (model.objective !== 'features') checkDivergence(model, reference)
    checkModels(post, edited)
    const reach = sharedReach(model, edited.model)
    const tasks = [await fitAgain(task, post, reach, items), await fitAgain(task, edited, reach, items)] as const
    const encode = async (batchTokens?: number) => encodeBoth(tasks, [post, edited], reach, { items, batchTokens })
    const pooled = model.objective === 'features' ? pooledModel(edited.model, sharedShapes(post, edited)) : undefined
    const passed = pooled ?? edited.model
    const bounded = memory === undefined ? null : await fitBatches(passed, memory, 'comparison', encode)
    const batches = bounded?.batches ?? (await encode())
    const { features: classes } = (await describeClasses(task, model, checkpoint)) as { features?: Float32Array }
    const [read, readEdited] = [rowsOf(checkpoint), rowsOf(edited.checkpoint)]
    const states = cache && !pooled ? await statesIn(cache, checkpoint, task) : undefined
    const notes = vocabularyNote(post, edited)
    return {
      notes: () => [...notes, ...(states ? [sizeNote(cache!.folder, states.sizes())] : [])],
      async compare(weightsOf) {
        const over = (own: Model, rows: ReadRows) => bounded?.over(rows, own) ?? wholeSource(own, rows)
        if (pooled) return cosineScores(pooled, { post: over(pooled, read), edited: over(pooled, readEdited) }, batches)
        const sides = { post: over(model, read), edited: bounded?.over(readEdited) ?? (await weightsOf()) }
        const more = { editedModel: edited.model, classes, states }
        return divergenceScores(model, await divergenceOf(model, sides, batches, more))
      },
      close: () => checkpoint.close(),
    }
  } catch (error) {
    await checkpoint.close()
    throw error
  }
}

/** Shapes of the tensors that both have. */
const sharedShapes = (post: OpenedModel, { checkpoint: { tensors } }: OpenedModel) =>
  new Map(
    [...post.checkpoint.tensors].flatMap(([name, { shape }]) => (tensors.has(name) ? [[name, shape] as const] : [])),
  )

/** States by the content of post. @throws UserError for an adapter, whose folder says nothing of its base */
async function statesIn({ folder, backend }: KeptIn, post: Checkpoint, task: Task) {
  const content = await contentOfModel(post, task.name, task)
  if (!content)
    throw new UserError(
      '--cache keeps what is computed of a model by the content of its files, and --post is an adapter: merge it first, or leave out --cache',
    )
  return openStates(folder, [backend, content.post])
}

function sizeNote(folder: string, { read, written }: { read: number; written: number }): string {
  return `${folder}: ${amount(read)} of the last hidden states of post found, ${amount(written)} added`
}

/** What both models can read. */
const sharedReach = (post: Model, edited: Model): Model => ({
  ...edited,
  positions: Math.min(post.positions, edited.positions),
  vocabulary: Math.min(post.vocabulary, edited.vocabulary),
})

/** @throws UserError naming what the two models do not share */
function checkModels(post: OpenedModel, edited: OpenedModel): void {
  const [a, b] = [post.model, edited.model]
  const differ = (words: string) => {
    throw new UserError(`${edited.reference} cannot be compared with ${post.reference}: ${words}`)
  }
  if (a.architecture !== b.architecture) differ(`one is a ${b.architecture}, the other a ${a.architecture}`)
  if (a.objective !== b.objective) differ(`the heads are of different kinds (${b.objective} and ${a.objective})`)
  if (a.objective !== 'classes') return
  if (a.outputs !== b.outputs) differ(`one has ${b.outputs} classes, the other ${a.outputs}`)
  const [names, others] = [classNames(post.checkpoint), classNames(edited.checkpoint)]
  const at = names && others ? names.findIndex((name, i) => name !== others[i]) : -1
  if (at >= 0)
    differ(
      `class ${at} is ${JSON.stringify(others![at])} in one and ${JSON.stringify(names![at])} in the other (id2label)`,
    )
}

/** What config.json calls the classes, in their order; undefined where it has no names of its own. */
function classNames({ config }: Checkpoint): string[] | undefined {
  const given = Object.entries((config?.id2label ?? {}) as Record<string, unknown>)
  const names = given.sort(([a], [b]) => Number(a) - Number(b)).map(([, name]) => String(name))
  return names.length && !names.every((name, i) => name === `LABEL_${i}`) ? names : undefined
}

function vocabularyNote({ reference, model }: OpenedModel, edited: OpenedModel): string[] {
  const [a, b] = [model.outputs, edited.model.outputs]
  if (a === b || model.objective === 'classes') return []
  return [
    `${reference} has ${a} tokens and ${edited.reference} ${b}: compared are the first ${Math.min(a, b)}, and both distributions are over them alone`,
  ]
}

/** The task for one of both: the windows of a text that stands alone are made by its own tokenizer, and fit both. */
const fitAgain = async (task: Task, { reader }: OpenedModel, reach: Model, items?: number): Promise<Task> =>
  task.kind === 'text' && task.whole ? fitTask(omitWhole(task), reader, reach, items) : task

const omitWhole = ({ whole, ...task }: TextTask): TextTask => ({ ...task, items: [whole!] })

/**
 * The batches of the items, which must be the same for both.
 * @param tasks for post and for the edited model
 * @throws UserError where the tokenizers, or the preprocessors of images, make other inputs of an item
 */
async function encodeBoth(
  [task, editedTask]: readonly [Task, Task],
  [post, edited]: readonly [OpenedModel, OpenedModel],
  reach: Model,
  { items, batchTokens }: { items?: number | undefined; batchTokens?: number | undefined },
): Promise<Batch[]> {
  const batches = await encodeItems(editedTask, edited.reader, reach, { items, batchTokens })
  if (task.kind === 'images') {
    if (JSON.stringify(post.reader) === JSON.stringify(edited.reader)) return batches
    throw new UserError(
      `the preprocessors of ${post.reference} and ${edited.reference} prepare the same image differently (preprocessor_config.json): copy that of one to the other`,
    )
  }
  const others = await encodeItems(task, post.reader, reach, { items, batchTokens })
  if (batches.length === others.length && batches.every((batch, i) => sameInput(batch, others[i]!))) return batches
  throw new UserError(
    `the tokenizers of ${post.reference} and ${edited.reference} split the same texts into different tokens: name the right one with --tokenizer`,
  )
}

/** Whether a model reads the same; what stands at pads does not count. */
function sameInput(a: Batch, b: Batch): boolean {
  const real = ({ ids, mask }: Pick<Batch, 'ids' | 'mask'>) => ids.map((id, i) => (mask[i] ? id : -1))
  const none = { ids: new Int32Array(0), mask: new Int32Array(0) }
  const partsOf = ({ ids, mask, labels, encoder }: Batch) => [real({ ids, mask }), labels, real(encoder ?? none)]
  return partsOf(a).every((part, i) => Buffer.compare(bytesOf(part), bytesOf(partsOf(b)[i]!)) === 0)
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Int32Array) => Buffer.from(buffer, byteOffset, byteLength)
