// Opens the models that a merge file names: headers only, each once, under a label of its own.
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { agreeOnLite, agreeOnNames, agreeOnTies, type Checkpoint, isAdapter } from '../checkpoint/index.js'
import { type Path, UserError, within } from '../errors/index.js'
import { folderBeside } from '../files/index.js'
import { modelName, type ResolveOptions, resolveModel } from '../hub/index.js'
import { expandPath } from '../schema/index.js'
import { findDelta, openModel, openModels as openModelAndPost, openPost, resolveInputs } from '../sources/index.js'
import type { MergeFile } from './schema.js'

export interface MergeModel {
  /** Last part of the folder's path or of the name on the hub, numbered when two share it: what its random draws are keyed by. */
  label: string
  checkpoint: Checkpoint
}

export interface MergeModels {
  /** The model, or data, that the file calls by these words. */
  of(text: string): MergeModel
  /** The same of any words; undefined where the file does not name it. */
  find(text: string): MergeModel | undefined
  /** The folder with the tokenizer of any model, also of one that takes no part. */
  findTokenizer(text: string): Promise<string>
  /** Those whose weights take part, the base or else the first model at the head. */
  all: MergeModel[]
  /** As the file writes them. */
  names: string[]
  /** Every folder that is read, those of adapters and of data too. */
  folders: string[]
  /** Where the models and data of the file were found, by its words. */
  found: ReadonlyMap<string, FoundModel>
  close(): Promise<void>
}

/** The folder that words stand for, and that of the adapter on it, where the words name one. */
export interface FoundModel {
  folder: string
  adapter?: string
}

/** A model or data as the file writes it, and where. */
type Mention = readonly [text: string, path: Path]

/**
 * A model is a folder or a name on the hub; an adapter of the base model (of the model that it names, where the file has no
 * base); or `model+adapter`, as mergekit writes it. Folders are taken relative to the working directory, as mergekit does, or
 * else to the file.
 * @param known where the models are, if that was found before
 * @throws UserError with the path of the model that cannot be opened
 */
