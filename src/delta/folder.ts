// A delta file as the folder that it makes: small files lie in a temporary folder, and the bytes of weights are decoded when they are read.
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'
import { addMadeFile } from '../checkpoint/index.js'
import { makeTemporary } from '../files/index.js'
import { chooseCompanions } from '../hub/index.js'
import { type Base, fitToBase, type ModelFolder, openBase } from './base.js'
import { type Delta, openDelta } from './container.js'
import { openDeltaFiles } from './files.js'

/** Files that say how a folder is read. */
const GUIDE = /^[^/]+\.json$/

/** Those that are open, by their paths, and how often. */
const openFolders = new Map<string, { count: number; opening: Promise<Pick<ModelFolder, 'path' | 'close'>> }>()

/**
 * The folder that a delta file makes. Threads that are started later find the same one.
 * @param base its folder, which is closed with it
 * @throws UserError for another base, by its headers and small files; what differs in a weight is said when it is read
 */
export async function openDeltaFolder(file: string, base: ModelFolder): Promise<ModelFolder> {
  const key = await keyOf(file, base.path)
  const known = openFolders.get(key) ?? { count: 0, opening: openNew(file, base, key) }
  openFolders.set(key, known)
  known.count++
  const release = async (): Promise<void> => {
    if (--known.count) return
    openFolders.delete(key)
    await (await known.opening).close()
  }
  const close = async (): Promise<void> => void (await Promise.all([release(), base.close()]))
  try {
    const { path } = await known.opening
    let left: Promise<void> | undefined
    const called = { name: `${base.name}+${file}`, sources: [...base.sources, file] }
    return { path, ...called, close: () => (left ??= close()) }
  } catch (error) {
    openFolders.delete(key)
    await base.close()
    throw error
  }
}

/** Of the content of the file, and of the base. */
async function keyOf(file: string, base: string): Promise<string> {
  const { size, mtimeNs } = await stat(file, { bigint: true })
  return `deltalab folder of ${resolve(file)} ${size} ${mtimeNs} on ${resolve(base)}`
}

async function openNew(file: string, folder: ModelFolder, key: string): Promise<Pick<ModelFolder, 'path' | 'close'>> {
  const opened = await openDelta(file)
  const base = await openBase({ ...folder, close: async () => undefined })
  try {
    const delta = await fitToBase(opened, base)
    const reader = openDeltaFiles(delta, base)
    const path = await writeSmall(delta, reader.fill, key)
    const removals = delta.files
      .filter((each) => !isSmall(delta)(each.path))
      .map(({ path: name, bytes: size, sha256 }) =>
        addMadeFile(join(path, name), {
          ...{ size, sha256, source: file },
          fill: (...part) => reader.fill(name, ...part),
          pieces: (...part) => reader.pieces(name, ...part),
        }),
      )
    return {
      path,
      async close() {
        for (const remove of removals) remove()
        reader.close()
        await base.close()
      },
    }
  } catch (error) {
    await base.close()
    throw error
  }
}

/** Whether a file is written whole: what belongs to a model besides its weights. */
function isSmall({ files }: Delta): (path: string) => boolean {
  const companions = new Set(chooseCompanions(files.map(({ path }) => path)))
  return (path) => companions.has(path) || GUIDE.test(path)
}

/** The folder: small files are whole, and the others are empty. It stays until the program ends: who was told of it may read it later. */
async function writeSmall(delta: Delta, fill: ReturnType<typeof openDeltaFiles>['fill'], key: string): Promise<string> {
  const known = getEnvironmentData(key) as unknown as string | undefined
  if (known !== undefined && (await readdir(known).catch(() => null))) return known
  const { path: folder } = makeTemporary('delta')
  const isWhole = isSmall(delta)
  for (const { path, bytes } of delta.files) {
    const content = new Uint8Array(isWhole(path) ? bytes : 0)
    await fill(path, content, 0)
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
  setEnvironmentData(key, folder)
  return folder
}

/**
 * The small files of a delta file, in a folder. Of the base only such files are needed.
 * @param base folder with them
 * @throws UserError for another base
 */
export async function openDeltaCompanions(file: string, base: string): Promise<string> {
  const whole = await openDelta(file)
  const needsWeights = (unit: number) => whole.units[unit]!.base?.dtype !== undefined
  const delta = { ...whole, files: whole.files.filter(({ units }) => !units.some(needsWeights)) }
  const files: Pick<Base, 'name' | 'pieceOf'> = {
    name: base,
    pieceOf: async ({ name }, { from, bytes }) => ({ file: join(base, name), begin: from, bytes, dtype: '' }),
  }
  const reader = openDeltaFiles(delta, files)
  try {
    return await writeSmall(delta, reader.fill, `${await keyOf(file, base)} alone`)
  } finally {
    reader.close()
  }
}
