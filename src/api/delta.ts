// Delta files from code: a model as what differs from its base, and the model again.
import { resolve } from 'node:path'
import { z } from 'zod'
import {
  type Budget,
  type ChoiceRecord,
  chooseCodecs,
  parseBudget,
  parseChoices,
  recordOf,
  writeMemory,
} from '../budget/index.js'
import {
  type CodecChoice,
  chooseAll,
  openStoredPair,
  type ParsedChoice,
  parseChoice,
  planCompression,
} from '../compress/index.js'
import { applyDelta, checkDeltaTarget, type DeltaReport, openBase, openDelta, reportDelta } from '../delta/index.js'
import { UserError } from '../errors/index.js'
import { checkTarget } from '../files/index.js'
import { resolveFile } from '../hub/index.js'
import type { LossKind } from '../loss/index.js'
import { isObject } from '../schema/index.js'
import {
  applyBitDelta,
  type BitDeltaContent,
  type BitDeltaOptions,
  isBitDeltaFile,
  openModel,
  openModelFolder,
  recordedName,
  writeBitDelta,
} from '../sources/index.js'
import { sectionWord, type TaskReference, type TaskSection } from '../tasks/index.js'
import { type BackendName, setBackend } from '../tensor/index.js'
import { compressSeeds } from '../zeroth/index.js'
import { checkerOf, given } from './given.js'
import { type PluginOptions, registryFor } from './plugins.js'

export type { BitDeltaContent, BitDeltaOptions }

/** Where a delta file, or the model of one, is written. */
export interface DeltaFileOptions {
  /** The delta file, or the folder of the model. It appears when it is complete. */
  out: string
  /** Replace a delta file, or a folder that deltalab wrote. */
  overwrite?: boolean | undefined
  /** Worker threads; by default one for each core. The result does not depend on it. */
  jobs?: number | undefined
  /** Bound on the memory of the process in bytes. Default 1e9. */
  memory?: number | undefined
}

/** How the codecs of a budget are chosen (docs/howto/compress-to-a-budget.md). */
export interface BudgetOptions extends PluginOptions {
  /**
   * Choose the codec of each tensor, so that the loss is least within so much: bytes of the file (a number, `'300MB'`, `'1GiB'`), or bits for
   * each parameter that has a base (`'0.5bit'`). Not with `codec` and `targetLoss`.
   */
  budget?: number | string | undefined
  /** Choose the codecs so that the file is smallest within this loss change on `task`, in nats for each token or row. */
  targetLoss?: number | undefined
  /** What the loss is measured on: a task, or a text `{ text: 'notes.txt' }`. Without it a budget is spent by relative errors. */
  task?: TaskReference | undefined
  /** Last items of the task to choose by, and as many first ones to check on. Default 64. */
  items?: number | undefined
  /** The loss on the labels of the task, or the divergence KL(post ‖ stored). Default `task`; of a text `kl`. */
  loss?: LossKind | undefined
  /** Folder of the tokenizer, where that of post is not meant. */
  tokenizer?: string | undefined
}

/** How the tensors of a model are stored. */
export interface CompressModelOptions extends DeltaFileOptions, BudgetOptions {
  /**
   * The codec of the tensors, with its options and those of the editor whose result it stores, or one for each tensor by its name; what
   * is not in it is stored lossless. Default: all is lossless, unless there is a budget.
   */
  codec?: CodecChoice | ReadonlyMap<string, CodecChoice> | undefined
  /** Patterns of the tensors that `codec` is for: names with *, role:<role>, linear. Default all. */
  include?: readonly string[] | undefined
  /** Patterns of tensors to leave out of these. */
  exclude?: readonly string[] | undefined
  /** Store what is lossless in about half of the time and a seventh more bytes; weights are checked by checksums of pieces, without SHA-256. Default false. */
  fast?: boolean | undefined
  /** Of editors that draw. Default 0. */
  seed?: number | undefined
  /** TensorFlow.js backend for editors without kernels, and for the loss; by default the fastest one that is there. */
  backend?: BackendName | undefined
  /** Is told where an editor degenerates, which tensors stay lossless, because their codec does not fit them, and why no loss is measured. */
  onWarning?: ((text: string) => void) | undefined
}

