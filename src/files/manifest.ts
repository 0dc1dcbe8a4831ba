// What this program wrote into a folder: a hidden list in it, by which --overwrite and a clean-up know their own files from all
// others.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { open, readdir, readFile, rename, rmdir, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { JOURNAL, removeJournal } from './journal.js'

const MANIFEST = '.deltalab.json'
/** Where the list is written anew before it takes its place. */
const DRAFT = `${MANIFEST}.part`

/** `files` once the folder is complete: the fingerprint of each file by its path. */
interface Manifest {
  deltalab: 1
  files?: Record<string, string>
  /** The letters of the run that put the folder aside, to replace it. */
  replaced?: string
}

/** Marks a folder as one that is being written. */
export const markUnfinished = (folder: string): Promise<void> => writeList(folder, JSON.stringify({ deltalab: 1 }))

/** Lists what is in a folder, flushed to the disk: from now on it is complete. */
export async function sealFolder(folder: string): Promise<void> {
  const files: Record<string, string> = {}
  for (const path of await listFiles(folder)) files[path] = await fingerprint(join(folder, path), true)
  await writeList(folder, `${JSON.stringify({ deltalab: 1, files } satisfies Manifest, null, 1)}\n`)
}

/** Whole or not at all. `times`: of access and change, where they are not those of now. */
async function writeList(folder: string, text: string, times?: { atime: Date; mtime: Date }): Promise<void> {
  const draft = join(folder, DRAFT)
  await writeFile(draft, text, { flush: true })
  if (times) await utimes(draft, times.atime, times.mtime)
  await rename(draft, join(folder, MANIFEST))
}

/** Notes in a folder that it is about to be put aside: nothing else may be taken for one that was. */
export async function markReplaced(folder: string, id: string): Promise<void> {
  const times = await stat(join(folder, MANIFEST))
  await writeList(folder, JSON.stringify({ ...(await readManifest(folder)), replaced: id }), times)
}

/** Whether a run put this folder aside. @param id the letters of that run */
export const isReplaced = async (folder: string, id: string): Promise<boolean> =>
  (await readManifest(folder))?.replaced === id

/** Whether a folder is complete, asked at once, when the program stops. */
export function isSealed(folder: string): boolean {
  try {
    return parseList(readFileSync(join(folder, MANIFEST), 'utf8'))?.files !== undefined
  } catch {
    return false
  }
}

/** `complete`, `unfinished`, or null for a folder that deltalab did not write. */
export async function stateOf(folder: string): Promise<'complete' | 'unfinished' | null> {
  const manifest = await readManifest(folder)
  return manifest && (manifest.files ? 'complete' : 'unfinished')
}

/** Paths of files that this program did not write, or that were changed since; null where it wrote none of them. */
export async function strangersIn(folder: string): Promise<string[] | null> {
  const known = (await readManifest(folder))?.files
  if (!known) return null
  const { mtimeMs: listed } = await stat(join(folder, MANIFEST))
  const strangers: string[] = []
  for (const path of await listFiles(folder)) {
    const own =
      Object.hasOwn(known, path) && (await isAsListed(join(folder, path), known[path]!, listed).catch(() => false))
    if (!own) strangers.push(path)
  }
  return strangers
}

/** A fingerprint of the ends alone holds for a file that nobody wrote to after the list. */
async function isAsListed(path: string, known: string, listed: number): Promise<boolean> {
  const { size, mtimeMs } = await stat(path)
  return (size <= WHOLE || mtimeMs <= listed) && (await fingerprint(path)) === known
}

/** Deletes the files of the list, its own last, and the folder where nothing else is in it. */
export async function removeOwn(folder: string): Promise<void> {
  const known = Object.keys((await readManifest(folder))?.files ?? {})
  const gone = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  }
  for (const path of known) await unlink(join(folder, path)).catch(gone)
  const folders = new Set(
    known.flatMap((path) =>
      path
        .split('/')
        .slice(0, -1)
        .map((_, i, parts) => parts.slice(0, i + 1).join('/')),
    ),
  )
  for (const each of [...folders].sort((one, two) => two.length - one.length))
    await rmdir(join(folder, each)).catch(() => undefined)
  for (const name of [JOURNAL, DRAFT, MANIFEST]) await unlink(join(folder, name)).catch(gone)
  await rmdir(folder)
}

/** Deletes a folder that was being written. The journal goes first and the mark last: what is left at any moment is known for what it is. */
export function removeUnfinished(folder: string): void {
  removeJournal(folder)
  const names = readdirSync(folder).filter((name) => name !== MANIFEST)
  for (const name of [...names, MANIFEST]) rmSync(join(folder, name), { recursive: true, force: true })
  rmdirSync(folder)
}

/** Deletes a folder that was made and never marked, which may hold a draft of the mark and nothing else. */
export async function removeUnmarked(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  if (names.join() === DRAFT) await unlink(join(folder, DRAFT))
  await rmdir(folder).catch(() => undefined) // goes only where nothing is in it
}

async function readManifest(folder: string): Promise<Manifest | null> {
  const text = await readFile(join(folder, MANIFEST), 'utf8').catch(() => null)
  return text === null ? null : parseList(text)
}

function parseList(text: string): Manifest | null {
  try {
    const value = JSON.parse(text) as Manifest | null
    return value?.deltalab === 1 ? value : null
  } catch {
    return null
  }
}

/** Everything below a folder that is not a folder with something in it, but for the list and the journal. */
async function listFiles(folder: string, below = ''): Promise<string[]> {
  const entries = await readdir(join(folder, below), { withFileTypes: true })
  const paths: string[] = []
  for (const entry of entries) {
    const path = `${below}${entry.name}`
    if (!entry.isDirectory()) paths.push(path)
    else {
      const inside = await listFiles(folder, `${path}/`)
      paths.push(...(inside.length ? inside : [`${path}/`]))
    }
  }
  return paths.filter((path) => ![MANIFEST, DRAFT, JOURNAL].includes(path)).sort()
}

/** A larger file is known by its size and its ends: to read all of a model takes as long as to write it. */
const WHOLE = 64 << 20
const END = 1 << 20

async function fingerprint(path: string, flush = false): Promise<string> {
  const handle = await open(path)
  try {
    if (flush) await handle.sync().catch(() => undefined)
    const { size } = await handle.stat()
    const hash = createHash('sha256').update(`${size} `)
    const bytes = Buffer.alloc(Math.min(size, END))
    const positions = size > WHOLE ? [0, size - END] : Array.from({ length: Math.ceil(size / END) }, (_, i) => i * END)
    for (const position of positions) {
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, position)
      hash.update(bytes.subarray(0, bytesRead))
    }
    return hash.digest('hex').slice(0, 32)
  } finally {
    await handle.close()
  }
}
