// One file of the hub into the cache: what an earlier start left is kept and the rest asked for, and the whole is checked
// against the checksum that the hub gives before it gets its name.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { downloadFile } from '@huggingface/hub'
import { UserError } from '../errors/index.js'
import { holdText } from '../files/index.js'
import { Cut, failureOf, isOutage } from './failure.js'
import type { Repository } from './reference.js'
import { hubFetch } from './request.js'
import type { HubSettings } from './settings.js'

export interface RemoteFile {
  /** Path in the repository. */
  path: string
  size: number
  /** SHA-256 of a large file; otherwise git's SHA-1 of the blob. */
  checksum: string
}

/** Starts that may bring nothing new before the download is given up. */
const FRUITLESS = 3

interface Download {
  repository: Repository
  file: RemoteFile
  settings: HubSettings
  /** Called with the number of bytes of the file received so far, and those of them that came now. */
  onBytes(bytes: number, fresh: number): void
}

/**
 * Brings a file to `blob` (a path of the cache). After a failure the bytes received are kept as `<blob>.incomplete`, and a later
 * call continues from them.
 * @throws UserError: not reachable, not allowed, or a checksum that does not fit twice in a row
 */
export async function downloadBlob(wanted: Download, blob: string): Promise<void> {
  const { repository, file, settings } = wanted
  await mkdir(dirname(blob), { recursive: true }).catch((error: unknown) => {
    throw failureOf(error, repository, settings, file.path)
  })
  const kept = holdText()
  kept.set(`what was downloaded of ${repository.name} is kept; the same command goes on with it`)
  try {
    await downloadWhole(wanted, blob)
  } finally {
    kept.end()
  }
}

async function downloadWhole(wanted: Download, blob: string): Promise<void> {
  const { repository, file } = wanted
  const partial = await takePartial(blob)
  for (const last of [false, true]) {
    await fetchRest(wanted, partial).catch(async (error: unknown) => {
      await rename(partial, `${blob}.incomplete`).catch(() => undefined)
      throw error
    })
    if ((await checksumOf(partial, file)) === file.checksum) return rename(partial, blob)
    await rm(partial)
    if (last)
      throw new UserError(
        `${repository.name}, ${file.path}: the bytes do not have the checksum that the hub gives, twice in a row`,
      )
  }
}

let downloads = 0

/** A name that nothing else writes to, with the bytes that an earlier start left: only one process can rename them. */
async function takePartial(blob: string): Promise<string> {
  const own = `${blob}.${process.pid}-${downloads++}.incomplete`
  for (const name of await readdir(dirname(blob))) {
    const [, sum, pid] = /^(\w+)\.(?:(\d+)-\d+\.)?incomplete$/.exec(name) ?? []
    if (sum !== basename(blob) || (pid !== undefined && isAlive(Number(pid)))) continue
    if (
      await rename(join(dirname(blob), name), own).then(
        () => true,
        () => false,
      )
    )
      break
  }
  return own
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function fetchRest({ repository, file, settings, onBytes }: Download, partial: string): Promise<void> {
  const { path, size } = file
  for (let fruitless = 0; ; ) {
    const start = await sizeOf(partial)
    if (start > size) await rm(partial)
    else if (start === size && size > 0) return
    const handle = await open(partial, 'a')
    let done = start > size ? 0 : start
    try {
      const content = await downloadFile({
        repo: repository,
        path,
        revision: repository.revision,
        hubUrl: settings.endpoint,
        fetch: hubFetch(settings),
      })
      if (!content) throw new UserError(`${repository.name}, ${path}: the hub lists this file and does not have it`)
      for await (const chunk of content.slice(done, size).stream() as unknown as AsyncIterable<Uint8Array>) {
        await handle.write(chunk)
        onBytes((done += chunk.length), chunk.length)
      }
      if (done >= size) return
      throw new Cut(`${done} of ${size} bytes came`)
    } catch (error) {
      fruitless = done > start ? 0 : fruitless + 1
      if (fruitless >= FRUITLESS || !isOutage(error)) throw failureOf(error, repository, settings, path)
    } finally {
      await handle.close()
    }
  }
}

const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  )

async function checksumOf(file: string, { checksum, size }: RemoteFile): Promise<string> {
  const hash = checksum.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`)
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
