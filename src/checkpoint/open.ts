// Opens models as users name them: a folder, a name on the hub, or an adapter.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { UserError } from '../errors/index.js'
import { type ResolveOptions, resolveModel } from '../hub/index.js'
import { isAdapter, openAdapter, openFolder, openPost } from './adapter.js'
import { readAdapterConfig } from './adapter-config.js'
import type { Checkpoint } from './checkpoint.js'
import { completeClip, isClipVision } from './clip-vision.js'
import { agreeOnNames } from './spellings.js'
import { agreeOnTies } from './tied.js'

/**
 * A model by itself. An adapter is opened with the base that it names.
 * @throws UserError as resolveModel, openCheckpoint and openAdapter do
 */
export async function openModel(reference: string, options: ResolveOptions = {}): Promise<Checkpoint> {
  const folder = await resolveModel(reference, options)
  if (!isAdapter(folder)) return openFolder(folder)
  const { base_model_name_or_path: named } = await readAdapterConfig(folder)
  if (!named)
    throw new UserError(
      `${folder}: adapter_config.json names no base_model_name_or_path, and an adapter is no model without its base`,
    )
  const beside = resolve(folder, named)
  const base = await openFolder(existsSync(join(beside, 'config.json')) ? beside : await resolveModel(named, options))
  const adapted = await openAdapter(folder, base)
  return { ...adapted, close: async () => void (await Promise.all([adapted.close(), base.close()])) }
}

/** A base and a post-trained model, which may be an adapter of it, or its image tower; where one has an output of its own, both have. */
export async function openModels(
  base: string,
  post: string,
  options: ResolveOptions = {},
): Promise<[base: Checkpoint, post: Checkpoint]> {
  const [baseFolder, postFolder] = [await resolveModel(base, options), await resolveModel(post, options)]
  const opened = await openFolder(baseFolder)
  let found: Checkpoint | undefined
  try {
    found = await openPost(postFolder, opened)
    const post = isClipVision(found.config, opened.config) ? completeClip(found, opened) : found
    return agreeOnTies(agreeOnNames([opened, post], 1))
  } catch (error) {
    await Promise.all([opened.close(), found?.close()])
    throw error
  }
}
