// References to models and data sets: a folder of this machine, or `[org/]name[@revision]` on the hub, and `:path` behind it for one file
// or folder of it.
import { existsSync } from 'node:fs'
import { basename, extname, join, normalize, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UserError } from '../errors/index.js'
import { expandPath } from '../schema/index.js'

export interface Repository {
  type: 'model' | 'dataset'
  /** `org/name`, or `name` for those of the hub's first years. */
  name: string
  /** Branch, tag or commit. */
  revision: string
  /** A folder of this machine with nearly this name, for errors: it may be what was meant. */
  near?: string | undefined
}

/** One file, or one folder, of a repository. */
export interface RepositoryFile {
  repository: Repository
  /** In the repository, with / between its parts. */
  path: string
}

const REFERENCE = /^((?:[A-Za-z0-9][\w.-]*\/)?[A-Za-z0-9](?:[\w.-]*\w)?)(?:@([\w./-]+))?$/

/** Endings of files; a name without organisation that has one is a path. */
const ENDINGS = [
  '.bin',
  '.csv',
  '.delta',
  '.gguf',
  '.gz',
  '.json',
  '.jsonl',
  '.pt',
  '.pth',
  '.safetensors',
  '.tar',
  '.txt',
  '.yaml',
  '.yml',
  '.zip',
]

export const isBare = (name: string): boolean => !name.includes('/')

/** Words in the form of a reference, e.g. `Qwen/Qwen2-7B@main`; null for anything else. */
export function parseReference(text: string, type: Repository['type']): Repository | null {
  const found = REFERENCE.exec(text)
  if (!found || (isBare(text) && ENDINGS.includes(extname(text).toLowerCase()))) return null
  return { type, name: found[1]!, revision: found[2] ?? 'main' }
}

/** Branches and tags as git takes them; both words become folders of the cache, which they must not leave or share. */
const REVISION = /^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/

/** @throws UserError for a name or a revision that the hub cannot have */
function checked(repository: Repository): Repository {
  const { name, revision } = repository
  if (/--|\.\.|\.git$/.test(name))
    throw new UserError(`${name}: a name on the hub cannot contain -- or .., or end with .git`)
  if (!REVISION.test(revision) || revision.includes('..'))
    throw new UserError(
      `${name}@${revision}: ${JSON.stringify(revision)} is not a branch, a tag or a commit, such as main, v1.0 or refs/pr/1`,
    )
  return repository
}

const SHIPPED = fileURLToPath(new URL('../../../checkpoints', import.meta.url))

/**
 * The folder of a model that ships with deltalab, such as `checkpoints/small/base`; null for other words, and where
 * something of this name is in `root`.
 */
export function shippedModel(text: string, root = '.'): string | null {
  const place = normalize(text)
  const folder = join(SHIPPED, '..', place)
  const ships = place.startsWith(`checkpoints${sep}`) && existsSync(join(folder, 'config.json'))
  return ships && !existsSync(resolve(root, text)) ? folder : null
}

/** The folder, or the file, that `text` names unless it is a name on the hub: in `root`, or else a shipped one. */
export function modelFolder(text: string, root = '.'): string {
  const path = expandPath(text)
  const folder = shippedModel(path, root) ?? resolve(root, path)
  const cut = path.lastIndexOf('+')
  if (cut < 1 || existsSync(folder)) return folder
  // A delta file, with its base in front of it.
  return `${placeModel(path.slice(0, cut), root)}+${placeModel(path.slice(cut + 1), root)}`
}

/** The same, and names on the hub as they are. @throws UserError as remoteModel does */
export const placeModel = (text: string, root = '.'): string =>
  remoteModel(text, root) || remoteFile(text, root) ? text : modelFolder(text, root)

/** The address of a repository, of a revision of it or of one of its files. */
const ADDRESS =
  /^(?:https?:\/\/[^/]+\/|hf:\/\/|(?:huggingface|hf)\.co\/)(?:models\/)?((?:[\w.-]+\/)?[\w.-]+?)(?:\/(?:tree|blob|resolve)\/([^/]+)(?:\/(.*?))?)?\/?$/

/** @throws UserError for an address, which is neither a path nor a name */
function checkAddress(text: string): void {
  const [, name, revision = 'main', path = ''] = ADDRESS.exec(text) ?? []
  if (name === undefined) return
  // A file of a model stands for the model.
  const inside = extname(path) === '' || /\.(gguf|delta)$/.test(path) ? path : ''
  const wanted = `${name}${revision === 'main' ? '' : `@${revision}`}${inside && `:${inside}`}`
  throw new UserError(`${text}: is an address, and a folder or a name on the hub is wanted: ${wanted}`)
}

/**
 * The repository that `text` names, or null where it is (or can only be) a path: it exists, its first folder does and no
 * revision is given, it is a shipped model, or it is not of the form `[org/]name`.
 * @param root folder that paths are relative to
 * @throws UserError for an address, and for a name or a revision that the hub cannot have
 */
export function remoteModel(given: string, root = '.'): Repository | null {
  const text = expandPath(given)
  const repository = parseReference(text, 'model')
  if (existsSync(resolve(root, text)) || shippedModel(text, root)) return null
  checkAddress(text)
  if (repository === null) return null
  if (!text.includes('@') && existsSync(resolve(root, text.split('/')[0]!))) return null
  return checked(repository)
}

/**
 * The file, or the folder, that `[org/]name[@revision]:path` names; null for anything else, and where it is a path of this machine.
 * @throws UserError for names that the hub cannot have
 */
export function remoteFile(given: string, root = '.'): RepositoryFile | null {
  const text = expandPath(given)
  const [, before = '', path = ''] = /^([^:+]+):([^:+\\]+?)\/?$/.exec(text) ?? []
  const repository = before && !existsSync(resolve(root, text)) ? remoteModel(before, root) : null
  if (!repository || path.startsWith('/')) return null // A drive of Windows has a slash behind the colon.
  if (path.split('/').some((part) => ['', '.', '..'].includes(part)))
    throw new UserError(`${given}: ${JSON.stringify(path)} is no path of a file or folder in a repository`)
  return { repository, path }
}

/** The names on the hub in a reference: all of it, or those of a delta file and the base in front of it. @throws UserError as remoteModel does */
export function remoteNames(text: string, root = '.'): string[] {
  if (remoteModel(text, root) || remoteFile(text, root)) return [text]
  const cut = text.lastIndexOf('+')
  if (cut < 1 || existsSync(resolve(root, text))) return []
  return [text.slice(0, cut), text.slice(cut + 1)].flatMap((each) => remoteNames(each, root))
}

const CACHED = /[/\\]models--(?:[^/\\]+?--)?([^/\\]+)[/\\]snapshots[/\\][0-9a-f]{40}$/

/** The name of the model whose folder of the cache this is; null for other folders. */
export const cachedName = (folder: string): string | null => CACHED.exec(folder)?.[1] ?? null

/** What a model is called: the last part of its folder's path or of its name on the hub, also where that is a folder of the cache. */
export function modelName(place: string): string {
  return cachedName(place) ?? basename(parseReference(place, 'model')?.name ?? place).replace(/\.delta$/, '')
}

/** @throws UserError unless the text is `[org/]name[@revision]` */
export function datasetNamed(text: string): Repository {
  const repository = parseReference(text, 'dataset')
  if (!repository)
    throw new UserError(
      `a data set of the hub is name or org/name, with @revision or without; got ${JSON.stringify(text)}`,
    )
  return checked(repository)
}