export async function openMergeModels(
  file: string,
  config: MergeFile,
  known: ReadonlyMap<string, FoundModel> = new Map(),
  options: ResolveOptions = {},
): Promise<MergeModels> {
  const { weights, data } = mentionsIn(config)
  const byText = new Map<string, MergeModel>()
  const byPlace = new Map<string, MergeModel>()
  const labels = new Set<string>()
  const places = new Map<string, FoundModel>()
  const open = async (text: string): Promise<MergeModel> => {
    const base = text === config.base_model ? undefined : byText.get(config.base_model ?? '')
    const { folder, adapter } = known.get(text) ?? (await findFolders(text, file, options))
    places.set(text, adapter === undefined ? { folder } : { folder, adapter })
    const place = adapter === undefined ? folder : `${folder}+${adapter}`
    const found = byPlace.get(place)
    if (found) return found
    const checkpoint = await openOne([folder, adapter], base?.checkpoint, options)
    const model = { label: labelOf(adapter ?? folder, labels), checkpoint }
    byPlace.set(place, model)
    return model
  }
  const close = async () => void (await Promise.all([...byPlace.values()].map(({ checkpoint }) => checkpoint.close())))
  try {
    for (const [text, path] of [...weights, ...data])
      if (!byText.has(text)) byText.set(text, await within(path, () => open(text)))
    const names = [...new Set(weights.map(([text]) => text))]
    const all = [...new Set(names.map((text) => byText.get(text)!))]
    const spelled = agreeOnNames(await agreeOnLite(all.map((model) => model.checkpoint)), 0)
    for (const [i, checkpoint] of (await agreeOnTies(spelled)).entries()) all[i]!.checkpoint = checkpoint
    for (const model of new Set(data.map(([text]) => byText.get(text)!)))
      if (!all.includes(model)) model.checkpoint = agreeOnNames([all[0]!.checkpoint, model.checkpoint], 0)[1]
    return {
      of: (text) => byText.get(text)!,
      find: (text) => byText.get(text),
      findTokenizer: (text) => findTokenizer(text, file),
      all,
      names,
      folders: [...byPlace.keys()].flatMap((place) => (existsSync(place) ? [place] : place.split('+'))),
      found: places,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** What a file names, in its order: models (the base first), then data. */
function mentionsIn({ models, slices, base_model: base }: MergeFile): { weights: Mention[]; data: Mention[] } {
  if ((models === undefined) === (slices === undefined))
    throw new UserError(
      models
        ? '`models` and `slices` cannot stand beside each other; give one of them'
        : 'either `models` or `slices` is needed',
      { path: [] },
    )
  const entries = [
    ...(models ?? []).map((entry, i) => ({ ...entry, path: ['models', i] })),
    ...(slices ?? []).flatMap(({ sources }, s) =>
      sources.map((entry, i) => ({ ...entry, path: ['slices', s, 'sources', i] })),
    ),
  ]
  const bases = (slices ?? []).flatMap(({ base_model: own }, s) =>
    own === undefined ? [] : [[own, ['slices', s, 'base_model']] as const],
  )
  return {
    weights: [
      ...(base === undefined ? [] : [[base, ['base_model']] as const]),
      ...entries.map(({ model, path }) => [model, [...path, 'model']] as const),
      ...bases,
    ],
    data: entries.flatMap(({ data, path }) => (data === undefined ? [] : [[data, [...path, 'data']] as const])),
  }
}

/** @param base the model that a folder with an adapter is an adapter of */
async function openOne(
  [folder, adapter]: readonly [folder: string, adapter: string | undefined],
  base: Checkpoint | undefined,
  options: ResolveOptions,
): Promise<Checkpoint> {
  if (adapter !== undefined) return openAdapted(folder, adapter)
  return base ? openPost(folder, base, options) : openModel(folder, options)
}

/** `model+adapter` or `model+delta file`, which are closed together. */
async function openAdapted(folder: string, adapter: string): Promise<Checkpoint> {
  if (!isAdapter(adapter) && !(await findDelta(adapter)))
    throw new UserError(
      `${adapter}: behind + an adapter is wanted, a folder with adapter_config.json, or a delta file of deltalab compress`,
    )
  const [base, adapted] = await openModelAndPost(folder, adapter)
  return { ...adapted, close: async () => void (await Promise.all([adapted.close(), base.close()])) }
}

async function findFolders(text: string, file: string, options: ResolveOptions): Promise<FoundModel> {
  const whole = await findHere(text, file)
  if (whole) return { folder: whole }
  const cut = text.lastIndexOf('+')
  const find = async (words: string): Promise<string> =>
    (await findHere(words, file)) ?? resolveModel(words, { ...options, root: rootOf(words, file) })
  if (cut < 0) return { folder: await find(text) }
  const { folder, adapter: under } = await findFolders(text.slice(0, cut), file, options)
  if (under !== undefined && !(await findDelta(under)))
    throw new UserError(`${text}: one model and one adapter are written model+adapter; ${under} is no delta file`)
  return { folder: under === undefined ? folder : `${folder}+${under}`, adapter: await find(text.slice(cut + 1)) }
}

async function findTokenizer(text: string, file: string): Promise<string> {
  const folder = await resolveInputs((await findHere(text, file)) ?? text)
  if (await stat(folder).catch(() => null)) return folder
  throw new UserError(`${text}: no such folder; base, union or a model is wanted`)
}

/** A folder of this machine, relative to the working directory or to the file. It has no revisions; as in mergekit, it is taken as it is. */
async function findHere(text: string, file: string): Promise<string | null> {
  for (const given of new Set([text, text.replace(/@[^@/+:]*$/, '')])) {
    const words = expandPath(given)
    for (const place of [resolve(words), resolve(dirname(file), words)])
      if (await stat(place).catch(() => null)) return place
  }
  return null
}

/** The folder in which a model that is not there was probably meant: that of the file, if it alone has what is like it. */
function rootOf(text: string, file: string): string | undefined {
  const hasNear = (root: string) => folderBeside(resolve(root, expandPath(text))) !== null
  return !hasNear('.') && hasNear(dirname(file)) ? dirname(file) : undefined
}

function labelOf(folder: string, taken: Set<string>): string {
  const plain = modelName(folder)
  let label = plain
  for (let i = 2; taken.has(label); i++) label = `${plain}-${i}`
  taken.add(label)
  return label
}
