// Which files of a repository are a model.
import { basename, extname } from 'node:path'
import { firstFew, UserError } from '../errors/index.js'
import { isObject, readObject } from '../schema/index.js'
import { chooseCompanions } from './companions.js'
import type { RemoteFile } from './file.js'
import type { RepositoryFile } from './reference.js'
import type { Choose } from './snapshot.js'

/** Weights in the formats that are read, the best first: of several the first is taken. Variants (`model.fp16.safetensors`) come after what is read as it is. */
const WEIGHTS = [
  /^(model|adapter_model)(-\d+-of-\d+)?\.safetensors$/,
  /^(model|adapter_model)[\w.-]*\.safetensors$/,
  /^(pytorch_model(-\d+-of-\d+)?|adapter_model)\.bin$/,
  /^pytorch_model[\w.-]*\.bin$/,
] as const
/** Files that say where weights lie. */
const GUIDES = /^(model\.safetensors\.index\.json|pytorch_model\.bin\.index\.json|adapter_config\.json)$/

/** Models in a file: with a configuration of their own, or on a base. */
const SINGLE = /\.(gguf|delta)$/
/** One of the parts of a GGUF file. */
const PART = /\d{5}(?=-of-\d{5}\.gguf$)/

const isUsual = (path: string): boolean => WEIGHTS.some((format) => format.test(path))

/** Whether a file that is chosen holds weights. */
export const isWeightFile = (path: string): boolean => isUsual(path) || path.endsWith('.safetensors')

/** Weights under their usual names and all that belongs to them. An index at the top may name shards in folders below. */
export function usualFiles(files: readonly RemoteFile[]): RemoteFile[] {
  const paths = files.map(({ path }) => path)
  const companions = new Set(chooseCompanions(paths))
  const below = !paths.some(isUsual) && paths.some((path) => GUIDES.test(path) && path.endsWith('.index.json'))
  const placed = (path: string) => (below ? basename(path) : path)
  const format = WEIGHTS.find((each) => paths.some((path) => each.test(placed(path))))
  return files.filter(({ path }) => format?.test(placed(path)) || GUIDES.test(path) || companions.has(path))
}

/**
 * Weights and all that belongs to them. config.json may name other weights than the usual (`transformers_weights`): it is asked where
 * there are any.
 * @throws UserError where config.json names a file that the repository lacks
 */
export const chooseModelFiles: Choose = async (files, bring) => {
  const usual = usualFiles(files)
  const taken = new Set(usual.map(({ path }) => path))
  const config = files.find(({ path }) => path === 'config.json')
  if (!config || files.every(({ path }) => !path.endsWith('.safetensors') || taken.has(path))) return usual
  const place = await bring(config)
  const named = readObject(place).transformers_weights
  if (typeof named !== 'string') return usual
  const file = files.find(({ path }) => path === named)
  if (!file) throw new UserError(`${place}: transformers_weights names ${named}, which the repository lacks`)
  const map = named.endsWith('.index.json') ? readObject(await bring(file)).weight_map : null
  const weights = new Set<unknown>([named, ...Object.values(isObject(map) ? map : {})])
  // Adapters beside them count too.
  return files.filter(
    ({ path }) => weights.has(path) || (taken.has(path) && (!isUsual(path) || /^adapter_/.test(path))),
  )
}

/** The same. @throws UserError for a repository without weights that are read; it calls it by this name */
export const chooseModel =
  (name: string): Choose =>
  async (files, bring) => {
    const chosen = await chooseModelFiles(files, bring)
    if (!chosen.some(({ path }) => isWeightFile(basename(path)))) {
      const paths = files.map(({ path }) => path)
      const single = paths.filter((path) => SINGLE.test(path))
      if (single.length)
        throw new UserError(
          `${name} holds no weights in a folder, but files that are models by themselves or with a base (${firstFew(single, 4)}): name the one that is meant, ${name}:${single[0]}`,
        )
      throw new UserError(
        `${name} holds neither model.safetensors nor pytorch_model.bin; it has ${firstFew(paths, 12) || 'no files'}`,
      )
    }
    return chosen
  }

/** The file of a path, with all of its parts; of a folder what `choose` takes of the files in it. */
export const chooseAt =
  ({ repository: { name }, path }: RepositoryFile, choose: Choose): Choose =>
  async (files, bring) => {
    const found = files.filter((file) => file.path.replace(PART, '') === path.replace(PART, ''))
    if (found.some((file) => file.path === path)) return found
    const folder = `${path}/`
    const placed = (file: RemoteFile) => ({ ...file, path: folder + file.path })
    const below = files
      .filter((file) => file.path.startsWith(folder))
      .map((file) => ({ ...file, path: file.path.slice(folder.length) }))
    if (below.length) return (await choose(below, (file) => bring(placed(file)))).map(placed)
    const near = files.map((file) => file.path).filter((each) => extname(each) === extname(path))
    throw new UserError(
      `${name} has no file or folder ${path}; it has ${firstFew(near.length ? near : files.map((file) => file.path), 12) || 'none'}`,
    )
  }
