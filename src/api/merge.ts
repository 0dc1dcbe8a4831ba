// A merge of checkpoints from code.

import { basename, resolve } from 'node:path'
import type { z } from 'zod'
import { checkSpace, checkTarget } from '../files/index.js'
import {
  chooseTokenizer,
  describeMerge,
  estimateMerge,
  mergeCheckpoints,
  mergeSchema,
  openMergeModels,
  planMerge,
} from '../merge/index.js'
import type { Merger } from '../mergers/index.js'
import { makeRegistry, resolvePlugins } from '../registry/index.js'
import { locateValue, readYaml } from '../schema/index.js'
import { type BackendName, setBackend } from '../tensor/index.js'
import { nameObjects, type PluginOptions } from './plugins.js'
import type { EditorStep } from './steps.js'

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
  /** Largest weight file, in GB. Default 5. */
  shardSize?: number | undefined
  /** TensorFlow.js backend. Default `auto`. */
  backend?: BackendName | undefined
  /** Called after each tensor with its name and its number of parameters. */
  onTensor?: ((name: string, parameters: number) => void) | undefined
  /** Called with a sentence when the method degenerates on a tensor. */
  onWarning?: ((text: string) => void) | undefined
}

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
 * Merges checkpoints as a merge file says, mergekit's or our own, and writes the result as a checkpoint that other tools
 * load. The same tensor of every model is in memory at a time.
 *
 * @param config path of the YAML file, or its content as an object, in which mergers and editors may be objects
 * @param options where and how the checkpoint is written
 * @throws UserError with file, line and column, before a weight is read
 */
export async function merge(config: string | MergeConfig, options: MergeOptions): Promise<MergeSummary> {
  const { out, seed, overwrite = false, shardSize = 5, onTensor, onWarning } = options
  const { named, objects } = nameObjects(config)
  const file = typeof named === 'string' ? named : 'merge'
  const { value, text, locate } =
    typeof named === 'string' ? readYaml(named, mergeSchema) : locateValue(named, file, mergeSchema)
  const registry = await makeRegistry([...resolvePlugins(file, value.plugins), ...(options.plugins ?? []), ...objects])
  const opened = await locate(() => openMergeModels(file, value))
  try {
    const { models, ...tokenizer } = await locate(() => chooseTokenizer(value, opened))
    const plan = locate(() => planMerge({ ...value, seed: seed ?? value.seed }, models, registry))
    const { method, convention, result } = estimateMerge(plan)
    await checkTarget(out, resolve(out), overwrite, opened.folders)
    await checkSpace(out, resolve(out), result.bytes)
    const backend = await setBackend(options.backend)
    const warnings: string[] = []
    await mergeCheckpoints(plan, out, {
      ...(await describeMerge(plan, basename(resolve(out)), text, backend.package)),
      ...tokenizer,
      overwrite,
      maxShardBytes: shardSize * 1e9,
      ...(onTensor && { onTensor }),
      onWarning: (warning) => {
        warnings.push(warning)
        onWarning?.(warning)
      },
    })
    return { out, method, convention, ...result, warnings }
  } finally {
    await opened.close()
  }
}
