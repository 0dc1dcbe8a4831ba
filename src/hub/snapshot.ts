// A repository of the hub as a folder of the cache, laid out as Hugging Face's tools do: blobs by checksum, snapshots of
// links by commit, refs from branch to commit.
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { datasetInfo, listFiles, modelInfo } from '@huggingface/hub'
import { UserError } from '../errors/index.js'
import { track } from '../progress/index.js'
import { describeRepository, failureOf, isOutage } from './failure.js'
import { downloadBlob, type RemoteFile } from './file.js'
import type { Repository } from './reference.js'
import { hubFetch } from './request.js'
import type { HubSettings } from './settings.js'

export interface Listing {
  commit: string
  files: RemoteFile[]
}

export interface SnapshotOptions {
  /** Called as bytes arrive: path of the file, and bytes of the whole download that are here, of how many. */
  onBytes?: ((path: string, done: number, total: number) => void) | undefined
  /** Path of the file, or the folder, that is wanted, without which the cache has nothing to take. */
  needed?: string | undefined
  /** Called for config.json, which comes first, with its place. What it throws ends the download. */
  onConfig?: ((place: string) => void) | undefined
}

/**
 * Which of a repository's files are wanted. It throws a UserError where they are not what is needed.
 * @param bring downloads one of them, which says more, and gives its place in the cache
 */
export type Choose = (
  files: readonly RemoteFile[],
  bring: (file: RemoteFile) => Promise<string>,
) => RemoteFile[] | Promise<RemoteFile[]>

const COMMIT = /^[0-9a-f]{40}$/

/** The files of a revision, with sizes and checksums; nothing is downloaded. @throws UserError as failureOf says */
export async function listRepository(repository: Repository, settings: HubSettings): Promise<Listing> {
  const { name, type, revision } = repository
  const asked = { hubUrl: settings.endpoint, fetch: hubFetch(settings) }
  try {
    const wanted = { name, revision, additionalFields: ['sha' as const], ...asked }
    const { sha: commit = '' } = type === 'model' ? await modelInfo(wanted) : await datasetInfo(wanted)
    if (!COMMIT.test(commit))
      throw new UserError(`${name}: the hub at ${settings.endpoint} names no commit for ${revision}`)
    const files: RemoteFile[] = []
    for await (const entry of listFiles({ repo: { name, type }, revision: commit, recursive: true, ...asked })) {
      if (entry.type === 'file')
        files.push({ path: entry.path, size: entry.size, checksum: entry.lfs?.oid ?? entry.oid ?? '' })
    }
    return { commit, files: checkFiles(name, files) }
  } catch (error) {
    throw isOutage(error)
      ? Object.assign(failureOf(error, repository, settings), { outage: true })
      : failureOf(error, repository, settings)
  }
}

/**
 * Paths come from the repository and are joined to the cache's, so none may lead out of its folder; each stands once.
 * @throws UserError for a list that no repository has
 */
function checkFiles(name: string, files: readonly RemoteFile[]): RemoteFile[] {
  const refused = (path: unknown, why: string) =>
    new UserError(`${name}: the file ${JSON.stringify(path)} cannot be kept in the cache: ${why}`)
  const known = new Map<string, RemoteFile>()
  for (const file of files) {
    const { path, size, checksum } = file
    if (
      typeof path !== 'string' ||
      path.includes('\0') ||
      path.split(/[/\\]/).some((part) => ['', '.', '..'].includes(part))
    )
      throw refused(path, 'it is no path inside the repository')
    if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(checksum) || !Number.isSafeInteger(size) || size < 0)
      throw refused(path, 'it has no size and checksum')
    if (known.has(path) && known.get(path)!.checksum !== checksum)
      throw refused(path, 'it is listed twice, with other content')
    known.set(path, file)
  }
  for (const path of known.keys()) {
    const parts = path.split('/')
    const above = parts
      .slice(1)
      .map((_, i) => parts.slice(0, i + 1).join('/'))
      .find((folder) => known.has(folder))
    if (above !== undefined) throw refused(path, `${above} is a file`)
  }
  return [...known.values()]
}

const storeOf = ({ type, name }: Repository, { cache }: HubSettings) =>
  join(cache, `${type}s--${name.replace('/', '--')}`)

