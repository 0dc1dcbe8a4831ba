// A merge of checkpoints from code.

import type { z } from 'zod'
import {
  locateMerge,
  type MergeSummary,
  type mergeSchema,
  needsBackend,
  openMerge,
  readMergeFile,
  writeMerge,
} from '../merge/index.js'
import type { Merger } from '../mergers/index.js'
import { type BackendName, forWeights, KERNELS, setBackend } from '../tensor/index.js'
import { checkerOf, given } from './given.js'
import { nameObjects, type PluginOptions } from './plugins.js'
import type { EditorStep } from './steps.js'

export type { MergeSummary } from '../merge/index.js'

/** A merge file as an object (docs/mergers.md). Folders in it are relative to the current folder. */
export type MergeConfig = Omit<z.input<typeof mergeSchema>, 'merger' | 'models'> & {
  /** A merger of `deltalab mergers` by its name, or an object. */
  merger?: string | Merger | undefined
  /** Models to merge, the base not among them. */
  models?: readonly MergeModelConfig[] | undefined
}

/** One model of a merge. */
export type MergeModelConfig = Omit<NonNullable<z.input<typeof mergeSchema>['models']>[number], 'editors'> & {
  /** What its delta goes through before the merge. */
  editors?: readonly EditorStep[] | undefined
}

/** How a merged checkpoint is made and written. */
export interface MergeOptions extends PluginOptions {
  /** Folder to write. It appears when it is complete. */
  out: string
  /** Seed of random editors; that of the file unless given. */
  seed?: number | undefined
  /** Replace a folder that deltalab wrote. */
  overwrite?: boolean | undefined
  /** Drop what an interrupted run of the same merge finished, and start anew. Without it, the merge goes on with that. */
  discard?: boolean | undefined
  /** Merge models of different architectures in a file of mergekit, as its `--allow-crimes` does. */
  allowCrimes?: boolean | undefined
  /** Cut embeddings to the rows of the smallest, as mergekit's `--unsafe-truncate-embeddings` does. */
  truncate?: boolean | undefined
  /** Largest weight file, in GB. Default 5. */
  shardSize?: number | undefined
  /** Worker threads; by default one for each core. The result does not depend on it. */
  jobs?: number | undefined
  /** Bound on the memory of the process in bytes. Default 1e9. */
  memory?: number | undefined
  /** `cpu` merges on plain JavaScript. Any other merges on wasm: the same weights on every machine. Default `auto`. */
  backend?: BackendName | undefined
  /** Called after each tensor with its name and its number of parameters. */
  onTensor?: ((name: string, parameters: number) => void) | undefined
  /** Called with a sentence when the method degenerates on a tensor, and on what an interrupted run finished. */
  onWarning?: ((text: string) => void) | undefined
}

const checkMerge = checkerOf<MergeOptions>('merge', {
  plugins: given.plugins,
  out: given.word,
  seed: given.seed,
  overwrite: given.flag,
  discard: given.flag,
  allowCrimes: given.flag,
  truncate: given.flag,
  shardSize: given.amount,
  jobs: given.count,
  memory: given.amount,
  backend: given.backend,
  onTensor: given.callback,
  onWarning: given.callback,
})

/**
 * Merges checkpoints as a merge file says, mergekit's or our own, and writes the result as a checkpoint that other tools
 * load. Tensors go through worker threads, within the bound of `memory`.
 *
 * @param config path of the YAML file, or its content as an object, in which mergers and editors may be objects
 * @param options where and how the checkpoint is written
 * @throws UserError with file, line and column, before a weight is read
 */
export async function merge(config: string | MergeConfig, options: MergeOptions): Promise<MergeSummary> {
  checkMerge(options)
  const {
    out,
    seed,
    overwrite = false,
    discard = false,
    shardSize = 5,
    jobs,
    memory,
    plugins = [],
    allowCrimes,
    truncate,
    onTensor,
    onWarning,
  } = options
  const { named, objects } = nameObjects(config)
  const file = typeof named === 'string' ? named : 'merge'
  const located = typeof named === 'string' ? readMergeFile(named) : locateMerge(named, file)
  const opened = await openMerge(file, located, { seed, allowCrimes, truncate, plugins: [...plugins, ...objects] })
  try {
    opened.notes.forEach((text) => onWarning?.(text))
    const backend = needsBackend(opened.plan) ? await setBackend(forWeights(options.backend)) : KERNELS
    return await writeMerge(opened, out, {
      backend: backend.package,
      overwrite,
      shardSize,
      jobs,
      memory,
      resume: { discard, note: onWarning ?? (() => undefined) },
      ...(onTensor && { onTensor }),
      ...(onWarning && { onWarning }),
    })
  } finally {
    await opened.close()
  }
}
