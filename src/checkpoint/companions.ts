// The files that a checkpoint needs besides its weights and its config.json, copied from the models that it was made of.
import { copyFile, mkdir, readdir, readFile, realpath, stat } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { UserError } from '../errors/index.js'
import { chooseCompanions, isSettingsFile, isTokenizerFile } from '../hub/index.js'

export interface CompanionSources {
  /** Folder whose files other than weights are copied. */
  copyFrom?: string | undefined
  /** Folder whose tokenizer is copied instead of that of `copyFrom`. */
  tokenizerFrom?: string | undefined
  /** Files that are not copied. */
  except: ReadonlySet<string>
  /** Called with a sentence about a file that stays behind. */
  onWarning?: ((text: string) => void) | undefined
}

/** A file of a folder: its path in it, and why it cannot be taken. */
interface Found {
  path: string
  trouble?: string | undefined
}

/** Copies into `folder`. @throws UserError for a file that cannot be read */
export async function copyCompanions(
  folder: string,
  { copyFrom, tokenizerFrom, except, onWarning }: CompanionSources,
): Promise<void> {
  const own = copyFrom === undefined ? [] : await listCompanions(copyFrom)
  const isOther = tokenizerFrom !== undefined && tokenizerFrom !== copyFrom
  const other = isOther
    ? (await listCompanions(tokenizerFrom)).filter(({ path }) => isTokenizerFile(path) || isSettingsFile(path))
    : []
  const taken = new Set(other.map(({ path }) => path))
  const isKept = ({ path }: Found) => !(isOther && isTokenizerFile(path)) && !taken.has(path)
  for (const [from, files] of [
    [copyFrom, own.filter(isKept)],
    [tokenizerFrom, other],
  ] as const) {
    for (const { path, trouble } of files) {
      if (except.has(path)) continue
      if (trouble) onWarning?.(`${join(from!, path)} ${trouble}: it is not copied`)
      else await copy(join(from!, path), join(folder, path))
    }
  }
  for (const text of await missingCode(folder))
    onWarning?.(
      `${text}, which ${copyFrom ?? tokenizerFrom} does not have: transformers cannot open the model without it`,
    )
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  await copyFile(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EACCES' || error.code === 'EPERM' || error.code === 'ENOENT')
      throw new UserError(`${from}: cannot be read (${error.code})`, { cause: error })
    throw error
  })
}

async function listCompanions(folder: string): Promise<Found[]> {
  const root = await realpath(folder)
  // A model that is a file (GGUF) has nothing beside it.
  if ((await stat(root)).isFile()) return []
  const found: Found[] = []
  for await (const each of walk(folder, root)) found.push(each)
  const chosen = new Set(chooseCompanions(found.map(({ path }) => path)))
  return found
    .filter(({ path }) => path !== 'config.json' && chosen.has(path))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

async function* walk(folder: string, root: string, below = ''): AsyncGenerator<Found> {
  for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
    const path = `${below}${entry.name}`
    if (entry.name.startsWith('.')) continue
    if (entry.isDirectory()) yield* walk(folder, root, `${path}/`)
    else if (entry.isFile()) yield { path }
    else
      yield {
        path,
        trouble: entry.isSymbolicLink() ? await troubleOf(join(folder, path), path, root) : 'is not a file',
      }
  }
}

/** A file of the hub's cache that a folder links to. */
const BLOB = /[/\\]blobs[/\\]([0-9a-f]{40}|[0-9a-f]{64})$/

/**
 * A link is followed to a file of the folder or of the hub's cache. The well-known files of a tokenizer may lie anywhere, as
 * loaders open them there too; but what else a downloaded folder links to is not carried off into one that may be published.
 */
async function troubleOf(link: string, path: string, root: string): Promise<string | undefined> {
  const target = await realpath(link).catch(() => null)
  if (target === null) return 'is a broken link'
  const info = await stat(target)
  if (info.isDirectory()) return 'is a link to a folder'
  if (!info.isFile()) return 'is a link to something that is not a file'
  if (target.startsWith(root + sep) || BLOB.test(target) || isTokenizerFile(path) || isSettingsFile(path))
    return undefined
  return `is a link that leads out of its folder, to ${target}`
}

/** What the `auto_map` of config.json, of the tokenizer and of the preprocessors names and the folder lacks. */
async function missingCode(folder: string): Promise<string[]> {
  const missing = new Set<string>()
  for (const name of (await readdir(folder)).filter((each) => each.endsWith('config.json'))) {
    const map = await readFile(join(folder, name), 'utf8')
      .then((text) => (JSON.parse(text) as { auto_map?: unknown } | null)?.auto_map)
      .catch(() => undefined)
    if (typeof map !== 'object' || map === null) continue
    for (const reference of Object.values(map).flat()) {
      // `org/name--module.Class` is code of another repository.
      if (typeof reference !== 'string' || reference.includes('--')) continue
      const file = `${reference.replace(/\.[^.]*$/, '').replaceAll('.', '/')}.py`
      if (!(await stat(join(folder, file)).catch(() => null))) missing.add(`${name} names code in ${file} (auto_map)`)
    }
  }
  return [...missing]
}