/** The cached snapshot of a revision, complete or not; null when there is none. */
async function cachedSnapshot(repository: Repository, settings: HubSettings): Promise<string | null> {
  const store = storeOf(repository, settings)
  const { revision } = repository
  const commit = COMMIT.test(revision)
    ? revision
    : await readFile(join(store, 'refs', revision), 'utf8').catch(() => null)
  const folder = commit !== null && COMMIT.test(commit.trim()) ? join(store, 'snapshots', commit.trim()) : null
  return folder && existsSync(folder) ? folder : null
}

const placeOf = (repository: Repository, path: string, settings: HubSettings) =>
  join(storeOf(repository, settings), 'snapshots', repository.revision, path)

/** True for a file of a commit that is in the cache. */
export const isHere = (repository: Repository, { path }: RemoteFile, settings: HubSettings): boolean =>
  existsSync(placeOf(repository, path, settings))

/**
 * Downloads the chosen files that the cache lacks, and returns the snapshot's folder. Offline, or where the hub cannot be
 * reached, an earlier download of the revision is taken as it is.
 */
export async function takeSnapshot(
  repository: Repository,
  choose: Choose,
  settings: HubSettings,
  { onBytes, onConfig, needed }: SnapshotOptions = {},
): Promise<string> {
  const found = await cachedSnapshot(repository, settings)
  const cached = found && existsSync(join(found, needed ?? '')) ? found : null
  if (settings.offline) {
    if (cached) return cached
    throw new UserError(
      `${describeRepository(repository, needed)} it is not in ${settings.cache}, and HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) forbids to download it`,
    )
  }
  const listing = await listRepository(repository, settings).catch((error: UserError & { outage?: boolean }) => {
    if (cached && error.outage) return null
    throw error
  })
  if (!listing) return cached!
  const { commit } = listing
  const store = storeOf(repository, settings)
  const chosen = await choose(listing.files, (file) => bringFile({ ...repository, revision: commit }, file, settings))
  const isOf = (name: string) => (file: RemoteFile) => [name, `${needed}/${name}`].includes(file.path)
  const isConfig = isOf('config.json')
  const files = [...chosen.filter(isConfig), ...chosen.filter((file) => !isConfig(file))]
  const adapts = chosen.some(isOf('adapter_config.json'))
  const total = files.reduce((sum, { size }) => sum + size, 0)
  await track({ name: `download ${repository.name}`, unit: 'bytes', total }, async ({ add, found }) => {
    let before = 0
    for (const file of files) {
      let told = 0
      const tell = (bytes: number, fresh: number) => {
        if (bytes - fresh > told) found(bytes - fresh - told)
        add(fresh)
        told = bytes
      }
      await placeFile({ ...repository, revision: commit }, file, settings, (bytes, fresh) => {
        tell(bytes, fresh)
        onBytes?.(file.path, before + bytes, total)
      })
      // What the cache had.
      tell(file.size, 0)
      if (isConfig(file) && !adapts) onConfig?.(placeOf({ ...repository, revision: commit }, file.path, settings))
      before += file.size
    }
  })
  if (!COMMIT.test(repository.revision)) await writeWhole(join(store, 'refs', repository.revision), commit)
  return join(store, 'snapshots', commit)
}

/** Downloads one small file, and gives its place in the cache. @param repository with the commit as its revision */
export async function bringFile(repository: Repository, file: RemoteFile, settings: HubSettings): Promise<string> {
  await placeFile(repository, file, settings, () => {})
  return placeOf(repository, file.path, settings)
}

async function placeFile(
  repository: Repository,
  file: RemoteFile,
  settings: HubSettings,
  onBytes: (bytes: number, fresh: number) => void,
): Promise<void> {
  const place = placeOf(repository, file.path, settings)
  if (existsSync(place)) return
  const blob = join(storeOf(repository, settings), 'blobs', file.checksum)
  if (!existsSync(blob)) await downloadBlob({ repository, file, settings, onBytes }, blob)
  await mkdir(dirname(place), { recursive: true })
  await symlink(relative(dirname(place), blob), place).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}

async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const own = `${path}.${process.pid}.incomplete`
  await writeFile(own, text)
  await rename(own, path)
}
