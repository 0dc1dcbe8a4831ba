// Attribution of one edit outside a sweep, measured in the same way: in memory, or within a memory bound.
import { basename, resolve } from 'node:path'
import { pairCheckpoints, weightRows } from '../checkpoint/index.js'
import type { DeltaEdit, ModelPair } from '../config/index.js'
import { entryBitsOf, needsGradient, type Step } from '../editors/index.js'
import { collectWarnings } from '../errors/index.js'
import { checkLoss, describeClasses, encodeItems, fitTask, openReader } from '../evaluate/index.js'
import { makeTemporary } from '../files/index.js'
import { fitBatches, type LossKind, type Rule, rowsOf } from '../loss/index.js'
import { checkDivergence, modelOf } from '../models/index.js'
import { hashInputs, pairKey, type Run } from '../plan/index.js'
import { BUILT_IN, type Registry } from '../registry/index.js'
import { openModels } from '../sources/index.js'
import { loadTask, type Task } from '../tasks/index.js'
import { tf } from '../tensor/index.js'
import { type LoadedPair, loadPair } from './loaded-pair.js'
import { lossBy, measureChange, noDivergence } from './measure-change.js'
import { type KeptIn, keptIn, type Measured, openMeasured } from './measured.js'
import { measureReference } from './reference.js'
import { countColumns, type Finished, finishedRow, termsOf } from './row.js'
import { executeRun } from './run.js'
import { writeEdited } from './scratch.js'

/** Experiment and id of the row. */
const NAME = 'attribute'

/** An edit from steps that do not come from a config. */
export function namedEdit(steps: readonly Step[], where: Pick<DeltaEdit, 'on' | 'tensors'>): DeltaEdit {
  const editor = steps.map((step) => step.editor.name).join('+')
  return {
    editor,
    label: editor,
    ...where,
    steps: steps.map((step) => ({ editor: step.editor.name, options: step.options })),
    stochastic: steps.some((step) => step.editor.stochastic(step.options)),
    needsGradient: steps.some(needsGradient),
    entryBits: entryBitsOf(steps),
  }
}

interface MemoryBound {
  /** Bound on tensors and on values being read or written. */
  bytes: number
  /** Folder for a temporary copy of the change of the weights. */
  scratch: string
}

export interface AttributeSettings {
  /** Anything that `loadTask` takes. */
  task: string
  items: number
  /** The loss on the labels of the task unless given, or the divergence from post. */
  loss?: LossKind | undefined
  /** `midpoint` unless given; `gauss` of a divergence. */
  rule?: Rule | undefined
  steps: number
  seed: number
  /** Where the names in the edit are looked up; only built-in ones by default. */
  registry?: Registry
  /** Folder of the tokenizer, or its model on the hub, where that of `post` is not meant. */
  tokenizer?: string | undefined
  /** Weights are then read block by block. */
  memory?: MemoryBound | undefined
  /** Results folder whose measurements count, and which keeps new ones; not with a bound on memory. */
  keep?: KeptIn | undefined
  /** Tensors that only one model has, or that differ in shape, are left out instead of an error. */
  ignoreUnmatched?: boolean | undefined
  /** Seconds since any fixed moment. */
  clock: () => number
}

/** The row and the Riemann term of each tensor, for one edit of one pair (folders, hub names, or an adapter of the base). */
export async function attributeEdit(
  base: string,
  post: string,
  edit: DeltaEdit,
  options: AttributeSettings,
): Promise<Finished> {
  const task = await loadTask(options.task, { tasks: (options.registry ?? BUILT_IN).tasks })
  const pair: ModelPair = {
    name: basename(resolve(post)),
    base,
    post,
    baseFolder: base,
    postFolder: post,
    ignoreUnmatched: options.ignoreUnmatched,
    tokenizerFolder: options.tokenizer,
    tasks: [{ given: options.task, source: options.task }],
  }
  const run: Run = {
    id: NAME,
    pair,
    task: { name: task.name, version: task.version, source: options.task },
    edit,
    seed: edit.stochastic ? options.seed : null,
  }
  return options.memory ? attributeBounded(run, task, options, options.memory) : attributeHeld(run, options)
}

