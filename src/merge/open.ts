// Opens the models that a merge file names: headers only, each once, under a label of its own.
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import {
  agreeOnTies,
  type Checkpoint,
  isAdapter,
  openAdapter,
  openModel,
  openModels as openModelAndPost,
} from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { modelName, resolveModel } from '../hub/index.js'
import type { ErrorAt, Path } from './parameters.js'
import type { MergeFile } from './schema.js'

export interface Model {
  /** Last part of the folder's path or of the name on the hub, numbered when two share it: what its random draws are keyed by. */
  label: string
  checkpoint: Checkpoint
}

export interface Models {
  /** The model of a folder as the file writes it; undefined for words that the file does not give a model or data. */
  of(text: string): Model
  /** Those whose weights take part, the base or else the first model at the head. */
  all: Model[]
  /** As the file writes them. */
  names: string[]
  /** Every folder that is read, those of adapters and of data too. */
  folders: string[]
  close(): Promise<void>
}

/**
 * A model is a folder or a name on the hub; an adapter of the base model (of the model that it names, where the file has no
 * base); or `model+adapter`, as mergekit writes it. Folders are taken relative to the working directory, as mergekit does, or
 * else to the file.
 */
export async function openModels(file: string, config: MergeFile, errorAt: ErrorAt): Promise<Models> {
  if ((config.models === undefined) === (config.slices === undefined))
    throw errorAt(
      [],
      config.models
        ? '`models` and `slices` cannot stand beside each other; give one of them'
        : 'either `models` or `slices` is needed',
    )
  const entries = [
    ...(config.models ?? []).map((entry, i) => ({ ...entry, path: ['models', i] as Path })),
    ...(config.slices ?? []).flatMap(({ sources }, s) =>
      sources.map((entry, i) => ({ ...entry, path: ['slices', s, 'sources', i] as Path })),
    ),
  ]
  const weights: [string, Path][] = [
    ...(config.base_model === undefined ? [] : [[config.base_model, ['base_model']] as [string, Path]]),
    ...entries.map(({ model, path }): [string, Path] => [model, [...path, 'model']]),
  ]
  const data = entries.flatMap(({ data: folder, path }): [string, Path][] =>
    folder === undefined ? [] : [[folder, [...path, 'data']]],
  )
  const byText = new Map<string, Model>()
  const byPlace = new Map<string, Model>()
  const labels = new Set<string>()
  const open = async (text: string): Promise<Model> => {
    const base = text === config.base_model ? undefined : byText.get(config.base_model ?? '')
    const [folder, adapter] = await locate(text, file)
    const place = adapter === undefined ? folder : `${folder}+${adapter}`
    if (!byPlace.has(place!)) {
      const checkpoint =
        adapter !== undefined
          ? await openAdapted(folder!, adapter)
          : base && isAdapter(folder!)
            ? await openAdapter(folder!, base.checkpoint)
            : await openModel(folder!)
      byPlace.set(place!, { label: labelOf(adapter! ?? folder!, labels), checkpoint })
    }
    return byPlace.get(place!)!
  }
  const close = async () => void (await Promise.all([...byPlace.values()].map(({ checkpoint }) => checkpoint.close())))
  for (const [text, path] of [...weights, ...data]) {
    if (byText.has(text)) continue
    byText.set(
      text,
      await open(text).catch(async (error) => {
        await close()
        throw error instanceof UserError ? errorAt(path, error.message) : error
      }),
    )
  }
  const names = [...new Set(weights.map(([text]) => text))]
  const all = [...new Set(names.map((text) => byText.get(text)!))]
  try {
    for (const [i, checkpoint] of agreeOnTies(all.map((model) => model.checkpoint)).entries())
      all[i]!.checkpoint = checkpoint
  } catch (error) {
    await close()
    throw error
  }
  return {
    of: (text) => byText.get(text)!,
    all,
    names,
    folders: [...byPlace.keys()].flatMap((place) => (existsSync(place) ? [place] : place.split('+'))),
    close,
  }
}

/** `model+adapter`, which are closed together. */
async function openAdapted(folder: string, adapter: string): Promise<Checkpoint> {
  if (!isAdapter(adapter))
    throw new UserError(`${adapter}: behind + an adapter is wanted, a folder with adapter_config.json`)
  const [base, adapted] = await openModelAndPost(folder, adapter)
  return { ...adapted, close: async () => void (await Promise.all([adapted.close(), base.close()])) }
}

/** The folder that words stand for, and that of the adapter on it, where the words name one. */
async function locate(text: string, file: string): Promise<string[]> {
  const here = async (words: string): Promise<string | null> => {
    for (const place of [resolve(words), resolve(dirname(file), words)])
      if (await stat(place).catch(() => null)) return place
    return null
  }
  const whole = await here(text)
  if (whole) return [whole]
  const parts = text.split('+')
  if (parts.length > 2) throw new UserError(`${text}: one model and one adapter are written model+adapter`)
  return Promise.all(parts.map(async (words) => (await here(words)) ?? resolveModel(words)))
}

function labelOf(folder: string, taken: Set<string>): string {
  const plain = modelName(folder)
  let label = plain
  for (let i = 2; taken.has(label); i++) label = `${plain}-${i}`
  taken.add(label)
  return label
}
