// Plans for models that are still on the hub: their file sizes, configuration, tokenizer and tasks are read. Weights are not
// downloaded, so a mismatch that only their headers show (a tensor without a partner) is found later, by the sweep.
import { join } from 'node:path'
import { checkQuantisation, isClipVision } from '../checkpoint/index.js'
import type { Experiment, ModelPair } from '../config/index.js'
import { readsImages, runsCode } from '../evaluate/index.js'
import { isWeightFile, planModel, readSettings, remoteFile, remoteNames } from '../hub/index.js'
import { loadModel } from '../models/index.js'
import type { Registry } from '../registry/index.js'
import { readObject } from '../schema/index.js'
import { resolveInputs } from '../sources/index.js'
import { type ImageItem, identifyTask, imageFile, loadTask, type Task } from '../tasks/index.js'
import { hasTokenizer } from '../tokenizer/index.js'
import { checkSelections, describeModel, type ModelInputs, openInputs } from './inputs.js'
import { measuredItems, validationRange } from './items.js'
import type { PlannedTask } from './plan.js'

/** A model of the hub, and what is still to be downloaded. */
export interface Download {
  model: string
  /** Number of files to download, and their bytes. */
  files: number
  bytes: number
  /** Bytes of the model's weights, downloaded or not; 0 if it has none that are read. */
  weights: number
}

/** The tasks of each model, from their cards alone: no data and no network are needed. */
export function identifyTasks({ models, registry }: Experiment): PlannedTask[][] {
  return models.map(({ tasks }) =>
    tasks.map(({ source }) => {
      const { name, version } = identifyTask(source, { tasks: registry.tasks })
      return { name, version, source }
    }),
  )
}

/** Every model of the hub that the experiment names, once. @throws UserError where the hub cannot be asked, or knows no such model */
export async function listDownloads({ models }: Experiment): Promise<Download[]> {
  const settings = readSettings()
  const folders = models.flatMap(({ baseFolder, postFolder }) => [baseFolder, postFolder])
  const names = new Set(folders.flatMap((folder) => remoteNames(folder)))
  if (settings.offline) return []
  const downloads: Download[] = []
  for (const model of names) {
    const files = (await planModel(model, settings))!
    const missing = files.filter(({ here }) => !here)
    const sum = (some: typeof files) => some.reduce((total, { size }) => total + size, 0)
    downloads.push({
      model,
      files: missing.length,
      bytes: sum(missing),
      weights: sum(files.filter(({ path }) => isWeightFile(path) || remoteFile(model))),
    })
  }
  return downloads
}

/** Like openInputs, when some models are not downloaded yet. `obstacles`: the reasons why a sweep would refuse to start, one line each. */
export async function forecastInputs(
  experiment: Experiment,
  downloads: readonly Download[],
): Promise<{ inputs: ModelInputs[]; obstacles: string[] }> {
  const obstacles = downloads
    .filter(({ weights }) => weights === 0)
    .map(
      ({ model }) =>
        `${model} holds neither model.safetensors nor pytorch_model.bin: convert its weights, and give the folder`,
    )
  const awaited = new Map(
    downloads.filter(({ files, weights }) => files > 0 || weights === 0).map((each) => [each.model, each]),
  )
  const inputs: ModelInputs[] = []
  for (const pair of experiment.models) {
    const folders = [pair.baseFolder, pair.postFolder].map((folder) => remoteNames(folder))
    if (!folders.flat().some((name) => awaited.has(name))) {
      inputs.push(...(await openInputs({ ...experiment, models: [pair] }, { allowCode: true })))
      continue
    }
    const found = await forecastModel(experiment, pair, (message) => obstacles.push(message))
    const weightsOf = (names: string[]) => names.reduce((sum, name) => sum + (awaited.get(name)?.weights ?? 0), 0)
    const bytes = folders.reduce((sum, names) => sum + (weightsOf(names) || WIDTH * found.parameters), 0)
    inputs.push({ ...found, bytes })
  }
  for (const { task } of inputs.flatMap(({ tasks }) => tasks)) {
    if (experiment.score && runsCode(task))
      obstacles.push(
        `task ${task.name} runs the programs that the model writes: sweep does so with --allow-code-execution`,
      )
  }
  return { inputs, obstacles: [...new Set(obstacles)] }
}

/** Bytes per parameter when the file sizes are unknown: bfloat16, the usual format on the hub. */
const WIDTH = 2

async function forecastModel(
  experiment: Experiment,
  pair: ModelPair,
  onObstacle: (message: string) => void,
): Promise<Omit<ModelInputs, 'bytes'>> {
  const baseFolder = await resolveInputs(withoutFile(pair.baseFolder))
  const postFolder = remoteFile(pair.postFolder)
    ? baseFolder
    : await resolveInputs(withoutFile(pair.postFolder), {}, pair.baseFolder)
  const own = readConfig(postFolder)
  // A CLIP image tower alone takes the rest of the model from the base.
  const whole = own.model_type === 'clip_vision_model' ? readConfig(baseFolder) : own
  const chosen = pair.tokenizerFolder && (await resolveInputs(pair.tokenizerFolder))
  const folder = chosen || (isClipVision(own, whole) ? baseFolder : postFolder)
  const model = loadModel(isClipVision(own, whole) ? whole : own)
  const tensors = Object.entries(model.shapes).map(([name, shape]) => ({ name, shape }))
  const left = checkSelections(experiment, tensors)
  const items = validationRange(experiment)?.[1] ?? measuredItems(experiment)
  const read = readsImages(model) ? imageFile(folder) !== null : hasTokenizer(folder)
  if (!read)
    onObstacle(
      `${pair.post} holds no tokenizer that is read, and no preprocessor_config.json: a sweep needs that of ${pair.base} beside it`,
    )
  const described = await describeModel(experiment, pair, model, {
    folder: read ? folder : baseFolder,
    load: (source) => loadText(source, items, experiment.registry),
    onObstacle,
    allowCode: true,
  })
  return { ...described, left }
}

/** The base in front of a delta file of the hub. The sweep downloads the file; until then its configuration is taken to be the base's. */
function withoutFile(reference: string): string {
  const cut = reference.lastIndexOf('+')
  return cut > 0 && remoteFile(reference.slice(cut + 1)) ? reference.slice(0, cut) : reference
}

function readConfig(folder: string) {
  const config = readObject(join(folder, 'config.json'), 'is missing; a plan needs it before the weights are here')
  checkQuantisation(folder, config)
  return config
}

/** Loads a text task. An image task gets placeholders: only the number of images matters here. */
async function loadText(source: string, items: number, { tasks }: Registry): Promise<Task> {
  const { name, version, kind, metric } = identifyTask(source, { tasks })
  if (kind !== 'images') return loadTask(source, { tasks })
  const item = (id: number): ImageItem => ({ id: String(id), prompt: '', target: '', fields: {}, image: '', label: 0 })
  return {
    name,
    version,
    description: name,
    kind,
    metric,
    classes: ['?'],
    maxNewTokens: 0,
    items: Array.from({ length: items }, (_, id) => item(id)),
  }
}