const FILE = {
  out: given.word,
  overwrite: given.flag,
  jobs: given.count,
  memory: given.amount,
}
const checkApply = checkerOf<DeltaFileOptions>('apply', FILE)
const checkCompress = checkerOf<CompressModelOptions>('compress', {
  ...FILE,
  plugins: given.plugins,
  budget: z.union([z.number(), z.string()]).optional(),
  targetLoss: z.number().optional(),
  task: z.unknown().optional(),
  items: given.items,
  loss: given.lossKind,
  tokenizer: given.word.optional(),
  codec: z
    .custom<unknown>(
      (choice) => choice instanceof Map || (isObject(choice) && typeof choice.codec === 'string'),
      'must be { codec: NAME }, with its options, or a Map of such by the names of tensors',
    )
    .optional(),
  include: given.words,
  exclude: given.words,
  fast: given.flag,
  seed: given.seed,
  backend: given.backend,
  onWarning: given.callback,
})

/**
 * Stores every file of a model, except hidden ones, as what differs from a base (docs/delta-format.md): exactly, or with what codecs keep
 * of the deltas of tensors.
 *
 * @param base folder of the base, `base+file`, or its name on the hub
 * @param post folder of the model to store, or its name on the hub
 * @param options where the file is written, and how tensors are stored
 * @returns what the file holds: files, and codec, bytes and error of each tensor; of a budget `choice`, what was chosen and what it costs
 * @throws UserError for a folder that is no model, options that do not fit, a budget that is too small, or a file that may not be written
 */
export async function compress(base: string, post: string, options: CompressModelOptions): Promise<DeltaReport> {
  checkCompress(options)
  const { out, overwrite = false, jobs, memory, codec, include = [], exclude = [], seed = 0, onWarning } = options
  const wanted = budgetOf(options)
  if (codec && !(codec instanceof Map) && (codec as CodecChoice).codec === 'seeds') {
    const { options: given = {} } = codec as CodecChoice
    if (include.length || exclude.length || options.fast || Object.keys(given).length)
      throw new UserError(
        'codec seeds stores all tensors, and has no options: leave out `include`, `exclude`, `fast` and `options`',
      )
    return reportDelta(await compressSeeds(base, post, { out, overwrite, jobs, memory }))
  }
  await checkDeltaTarget(out, overwrite, post)
  const isMap = codec instanceof Map
  const given: ReadonlyMap<string, CodecChoice> = isMap ? codec : new Map([['', codec as CodecChoice]])
  const parsed = codec ? new Map([...given].map(parseOnce(seed))) : new Map<string, ParsedChoice>()
  const isLossy = codec !== undefined || wanted !== null
  const opened = await openBase(await openModelFolder(base, { isStored: isLossy }))
  try {
    const from = await openModelFolder(post, { isStored: isLossy, base: opened })
    const folder = from.path
    const chosen = wanted && (await chooseWithin(opened.path, folder, { ...options, wanted }))
    const pair = isLossy ? await openStoredPair(opened.path, folder) : null
    try {
      const all = pair && codec && !isMap ? chooseAll(pair, parsed.get('')!, { include, exclude }) : parsed
      const choices = chosen?.choices ?? all
      const planned = await planCompression(pair, { base: opened, post: folder, choices, isFast: options.fast })
      for (const [tensor, why] of planned.left) onWarning?.(`${tensor}: stored lossless (${why})`)
      if (planned.needsBackend) await setBackend(options.backend)
      const how = {
        name: recordedName(base),
        overwrite,
        jobs,
        memory: chosen?.memory ?? memory,
        onWarning,
        choice: chosen?.record,
      }
      return reportDelta(await planned.write(out, how))
    } finally {
      await Promise.all([pair?.base.close(), pair?.post.close(), from.close()])
    }
  } finally {
    await opened.close()
  }
}

/**
 * Stores a model as BitDelta's own file (`diff.pt`), which its loader reads: packed signs and a scale for each chosen matrix, and the other
 * tensors that moved as they are.
 *
 * @param base folder of the base, `base+file`, or its name on the hub
 * @param post folder of the model to store, or its name on the hub
 * @param options where the file is written, and which matrices are stored by signs
 * @returns the tensors that are stored by signs, those that are stored as they are, and the bytes of the file
 * @throws UserError for a name that is taken, and a model that is not one of the base
 */
