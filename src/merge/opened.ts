// A merge file whose models are open: everything is checked from headers, no weights are read. Another thread can open it again.
import type { ResolveOptions } from '../hub/index.js'
import {
  makeRegistry,
  modulesOf,
  type PluginModule,
  type PluginSource,
  type Registry,
  reopenRegistry,
  resolvePlugins,
} from '../registry/index.js'
import { type Estimate, estimateMerge } from './describe.js'
import { cutEmbeddings } from './embeddings.js'
import { checkArchitectures } from './fit.js'
import type { Chosen } from './joint-tokenizer.js'
import { type MergeModels, openMergeModels } from './open.js'
import { type MergePlan, planMerge } from './plan.js'
import type { LocatedMerge } from './read.js'
import type { MergeFile } from './schema.js'
import { chooseMethod } from './settings.js'
import { chooseTokenizer } from './tokenizer.js'

/** A merge file whose models are open. */
export interface OpenMerge {
  plan: MergePlan
  estimate: Estimate
  /** The models, with the rows of the tokenizer that was chosen. */
  models: MergeModels
  /** Tokenizer and chat template of the result. */
  tokenizer: Omit<Chosen, 'models'>
  /** The merge file, as it was read and as text. */
  value: MergeFile
  text: string
  /** A sentence for each key and parameter that is passed over, as mergekit does. */
  notes: readonly string[]
  /** The editors, mergers and tasks that its names stand for. */
  registry: Registry
  /** What `reopenMerge` needs; null where a plugin is an object, which cannot leave its thread. */
  origin: MergeOrigin | null
  close(): Promise<void>
}

/** What is done with models that do not fit together. */
export interface MergeRules {
  /** Whether a file of mergekit may mix architectures. */
  allowCrimes?: boolean | undefined
  /** Whether embeddings are cut to the rows of the smallest, where the file chooses no tokenizer. */
  truncate?: boolean | undefined
}

/** What a merge was opened from: plain data. */
export interface MergeOrigin extends MergeRules {
  file: string
  value: MergeFile
  plugins: readonly PluginModule[]
  found: MergeModels['found']
}

/**
 * Opens the models of a merge file, chooses the tokenizer and plans every tensor. No weights are read.
 *
 * @param file path of the merge file: errors name it, and folders and plugins in it may be relative to it
 * @param located its content
 * @param options seed and ignore_unmatched that replace those of the file, plugins besides those of the file, what is done with
 * models that do not fit, and what is called before a model is downloaded
 * @throws UserError with the place in the file of what is wrong
 */
export async function openMerge(
  file: string,
  { value, text, locate, notes }: LocatedMerge,
  {
    seed = value.seed,
    ignoreUnmatched = value.ignore_unmatched,
    plugins = [],
    beforeDownload,
    ...rules
  }: MergeRules & {
    seed?: number | undefined
    ignoreUnmatched?: boolean | undefined
    plugins?: readonly PluginSource[] | undefined
    beforeDownload?: ResolveOptions['beforeDownload']
  } = {},
): Promise<OpenMerge> {
  const registry = await makeRegistry([...resolvePlugins(file, value.plugins), ...plugins])
  return openWith(
    { value: { ...value, seed, ignore_unmatched: ignoreUnmatched }, text, locate, notes },
    { file, registry, beforeDownload, ...rules },
  )
}

/** The same merge in another thread: it has the same plan. */
export const reopenMerge = async ({ value, plugins, ...how }: MergeOrigin): Promise<OpenMerge> =>
  openWith(
    { value, text: '', locate: (work) => work(), notes: [] },
    { ...how, registry: await reopenRegistry(plugins) },
  )

async function openWith(
  { value, text, locate, notes }: LocatedMerge,
  {
    file,
    registry,
    found,
    beforeDownload,
    ...rules
  }: MergeRules & {
    file: string
    registry: Registry
    found?: MergeModels['found']
    beforeDownload?: ResolveOptions['beforeDownload']
  },
): Promise<OpenMerge> {
  // A slip in the name of the method is said before a model is downloaded.
  locate(() => chooseMethod(value, registry))
  const opened = await locate(() => openMergeModels(file, value, found, { beforeDownload }))
  try {
    if (value.merge_method !== undefined && !rules.allowCrimes) checkArchitectures(opened)
    const isChosen = value.tokenizer !== undefined || value.tokenizer_source !== undefined
    const cut = rules.truncate && !isChosen ? cutEmbeddings(opened) : { models: opened, notes: [] }
    const { models, ...tokenizer } = await locate(() => chooseTokenizer(value, cut.models))
    const plan = locate(() => planMerge(value, models, registry))
    const modules = modulesOf(registry)
    const origin = modules && { ...rules, file, value, plugins: modules, found: opened.found }
    return {
      plan,
      estimate: estimateMerge(plan),
      models,
      tokenizer,
      value,
      text,
      notes: [...notes, ...cut.notes, ...plan.notes],
      registry,
      origin,
      close: opened.close,
    }
  } catch (error) {
    await opened.close()
    throw error
  }
}
