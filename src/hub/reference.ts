// References to models and data sets: a folder of this machine, or `org/name[@revision]` on the hub.
import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { UserError } from '../errors/index.js'

export interface Repository {
  type: 'model' | 'dataset'
  /** `org/name`. */
  name: string
  /** Branch, tag or commit. */
  revision: string
}

const REFERENCE = /^([A-Za-z0-9][\w.-]*)\/([A-Za-z0-9][\w.-]*)(?:@([\w./-]+))?$/

/** Words in the form of a reference, e.g. `Qwen/Qwen2-7B@main`; null for anything else. */
export function parseReference(text: string, type: Repository['type']): Repository | null {
  const found = REFERENCE.exec(text)
  return found && { type, name: `${found[1]}/${found[2]}`, revision: found[3] ?? 'main' }
}

/**
 * The repository that `text` names, or null where it is (or can only be) a path: it exists, its first folder does, or it
 * is not of the form `org/name`.
 * @param root folder that paths are relative to
 */
export function remoteModel(text: string, root = '.'): Repository | null {
  const repository = parseReference(text, 'model')
  return repository === null || existsSync(resolve(root, text.split('/')[0])) ? null : repository
}

const CACHED = /[/\\]models--[^/\\]+?--([^/\\]+)[/\\]snapshots[/\\][0-9a-f]{40}$/

/** What a model is called: the last part of its folder's path or of its name on the hub, also where that is a folder of the cache. */
export function modelName(place: string): string {
  return CACHED.exec(place)?.[1] ?? basename(parseReference(place, 'model')?.name ?? place)
}

/** @throws UserError unless the text is `org/name[@revision]` */
export function datasetNamed(text: string): Repository {
  const repository = parseReference(text, 'dataset')
  if (!repository) throw new UserError(`a data set of the hub is org/name or org/name@revision, got ${JSON.stringify(text)}`)
  return repository
}
