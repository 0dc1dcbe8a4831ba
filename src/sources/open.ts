// Opens models as users name them: a folder, a name on the hub, an adapter, or a delta file.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import {
  ADAPTER_CONFIG,
  adapterBase,
  agreeOnLite,
  agreeOnNames,
  agreeOnTies,
  type Checkpoint,
  completeClip,
  homeOf,
  isAdapter,
  isClipVision,
  type OpenFolderOptions,
  openAdapter,
  openFolder,
} from '../checkpoint/index.js'
import { type ModelFolder, plainFolder } from '../delta/index.js'
import { UserError } from '../errors/index.js'
import { type ResolveOptions, resolveModel } from '../hub/index.js'
import { resolveInputs } from './companions.js'
import { findDelta, type NamedDelta } from './find-delta.js'

export interface OpenOptions extends ResolveOptions, OpenFolderOptions {
  /** Folder of the tokenizer, or its model on the hub, where the model's own is not meant. */
  tokenizer?: string | undefined
}

/** The same model with the tokenizer of another folder. */
async function withTokenizer(checkpoint: Checkpoint, { tokenizer, ...options }: OpenOptions): Promise<Checkpoint> {
  if (tokenizer === undefined) return checkpoint
  const companions = await resolveInputs(tokenizer, options)
  if (!['tokenizer.json', 'vocab.json', 'vocab.txt'].some((name) => existsSync(join(companions, name))))
    throw new UserError(`${companions}: holds no tokenizer.json; a folder with a tokenizer is wanted`)
  return { ...checkpoint, home: homeOf(checkpoint), companions, tokenizerFault: undefined }
}

/**
 * A model by itself. An adapter is opened with the base that it names; a delta file with the one in front of it, `BASE+FILE`.
 * @throws UserError as resolveModel, openCheckpoint and openAdapter do, and for a delta file without its base
 */
export async function openModel(reference: string, options: OpenOptions = {}): Promise<Checkpoint> {
  const checkpoint = await openAlone(await locate(reference, options), options)
  try {
    return await withTokenizer(checkpoint, options)
  } catch (error) {
    await checkpoint.close()
    throw error
  }
}

/** A folder, or a delta file. */
type Located = { folder: string } | NamedDelta

const locate = async (reference: string, options: ResolveOptions): Promise<Located> =>
  (await findDelta(reference, options)) ?? { folder: await resolveModel(reference, options) }

/** What a delta file stands on, as a user names it. */
const baseOf = async (delta: NamedDelta): Promise<string> =>
  delta.base ?? (await import('./delta-model.js')).recordedBase(delta)

/** @param given the base, which stays open; null where the file stands on another */
async function openDeltaOf(delta: NamedDelta, given: Checkpoint | null, options: ResolveOptions): Promise<Checkpoint> {
  const { file, isBitDelta } = delta
  if (isBitDelta) {
    const { openBitDelta, openBitDeltaAlone } = await import('./bitdelta.js')
    return given ? openBitDelta(file, given) : openBitDeltaAlone(file, await openModel(await baseOf(delta), options))
  }
  const { openDeltaModel } = await import('./delta-model.js')
  const folder = given ? await openModelFolder(given.folder) : await openModelFolder(await baseOf(delta), options)
  return openDeltaModel(file, folder, given)
}

async function openAlone(located: Located, options: OpenOptions): Promise<Checkpoint> {
  if ('file' in located) return openDeltaOf(located, null, options)
  const { folder } = located
  if (!isAdapter(folder)) return openFolder(folder, options)
  const { named, revision } = await adapterBase(folder)
  if (!named)
    throw new UserError(
      `${folder}: adapter_config.json names no base_model_name_or_path, and an adapter is no model without its base`,
    )
  const beside = resolve(folder, named)
  const source = revision && !existsSync(named) && !named.includes('@') ? `${named}@${revision}` : named
  const base = await openBase(folder, named, async () =>
    openFolder(existsSync(join(beside, 'config.json')) ? beside : await resolveModel(source, options)),
  )
  try {
    const adapted = await openAdapter(folder, base)
    return { ...adapted, close: async () => void (await Promise.all([adapted.close(), base.close()])) }
  } catch (error) {
    await base.close()
    throw error
  }
}

/** @throws UserError that says why this model is looked for */
async function openBase(folder: string, named: string, open: () => Promise<Checkpoint>): Promise<Checkpoint> {
  try {
    return await open()
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    throw new UserError(
      `${folder}: the adapter's base, ${named} (${ADAPTER_CONFIG}), cannot be opened: ${error.message}; where the base lies elsewhere, write its folder there`,
    )
  }
}

/**
 * A post-trained model: a checkpoint, or an adapter or a delta file of `base`, which stays open and is the caller's.
 * @throws UserError as openModel does
 */
export async function openPost(reference: string, base: Checkpoint, options: ResolveOptions = {}): Promise<Checkpoint> {
  return openOn(await locate(reference, options), base, options)
}

async function openOn(
  located: Located,
  base: Checkpoint,
  options: ResolveOptions & OpenFolderOptions,
): Promise<Checkpoint> {
  if ('file' in located) return openDeltaOf(located, located.base === null ? base : null, options)
  return isAdapter(located.folder) ? openAdapter(located.folder, base) : openFolder(located.folder, options)
}

/**
 * The folder of a model; that of a delta file is there until it is closed.
 * @param base what a delta file without a base stands on; it stays open
 * @throws UserError for a delta file where the weights must lie in files (`isStored`)
 */
export async function openModelFolder(
  reference: string,
  { isStored = false, base, ...options }: ResolveOptions & { isStored?: boolean; base?: ModelFolder } = {},
): Promise<ModelFolder> {
  const located = await locate(reference, options)
  if ('folder' in located) return plainFolder(located.folder)
  if (located.isBitDelta)
    throw new UserError(
      `${located.name}: is a file of BitDelta, whose weights lie nowhere: give the folder that deltalab apply writes of it`,
    )
  if (isStored)
    throw new UserError(
      `${located.name}: is a delta file, whose weights lie nowhere: a codec with loss takes the folder that deltalab apply writes`,
    )
  const { openDeltaFolder } = await import('../delta/index.js')
  if (located.base === null && base) return openDeltaFolder(located.file, { ...base, close: async () => undefined })
  return openDeltaFolder(located.file, await openModelFolder(await baseOf(located), options))
}

/** A base and a post-trained model, whose tokenizer may be chosen, and which may be an adapter or a delta file of it, or its image tower; where one has an output of its own or a parameter-lite encoder, both have. */
export async function openModels(
  base: string,
  post: string,
  options: OpenOptions = {},
): Promise<[base: Checkpoint, post: Checkpoint]> {
  const [baseAt, postAt] = [await locate(base, options), await locate(post, options)]
  const opened = 'file' in baseAt ? await openAlone(baseAt, options) : await openFolder(baseAt.folder, options)
  let found: Checkpoint | undefined
  try {
    found = await openOn(postAt, opened, options)
    const whole = isClipVision(found.config, opened.config) ? completeClip(found, opened) : found
    const post = await withTokenizer(whole, options)
    return await agreeOnTies(agreeOnNames(await agreeOnLite([opened, post]), 1))
  } catch (error) {
    await Promise.all([opened.close(), found?.close()])
    throw error
  }
}
