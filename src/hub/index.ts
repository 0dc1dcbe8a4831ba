// The hub: models and data sets by name, downloaded into the cache that Hugging Face's tools share.
import { readdir } from 'node:fs/promises'
import { basename, join, relative, resolve } from 'node:path'
import { UserError } from '../errors/index.js'
import { folderBeside, interruptedAt } from '../files/index.js'
import { expandPath, type JsonObject, readObject } from '../schema/index.js'
import { chooseAt, chooseModel, chooseModelFiles, isWeightFile, usualFiles } from './choose.js'
import { chooseDataFiles, type DataChoice } from './datafiles.js'
import type { RemoteFile } from './file.js'
import { cachedName, datasetNamed, modelFolder, remoteFile, remoteModel, shippedModel } from './reference.js'
import { type HubSettings, readSettings } from './settings.js'
import type { Choose, SnapshotOptions } from './snapshot.js'

export { isWeightFile } from './choose.js'
export { chooseCompanions, isSettingsFile, isTokenizerFile } from './companions.js'
export {
  modelFolder,
  modelName,
  placeModel,
  remoteFile,
  remoteModel,
  remoteNames,
} from './reference.js'
export { type HubSettings, readSettings } from './settings.js'

/** What speaks to the hub, imported when a name is not a folder. */
const openHub = () => import('./snapshot.js')

/** How models and data sets are found, and what is asked of them on the way. */
export interface ResolveOptions {
  /** Folder that paths are relative to; the working directory unless given. */
  root?: string | undefined
  /** Those of the environment unless given. */
  settings?: HubSettings
  /** Called as bytes arrive. */
  onDownload?: SnapshotOptions['onBytes']
  /** Looks at config.json of a model of the hub before its weights are downloaded; that of an adapter is not asked for. */
  check?: (config: JsonObject, reference: string) => void
  /** Called before the hub is asked for a model: what can be wrong without it is said first. */
  beforeDownload?: (() => Promise<void>) | undefined
}

/** A path relative to the working directory stays as it is written. */
function localFolder(reference: string, root: string | undefined): string {
  if (root !== undefined) return modelFolder(reference, root)
  const path = expandPath(reference)
  return shippedModel(path) ?? path
}

/**
 * The path of a file: of this machine as it is written; `[org/]name[@revision]:path` is downloaded into the cache first. The path may be
 * that of a folder with a model.
 * @throws UserError as resolveModel does, and for what the repository does not have
 */
export async function resolveFile(
  reference: string,
  { root, settings = readSettings(), onDownload, check, beforeDownload }: ResolveOptions = {},
): Promise<string> {
  const wanted = remoteFile(reference, root)
  if (!wanted) return localFolder(reference, root)
  const { repository, path } = wanted
  if (isWeightFile(basename(path))) {
    const model = reference.slice(0, reference.lastIndexOf(basename(path))).replace(/[:/]$/, '')
    throw new UserError(`${reference}: is the weights of a model; ${model} is the model`)
  }
  await beforeDownload?.()
  const { takeSnapshot } = await openHub()
  const choose = chooseAt(wanted, chooseModel(reference))
  const onConfig = check && ((place: string) => check(readObject(place), reference))
  return join(await takeSnapshot(repository, choose, settings, { onBytes: onDownload, needed: path, onConfig }), path)
}

/**
 * The folder of a model: a path is returned as it is; the name of a shipped model is its folder in the package; `[org/]name[@revision]` is downloaded into the cache first,
 * and so is a file, or a folder of the repository, that is named behind it.
 * @throws UserError: not found, gated, no network, no weights that are read
 */
export async function resolveModel(reference: string, options: ResolveOptions = {}): Promise<string> {
  const { root, settings = readSettings(), onDownload, check, beforeDownload } = options
  if (remoteFile(reference, root)) return resolveFile(reference, options)
  const repository = remoteModel(reference, root)
  const folder = localFolder(reference, root)
  // An interrupted run may have moved a folder of this name aside.
  if (!repository || (await interruptedAt(folder))) return folder
  await beforeDownload?.()
  const { takeSnapshot } = await openHub()
  const near = folderBeside(folder)
  const asked = { ...repository, near: near === null ? undefined : basename(near) }
  return takeSnapshot(asked, chooseModel(repository.name), settings, {
    onBytes: onDownload,
    onConfig: check && ((place) => check(readObject(place), reference)),
  })
}

