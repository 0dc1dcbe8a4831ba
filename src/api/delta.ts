// Delta files from code: a model as what differs from its base, and the model again.
import { basename, resolve } from 'node:path'
import {
  type CodecChoice,
  chooseAll,
  openStoredPair,
  type ParsedChoice,
  parseChoice,
  planCompression,
} from '../compress/index.js'
import { applyDelta, checkDeltaTarget, type DeltaReport, openBase, openDelta, reportDelta } from '../delta/index.js'
import { checkTarget } from '../files/index.js'
import { resolveModel } from '../hub/index.js'
import { applyBitDelta, isBitDeltaFile, openPostFolder } from '../sources/index.js'
import { type BackendName, setBackend } from '../tensor/index.js'

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

/** How the tensors of a model are stored. */
export interface CompressModelOptions extends DeltaFileOptions {
  /**
   * The codec of the tensors, with its options and those of the editor whose result it stores, or one for each tensor by its name; what
   * is not in it is stored lossless. Default: all is lossless.
   */
  codec?: CodecChoice | ReadonlyMap<string, CodecChoice> | undefined
  /** Patterns of the tensors that `codec` is for: names with *, role:<role>, linear. Default all. */
  include?: readonly string[] | undefined
  /** Patterns of tensors to leave out of these. */
  exclude?: readonly string[] | undefined
  /** Of editors that draw. Default 0. */
  seed?: number | undefined
  /** TensorFlow.js backend for editors without kernels; by default the fastest one that is there. */
  backend?: BackendName | undefined
  /** Is told where an editor degenerates, and which tensors stay lossless, because their codec does not fit them. */
  onWarning?: ((text: string) => void) | undefined
}

/**
 * Stores every file of a model, except hidden ones, as what differs from a base (docs/delta-format.md): exactly, or with what codecs keep
 * of the deltas of tensors.
 *
 * @param base folder of the base, or its name on the hub
 * @param post folder of the model to store, or its name on the hub
 * @param options where the file is written, and how tensors are stored
 * @returns what the file holds: files, and codec, bytes and error of each tensor
 * @throws UserError for a folder that is no model, options that do not fit, or a file that may not be written
 */
export async function compress(base: string, post: string, options: CompressModelOptions): Promise<DeltaReport> {
  const { out, overwrite = false, jobs, memory, codec, include = [], exclude = [], seed = 0, onWarning } = options
  await checkDeltaTarget(out, overwrite)
  const isMap = codec instanceof Map
  const given: ReadonlyMap<string, CodecChoice> = isMap ? codec : new Map([['', codec as CodecChoice]])
  const parsed = codec ? new Map([...given].map(parseOnce(seed))) : new Map<string, ParsedChoice>()
  const opened = await openBase(await resolveModel(base))
  try {
    const from = await openPostFolder(post, opened.folder, { isStored: codec !== undefined })
    const folder = from.path
    const pair = codec ? await openStoredPair(opened.folder, folder) : null
    try {
      const choices = pair && !isMap ? chooseAll(pair, parsed.get('')!, { include, exclude }) : parsed
      const planned = await planCompression(pair, { base: opened, post: folder, choices })
      for (const [tensor, why] of planned.left) onWarning?.(`${tensor}: stored lossless (${why})`)
      if (planned.needsBackend) await setBackend(options.backend)
      const name = opened.folder === base ? basename(resolve(base)) : base
      return reportDelta(await planned.write(out, { name, overwrite, jobs, memory, onWarning }))
    } finally {
      await Promise.all([pair?.base.close(), pair?.post.close(), from.close()])
    }
  } finally {
    await opened.close()
  }
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
 * @param base folder of the base, or its name on the hub
 * @param file the delta file, or one of BitDelta
 * @param options where the folder is written
 * @throws UserError for another base, a damaged file, or a folder that may not be written; nothing is left then
 */
export async function apply(base: string, file: string, options: DeltaFileOptions): Promise<void> {
  const { out, overwrite = false, jobs, memory } = options
  if (await isBitDeltaFile(file)) {
    await checkTarget(out, resolve(out), overwrite, [base])
    return applyBitDelta(file, await resolveModel(base), { out, overwrite })
  }
  const delta = await openDelta(file)
  await checkTarget(out, resolve(out), overwrite, [base])
  const opened = await openBase(await resolveModel(base))
  try {
    await applyDelta(delta, opened, out, { overwrite, jobs, memory })
  } finally {
    await opened.close()
  }
}
