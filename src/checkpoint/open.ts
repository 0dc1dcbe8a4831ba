// Opens models as users name them: a folder, a name on the hub, or an adapter.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { UserError } from '../errors/index.js'
import { type ResolveOptions, resolveCompanions, resolveModel } from '../hub/index.js'
import { companionsOf, homeOf, isAdapter, openAdapter, openFolder, openPost } from './adapter.js'
import { ADAPTER_CONFIG, readAdapterConfig } from './adapter-config.js'
import type { Checkpoint } from './checkpoint.js'
import { completeClip, isClipVision } from './clip-vision.js'
import { agreeOnLite } from './parameter-lite.js'
import { agreeOnNames } from './spellings.js'
import { agreeOnTies } from './tied.js'

export interface OpenOptions extends ResolveOptions {
  /** Folder of the tokenizer, or its model on the hub, where the model's own is not meant. */
  tokenizer?: string | undefined
}

/** The same model with the tokenizer of another folder. */
async function withTokenizer(checkpoint: Checkpoint, { tokenizer, ...options }: OpenOptions): Promise<Checkpoint> {
  if (tokenizer === undefined) return checkpoint
  const companions = await resolveCompanions(tokenizer, options)
  if (!['tokenizer.json', 'vocab.json'].some((name) => existsSync(join(companions, name))))
    throw new UserError(`${companions}: holds no tokenizer.json; a folder with a tokenizer is wanted`)
  return { ...checkpoint, home: homeOf(checkpoint), companions, tokenizerFault: undefined }
}

/** Folder of what a model's input is made with: its tokenizer or preprocessor. @throws UserError where its file describes none that is read */
export function inputsOf(checkpoint: Checkpoint): string {
  if (checkpoint.tokenizerFault !== undefined) throw new UserError(checkpoint.tokenizerFault)
  return companionsOf(checkpoint)
}

/**
 * A model by itself. An adapter is opened with the base that it names.
 * @throws UserError as resolveModel, openCheckpoint and openAdapter do
 */
export async function openModel(reference: string, options: OpenOptions = {}): Promise<Checkpoint> {
  const checkpoint = await openNamed(reference, options)
  try {
    return await withTokenizer(checkpoint, options)
  } catch (error) {
    await checkpoint.close()
    throw error
  }
}

async function openNamed(reference: string, options: ResolveOptions): Promise<Checkpoint> {
  const folder = await resolveModel(reference, options)
  if (!isAdapter(folder)) return openFolder(folder)
  const { base_model_name_or_path: named, revision } = await readAdapterConfig(folder)
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

/** A base and a post-trained model, whose tokenizer may be chosen, and which may be an adapter of it, or its image tower; where one has an output of its own or a parameter-lite encoder, both have. */
export async function openModels(
  base: string,
  post: string,
  options: OpenOptions = {},
): Promise<[base: Checkpoint, post: Checkpoint]> {
  const [baseFolder, postFolder] = [await resolveModel(base, options), await resolveModel(post, options)]
  const opened = await openFolder(baseFolder)
  let found: Checkpoint | undefined
  try {
    found = await openPost(postFolder, opened)
    const whole = isClipVision(found.config, opened.config) ? completeClip(found, opened) : found
    const post = await withTokenizer(whole, options)
    return agreeOnTies(agreeOnNames(agreeOnLite([opened, post]), 1))
  } catch (error) {
    await Promise.all([opened.close(), found?.close()])
    throw error
  }
}