export async function compressBitDelta(base: string, post: string, options: BitDeltaOptions): Promise<BitDeltaContent> {
  checkBitDelta(options)
  return writeBitDelta(base, post, options)
}

const checkBitDelta = checkerOf<BitDeltaOptions>('compressBitDelta', {
  out: given.word,
  overwrite: given.flag,
  include: given.words,
  exclude: given.words,
  memory: given.amount,
})

/** What is asked for; null without a budget. @throws UserError for options that exclude each other */
function budgetOf({
  budget,
  targetLoss,
  codec,
  fast,
  include,
  exclude,
  task,
  loss,
}: CompressModelOptions): Budget | null {
  if (budget === undefined && targetLoss === undefined) {
    if (task === undefined && loss === undefined) return null
    throw new UserError('`task` and `loss` are for a choice of codecs: give `budget` or `targetLoss` with them')
  }
  if (budget !== undefined && targetLoss !== undefined)
    throw new UserError('`budget` and `targetLoss` exclude each other: give one of them')
  if (task === undefined && loss !== undefined) throw new UserError('`loss` needs a `task`, to measure it on')
  if (codec !== undefined || fast || include?.length || exclude?.length)
    throw new UserError(
      '`budget` and `targetLoss` choose the codecs of all tensors: leave out `codec`, `fast`, `include` and `exclude`',
    )
  if (budget === undefined) return { loss: targetLoss! }
  return typeof budget === 'number' ? { bytes: budget } : parseBudget(budget)
}

/** The codec of each tensor within a budget, and what the file says of the choice. */
async function chooseWithin(
  base: string,
  post: string,
  { wanted, task, items, loss, tokenizer, ...options }: CompressModelOptions & { wanted: Budget },
): Promise<{ choices: Map<string, ParsedChoice>; record: ChoiceRecord; memory: number }> {
  const { named, registry } = await registryFor({ task }, options)
  await setBackend(options.backend)
  const isText = typeof named.task === 'object' && 'text' in named.task
  const [found] = await chooseCodecs(base, post, {
    ...{ budgets: [wanted], items, registry, tokenizer, jobs: options.jobs, memory: options.memory },
    task: typeof named.task === 'object' ? sectionWord(named.task as TaskSection) : named.task,
    loss: loss ?? (isText ? 'kl' : 'task'),
    note: options.onWarning,
  })
  return { choices: parseChoices(found!.codecs), record: recordOf(found!), memory: writeMemory(found!, options.memory) }
}

/** Choices of the same words become one. */
function parseOnce(seed: number): (entry: readonly [string, CodecChoice]) => [string, ParsedChoice] {
  const known = new Map<string, ParsedChoice>()
  return ([name, choice]) => {
    const key = JSON.stringify(choice)
    const parsed = known.get(key) ?? parseChoice(choice, { seed })
    known.set(key, parsed)
    return [name, parsed]
  }
}

/**
 * Writes the folder of a model from its base and a delta file, every file to the byte. A run that was interrupted goes on.
 *
 * @param base folder of the base, `base+file`, or its name on the hub
 * @param delta the delta file, or one of BitDelta; on the hub `org/name[@revision]:path`
 * @param options where the folder is written
 * @throws UserError for another base, a damaged file, or a folder that may not be written; nothing is left then
 */
export async function apply(base: string, delta: string, options: DeltaFileOptions): Promise<void> {
  checkApply(options)
  const { out, overwrite = false, jobs, memory } = options
  const beforeDownload = () => checkTarget(out, resolve(out), overwrite, [base])
  const file = await resolveFile(delta, { beforeDownload })
  if (await isBitDeltaFile(file)) {
    await beforeDownload()
    return applyBitDelta(file, await openModel(base), { out, overwrite })
  }
  const found = await openDelta(file)
  await beforeDownload()
  const opened = await openBase(await openModelFolder(base, { beforeDownload }))
  try {
    await applyDelta(found, opened, out, { overwrite, jobs, memory })
  } finally {
    await opened.close()
  }
}
