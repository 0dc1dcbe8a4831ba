// Opens and checks everything that a sweep reads, from headers alone: pairs, selections, tokenizers and tasks. Errors in the input
// are found here, before weights are read.
import { homeOf, inputsOf, leftByLinear, pairCheckpoints, selectTensors } from '../checkpoint/index.js'
import type { Experiment, ModelPair } from '../config/index.js'
import { UserError } from '../errors/index.js'
import {
  askInChat,
  checkItems,
  checkLoss,
  checkTask,
  checkTower,
  encodeItems,
  fitTask,
  keepTokens,
  loadReader,
  type Reach,
  type Reader,
} from '../evaluate/index.js'
import { KEEP_NOTHING, type Kept } from '../files/index.js'
import { checkClass, checkDivergence, type Model, modelOf } from '../models/index.js'
import { openModels } from '../sources/index.js'
import { loadTask, type Task } from '../tasks/index.js'
import { countEntries } from '../tensor/index.js'
import { measuredItems, validationRange } from './items.js'

export interface ModelInputs {
  /** With the folders that were opened; a model of the hub has been downloaded by now. */
  pair: ModelPair
  /** Number of parameters of the model, by the shapes of its config. */
  parameters: number
  /** Bytes of the weights of base and post. */
  bytes: number
  /** Length of every sequence, where the model has images. */
  sequence?: number | undefined
  reach: Reach
  tokenizer: Reader
  tasks: { source: string; task: Task }[]
  /** Sentences about tensors that the selections leave out without naming them. */
  left: string[]
}

/** @throws UserError for a pattern that matches nothing */
export function checkSelections(
  { edits, file }: Experiment,
  tensors: readonly { name: string; shape: readonly number[] }[],
): string[] {
  for (const { label, tensors: selection } of edits) {
    try {
      selectTensors(tensors, selection)
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      throw new UserError(`${file}: tensors of ${label}: ${error.message}`, { cause: error })
    }
  }
  return [
    ...new Set(edits.map(({ tensors: selection }) => leftByLinear(tensors, selection)).filter((text) => text !== null)),
  ]
}

/**
 * Opens what every model of the experiment needs. `allowCode`: its tasks may run generated programs.
 * @throws UserError naming the folder, tensor, task or pattern that is missing or does not match
 */
export async function openInputs(
  experiment: Experiment,
  { allowCode, kept }: Pick<Surroundings, 'allowCode' | 'kept'> = {},
): Promise<ModelInputs[]> {
  const opened: ModelInputs[] = []
  for (const pair of experiment.models) {
    const [base, post] = await openModels(pair.baseFolder, pair.postFolder, {
      tokenizer: pair.tokenizerFolder,
      check: checkClass,
    })
    try {
      const { names, unmatched } = await pairCheckpoints(base, post, pair)
      const tensors = names.map((name) => post.tensors.get(name)!)
      const alone = unmatched.length ? [`${pair.name}: without a partner and left out: ${unmatched.join(', ')}`] : []
      const left = [...checkSelections(experiment, tensors), ...alone]
      const model = modelOf(post, pair.postFolder)
      await checkTower(model, base)
      const described = await describeModel(experiment, pair, model, {
        folder: inputsOf(post),
        home: homeOf(post),
        allowCode,
        kept,
      })
      const bytes = [base, post]
        .flatMap(({ tensors }) => [...tensors.values()])
        .reduce((sum, { begin, end }) => sum + end - begin, 0)
      opened.push({ ...described, pair: { ...pair, baseFolder: base.folder, postFolder: post.folder }, bytes, left })
    } finally {
      await Promise.all([base.close(), post.close()])
    }
  }
  return opened
}

/** The experiment with the folders that were opened, so that runs and workers do not ask the hub again. */
export function locateModels(experiment: Experiment, inputs: readonly ModelInputs[]): Experiment {
  const folders = new Map<string, string>()
  for (const [i, { pair }] of inputs.entries()) {
    const { baseFolder, postFolder } = experiment.models[i]!
    folders.set(baseFolder, pair.baseFolder).set(postFolder, pair.postFolder)
  }
  const at = (folder: string) => folders.get(folder) ?? folder
  const locate = (pair: ModelPair): ModelPair => ({
    ...pair,
    baseFolder: at(pair.baseFolder),
    postFolder: at(pair.postFolder),
  })
  return {
    ...experiment,
    models: experiment.models.map(locate),
    merges: experiment.merges.map((edit) => ({
      ...edit,
      merge: { ...edit.merge, posts: edit.merge.posts.map(locate) },
    })),
  }
}