const pathOf = ({
  loss: kind = 'task',
  rule = kind === 'kl' ? 'gauss' : 'midpoint',
}: Pick<AttributeSettings, 'loss' | 'rule'>) => ({
  kind,
  rule,
})

/** @throws UserError for a model without a divergence, before its weights are read */
async function checkHeader({ baseFolder, postFolder, tokenizerFolder: tokenizer }: ModelPair): Promise<void> {
  const opened = await openModels(baseFolder, postFolder, { tokenizer })
  await Promise.all(opened.map((each) => each.close()))
  checkDivergence(modelOf(opened[1], postFolder), postFolder)
}

async function attributeHeld(
  run: Run,
  { items, steps, clock, registry, keep, ...settings }: AttributeSettings,
): Promise<Finished> {
  const loss = { ...pathOf(settings), items, steps, riemann: true, taylor2: false, terms: true }
  if (loss.kind === 'kl') await checkHeader(run.pair)
  const measures = { score: false as const, loss }
  const home = await loadPair(run.pair, registry, keptIn(keep?.folder))
  try {
    const measured = keep && (await measuredOf(home, run, keep))
    const reference = await measureReference(home, run.task, measures, {
      needsGradient: run.edit.needsGradient,
      runs: 1,
      ...(measured && { measured }),
    })
    return await executeRun(home, run, measures, { experiment: NAME, backend: tf.getBackend(), clock, reference })
  } finally {
    home.dispose()
  }
}

/** What is kept of the pair on the task of the run. */
async function measuredOf(
  home: LoadedPair,
  { pair, task: { source } }: Run,
  { folder, backend }: KeptIn,
): Promise<Measured> {
  const { task } = await home.open({ source })
  const { contents } = await hashInputs([{ pair, tasks: [{ source, task }], tokenizer: home.tokenizer }])
  return openMeasured(keptIn(folder), backend, contents[pairKey(pair)]!)
}

/**
 * Within a bound on memory; nothing is scored.
 * @throws UserError for a bound below one block, with the least that would do; for an editor that needs a gradient
 */
async function attributeBounded(
  run: Run,
  given: Task,
  { items, steps, clock, registry = BUILT_IN, ...settings }: AttributeSettings,
  { bytes, scratch }: MemoryBound,
): Promise<Finished> {
  const started = clock()
  const { kind, rule } = pathOf(settings)
  const [base, post] = await openModels(run.pair.baseFolder, run.pair.postFolder, {
    tokenizer: run.pair.tokenizerFolder,
  })
  const folder = makeTemporary('change', scratch)
  try {
    const pair = await pairCheckpoints(base, post, run.pair)
    const model = modelOf(post, run.pair.post)
    const tokenizer = await openReader(post, model)
    checkLoss(given, model)
    if (kind === 'kl') checkDivergence(model, run.pair.post)
    const task = await fitTask(await describeClasses(given, model, base), tokenizer, model)
    const { batches, over } = await fitBatches(model, bytes, kind === 'kl' ? 'divergence' : 'gradient', (batchTokens) =>
      encodeItems(task, tokenizer, model, { items, batchTokens }),
    )
    const { warn, summary } = collectWarnings()
    const still = over(rowsOf(post))
    const edited = await writeEdited(pair, run.edit, {
      folder: folder.path,
      bytes,
      seed: run.seed,
      steps: registry.steps(run.edit.steps),
      post: still,
      warn,
    })
    try {
      const paired = new Set(pair.names)
      const before = over((name, rows) => weightRows(paired.has(name) ? base : post, name, rows))
      const ground = { model, post: still }
      const pre = await lossBy(kind, ground, before, batches)
      const loss = { pre, post: kind === 'kl' ? noDivergence(pre) : await lossBy(kind, ground, still, batches) }
      const measured = { ...ground, task, batches, loss }
      const { columns, path } = await measureChange(measured, edited, { kind, rule, steps, riemann: true })
      const row = finishedRow(NAME, run, {
        ...countColumns(edited),
        ...columns,
        warnings: summary(),
        seconds: clock() - started,
        backend: tf.getBackend(),
      })
      return { row, terms: path ? termsOf(run, edited, path) : [] }
    } finally {
      await edited.dispose()
    }
  } finally {
    await Promise.all([base.close(), post.close()]).finally(folder.remove)
  }
}
