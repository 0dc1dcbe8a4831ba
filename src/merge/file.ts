// Writes a merge: what is needed is checked first, then weights are read.
import { readdir } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { checkSpace, checkTarget, fingerprintOf, type Resume } from '../files/index.js'
import { isTokenizerFile } from '../hub/index.js'
import { describePlugins } from '../registry/index.js'
import { describeMerge } from './describe.js'
import { mergeCheckpoints, type WriteMergeOptions } from './merge.js'
import type { OpenMerge } from './opened.js'

/** What was merged and written. */
export interface MergeSummary {
  /** Folder that was written. */
  out: string
  /** Merge method, as the file names it. */
  method: string
  /** Convention of the method where tools differ: `mergekit` or `paper`. */
  convention: string
  /** Number of tensors written. */
  tensors: number
  /** Number of entries of these tensors. */
  parameters: number
  /** Number of transformer layers of the result. */
  layers: number
  /** Formats of the tensors that were written. */
  dtypes: string
  /** Size of the weights in bytes. */
  bytes: number
  /** Sentences about tensors on which the method degenerates. */
  warnings: string[]
}

/**
 * Merges, and writes the result to `out` with a model card.
 * @param options `backend`: the npm package that computes; `shardSize`: the largest weight file in GB; `card`: write README.md
 * and, of a file of mergekit, mergekit_config.yml; `copyTokenizer`: copy the tokenizer of the base, where the file chooses none; `resume`: go on with what an
 * interrupted run of the same merge finished
 * @throws UserError for a folder that may not be written, or a disk without enough space
 */
export async function writeMerge(
  opened: OpenMerge,
  out: string,
  {
    backend,
    overwrite,
    shardSize,
    card = true,
    copyTokenizer = true,
    onTensor,
    onWarning,
    resume,
    ...engine
  }: Pick<WriteMergeOptions, 'onTensor' | 'onBytes' | 'onWarning' | 'jobs' | 'memory'> & {
    backend: string
    overwrite: boolean
    shardSize: number
    card?: boolean | undefined
    copyTokenizer?: boolean | undefined
    resume: Omit<Resume, 'fingerprint'>
  },
): Promise<MergeSummary> {
  const { plan, estimate, models, tokenizer, value, text, registry, origin } = opened
  const { method, convention, result } = estimate
  await checkTarget(out, resolve(out), overwrite, models.folders)
  await checkSpace(out, resolve(out), result.bytes)
  const warnings = [...opened.notes]
  const fingerprint = await fingerprintMerge(opened, { backend, shardSize })
  await mergeCheckpoints(plan, out, {
    ...engine,
    ...tokenizer,
    files: {
      ...(copyTokenizer || value.tokenizer || value.tokenizer_source
        ? {}
        : await withoutTokenizer(tokenizer.tokenizerFrom)),
      ...tokenizer.files,
      'mergekit_config.yml': card && value.merge_method !== undefined ? text : null,
      ...(!card && { 'README.md': null }),
    },
    describe: (content) => describeMerge(plan, basename(resolve(out)), { text, backend, registry, content }),
    resume: { ...resume, fingerprint },
    origin,
    overwrite,
    maxShardBytes: shardSize * 1e9,
    ...(onTensor && { onTensor }),
    onWarning: (warning) => {
      warnings.push(warning)
      onWarning?.(warning)
    },
  })
  return { out, method, convention, ...result, warnings }
}

/** A tokenizer's files, each left out. */
async function withoutTokenizer(folder: string): Promise<Record<string, null>> {
  const names = await readdir(folder).catch(() => [])
  return Object.fromEntries(names.filter(isTokenizerFile).map((name) => [name, null]))
}

/** Of all that the written weights depend on. */
function fingerprintMerge({ plan, models, text, registry }: OpenMerge, how: object): Promise<string> {
  const { merger, seed, convention, tensors } = plan
  const editors = tensors.flatMap(({ sources }) =>
    sources.flatMap(({ steps }) => steps.map(({ editor }) => editor.name)),
  )
  const { plugins } = describePlugins(registry, { mergers: [merger.name], editors })
  return fingerprintOf({ command: 'merge', text, seed, convention, plugins, ...how }, models.folders)
}