interface Surroundings {
  /** Holds the tokenizer or the preprocessor. */
  folder: string
  /** Holds generation_config.json, if it is another folder. */
  home?: string
  load?: (source: string) => Promise<Task>
  /** Called with each mismatch; without it a mismatch is an error. */
  onObstacle?: (message: string) => void
  allowCode?: boolean | undefined
  /** Where token ids are kept. */
  kept?: Kept | undefined
}

/** Tokenizer and tasks of a model, checked against each other. */
export async function describeModel(
  experiment: Experiment,
  pair: ModelPair,
  model: Model,
  {
    folder,
    home,
    load = (source) => loadTask(source, { tasks: experiment.registry.tasks }),
    onObstacle,
    allowCode,
    kept = KEEP_NOTHING,
  }: Surroundings,
): Promise<Omit<ModelInputs, 'bytes' | 'left'>> {
  const tokenizer = await keepTokens(await loadReader(folder, model, home), folder, kept)
  const tasks = await Promise.all(
    pair.tasks.map(async ({ source }) => ({
      source,
      task: await fitTask(await askInChat(await load(source), folder, pair.chat), tokenizer, model),
    })),
  )
  const check = async (work: () => unknown) => {
    try {
      await work()
    } catch (error) {
      if (!onObstacle || !(error instanceof UserError)) throw error
      onObstacle(`${pair.name}, ${pair.post}: ${error.message}`)
    }
  }
  const needed = experiment.merges.filter(
    ({ merge }) => merge.data && merge.posts.some((post) => post.postFolder === pair.postFolder),
  )
  for (const { task } of tasks) {
    const { score, loss } = experiment
    if (score) await check(() => checkTask(task, model, { allowCode }))
    else if (loss) await check(() => checkLoss(task, model))
    if (score)
      await check(() => checkItems(task, tokenizer, model, { items: validationRange(experiment)?.[1] ?? score.items }))
    // The placeholders of a forecast have no image file.
    if (loss && (task.kind !== 'images' || task.items[0]?.image))
      await check(() => encodeItems(task, tokenizer, model, { items: task.kind === 'images' ? 1 : loss.items }))
    if (loss && loss.kind === 'kl') await check(() => checkDivergence(model, pair.post))
    await check(() => checkApart(experiment, task, needed[0]?.merge.merger))
  }
  return { pair, parameters: countParameters(model), sequence: model.sequence, reach: model, tokenizer, tasks }
}

const countParameters = ({ shapes }: Model): number =>
  Object.values(shapes).reduce((sum, shape) => sum + countEntries(shape), 0)

/** The items for mergers, for validation and for measuring must not overlap. */
function checkApart(experiment: Experiment, { name, items }: Task, merger: string | undefined): void {
  const { file, data } = experiment
  const measured = measuredItems(experiment)
  const range = validationRange(experiment)
  const left = items.length - (merger === undefined ? 0 : data.items)
  if (range && range[1] > left) {
    const last = merger === undefined ? '' : `, of which ${merger} is given the last ${data.items}`
    throw new UserError(
      `${file}: validation needs ${range[1] - range[0]} items after the first ${range[0]}, which are measured on; ${name} has ${items.length}${last}: lower \`validation\` or \`items\``,
    )
  }
  if (merger === undefined || Math.min(measured, items.length) <= left) return
  throw new UserError(
    `${file}: ${merger} is given the last ${data.items} of the ${items.length} items of ${name}, and the first ${measured} are measured on: ` +
      'lower items of `data`, or those of `score` and `loss`',
  )
}

/** The tasks of a model as the planner takes them. */
export function plannedTasks({ tasks }: ModelInputs) {
  return tasks.map(({ source, task }) => ({ name: task.name, version: task.version, source }))
}