/** Why a folder of the cache lacks a file: the end of an error; empty for other folders. */
export function describeCut(folder: string): string {
  const name = cachedName(resolve(folder))
  if (name === null) return ''
  const rest = readSettings().offline
    ? 'HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) forbids to download the rest'
    : 'the hub did not give the rest'
  return `; only a part of ${name} is in the cache, and ${rest}`
}

export interface PlannedFile extends RemoteFile {
  /** True for a file that an earlier download left in the cache. */
  here: boolean
}

/** The files that resolveModel would bring, of a model or the file behind it; null for a path. Nothing is downloaded but what says which they are. A model without weights that are read has none among them. */
export async function planModel(reference: string, settings = readSettings()): Promise<PlannedFile[] | null> {
  const single = remoteFile(reference)
  const repository = single?.repository ?? remoteModel(reference)
  if (!repository) return null
  if (settings.offline)
    throw new UserError(
      `${reference}: the hub must be asked for the list of files, and HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) forbids it`,
    )
  const { bringFile, isHere, listRepository } = await openHub()
  const { commit, files } = await listRepository(repository, settings)
  const asked = { ...repository, revision: commit }
  const choose = single ? chooseAt(single, chooseModelFiles) : chooseModelFiles
  const here = new Set(files.filter((file) => isHere(asked, file, settings)).map(({ path }) => path))
  const chosen = await choose(files, (file) => bringFile(asked, file, settings))
  return chosen.map((file) => ({ ...file, here: here.has(file.path) }))
}

/** The folder of a model with everything but its weights: configuration, tokenizer, preprocessor. @throws UserError as resolveModel does */
export async function resolveCompanions(reference: string, options: ResolveOptions = {}): Promise<string> {
  const { root, settings = readSettings() } = options
  const wanted = remoteFile(reference, root)
  const repository = wanted?.repository ?? remoteModel(reference, root)
  if (!repository) return resolveFile(reference, options)
  const { takeSnapshot } = await openHub()
  const choose: Choose = (files) => usualFiles(files).filter(({ path }) => !isWeightFile(basename(path)))
  if (!wanted) return takeSnapshot(repository, choose, settings)
  return join(await takeSnapshot(repository, chooseAt(wanted, choose), settings, { needed: wanted.path }), wanted.path)
}

/**
 * The files of one split of a data set, downloaded: paths, in the order of their names.
 * @param reference `[org/]name[@revision]`; data that the hub has converted to Parquet itself is found too
 */
export async function resolveDataset(
  reference: string,
  choice: DataChoice,
  options: ResolveOptions = {},
): Promise<string[]> {
  const { settings = readSettings(), onDownload } = options
  const { takeSnapshot } = await openHub()
  const repository = datasetNamed(reference)
  const converted = { ...repository, revision: 'refs/convert/parquet' }
  let [paths, asked]: [string[], boolean] = [[], false]
  const choose = (files: readonly RemoteFile[]) => {
    const chosen = chooseDataFiles(files, choice)
    asked = true
    paths = chosen.map(({ path }) => path)
    return chosen
  }
  for (const each of repository.revision === 'main' ? [repository, converted] : [repository]) {
    asked = false
    const folder = await takeSnapshot(each, choose, settings, { onBytes: onDownload }).catch((error: unknown) => {
      if (each === converted) return null
      throw error
    })
    if (folder && !asked) choose(await listFolder(folder))
    if (folder && paths.length) return paths.map((path) => `${folder}/${path}`)
  }
  const { config, split } = choice
  throw new UserError(
    `${reference}: no JSONL, CSV or Parquet file of the split ${split}${config ? ` of ${config}` : ''} was found`,
  )
}

/** The files of a cached snapshot, for when the hub was not asked. */
async function listFolder(folder: string): Promise<RemoteFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => ({ path: relative(folder, join(entry.parentPath, entry.name)), size: 0, checksum: '' }))
}
