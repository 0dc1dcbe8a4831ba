// Which files of a data set are the rows of one split: the layouts that the hub documents, by path alone.
import type { RemoteFile } from './file.js'

export interface DataChoice {
  split: string
  /** Named part of the data set (`main`, `ARC-Challenge`, a subject of MMLU). */
  config?: string | undefined
  /** A file or a pattern with `*`, in place of config and split. */
  files?: string | undefined
}

const DATA = /\.(parquet|jsonl|csv)$/
/** Words by which the hub knows the split of a file. */
const OF_A_SPLIT = /(^|[^a-z])(train|training|validation|valid|val|dev|test|testing|eval|evaluation)([^a-z]|$)/i
const escapeRegex = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/**
 * `<config>/<split>-00000-of-00001.parquet`, `<config>/<split>/0000.parquet`, `data/<split>-….parquet`, `<split>.jsonl` …; the
 * first layout that has files is taken. Without a match, the only data file is taken for the only split, unless
 * its name is that of another.
 */
export function chooseDataFiles(
  files: readonly RemoteFile[],
  { split, config, files: pattern }: DataChoice,
): RemoteFile[] {
  const data = files.filter(({ path }) => DATA.test(path)).sort((a, b) => (a.path < b.path ? -1 : 1))
  if (pattern !== undefined) {
    const wanted = new RegExp(`^${pattern.split('*').map(escapeRegex).join('.*')}$`)
    return data.filter(({ path }) => wanted.test(path))
  }
  const named = `${escapeRegex(split)}((-\\d+-of-\\d+|[-_.]\\d+)?\\.(parquet|jsonl|csv)|/[^/]+\\.(parquet|jsonl|csv))`
  const parts =
    config === undefined
      ? ['(default/|data/|)']
      : [`(data/)?${escapeRegex(config)}/`, `(data/)?${escapeRegex(config)}[_-]`]
  for (const part of parts) {
    const wanted = new RegExp(`^${part}${named}$`)
    const found = data.filter(({ path }) => wanted.test(path))
    if (found.length) return found
  }
  const [only] = data
  return data.length === 1 && config === undefined && !OF_A_SPLIT.test(only!.path) ? data : []
}
