// Values that are kept on disk by what they were computed from, so that nobody computes them twice: one file each, with the
// checksum of its bytes. What is absent or damaged is computed again, so the folder may be deleted at any time.
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { packageRoot, packageVersion } from './package.js'

/** Keeps values of plain data (JSON, finite numbers). */
export interface Kept {
  /**
   * The value that is kept under this key, or else that of `compute`, which is kept from now on.
   * @param key everything that the value depends on; the program is added
   */
  recall<T>(key: readonly unknown[], compute: () => Promise<T>): Promise<T>
}

/** Keeps nothing. */
export const KEEP_NOTHING: Kept = { recall: (_, compute) => compute() }

const sha256 = (data: string): string => createHash('sha256').update(data).digest('hex')

/** A folder of values. It is made with the first one, in a folder that is there; without that nothing is kept. */
export function openKept(folder: string): Kept {
  return {
    async recall<T>(key: readonly unknown[], compute: () => Promise<T>): Promise<T> {
      const path = join(folder, `${sha256(JSON.stringify([programStamp(), ...key])).slice(0, 32)}.json`)
      const found = read(path)
      if (found !== undefined) return found as T
      const value = await compute()
      write(path, JSON.stringify(value))
      return value
    },
  }
}

function read(path: string): unknown {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
  const [checksum, value] = [text.slice(0, 64), text.slice(65)]
  return sha256(value) === checksum ? JSON.parse(value) : undefined
}

/** A value that cannot be written is not kept: the results do not need it. */
function write(path: string, value: string): void {
  const draft = `${path}.${randomUUID().slice(0, 8)}.part`
  try {
    if (!existsSync(dirname(dirname(path)))) return
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(draft, `${sha256(value)}\n${value}`)
    renameSync(draft, path)
  } catch {
    rmSync(draft, { force: true })
  }
}

let stamp: string | undefined

/** Differs where another program would compute: its version, and name, size and time of each of its files. */
function programStamp(): string {
  if (stamp !== undefined) return stamp
  const files: string[] = []
  const look = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) look(path)
      else if (/\.(js|wasm)$/.test(entry.name)) {
        const { size, mtimeMs } = statSync(path)
        files.push(`${path.slice(packageRoot.length)} ${size} ${mtimeMs}`)
      }
    }
  }
  for (const folder of ['bundle', 'src'].map((name) => join(packageRoot, 'dist', name)))
    if (existsSync(folder)) look(folder)
  stamp = sha256([packageVersion(), ...files.sort()].join('\n'))
  return stamp
}
