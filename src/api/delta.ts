// Delta files from code: a model as what differs from its base, and the model again.
import { basename, resolve } from 'node:path'
import {
  applyDelta,
  checkDeltaTarget,
  compressModel,
  type DeltaReport,
  openBase,
  openDelta,
  planDelta,
  reportDelta,
} from '../delta/index.js'
import { checkTarget } from '../files/index.js'
import { resolveModel } from '../hub/index.js'

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

/**
 * Stores every file of a model, except hidden ones, exactly as what differs from a base (docs/delta-format.md).
 *
 * @param base folder of the base, or its name on the hub
 * @param post folder of the model to store, or its name on the hub
 * @param options where the file is written
 * @returns what the file holds: files, and codec and bytes of each tensor
 * @throws UserError for a folder that is no model, or a file that may not be written
 */
export async function compress(base: string, post: string, options: DeltaFileOptions): Promise<DeltaReport> {
  const { out, overwrite = false, jobs, memory } = options
  await checkDeltaTarget(out, overwrite)
  const opened = await openBase(await resolveModel(base))
  try {
    const folder = await resolveModel(post)
    const plan = await planDelta(opened, folder)
    const name = opened.folder === base ? basename(resolve(base)) : base
    return reportDelta(
      await compressModel({ plan, base: opened, post: folder }, out, { name, overwrite, jobs, memory }),
    )
  } finally {
    await opened.close()
  }
}

/**
 * Writes the folder of a model from its base and a delta file, every file to the byte. A run that was interrupted goes on.
 *
 * @param base folder of the base, or its name on the hub
 * @param file the delta file
 * @param options where the folder is written
 * @throws UserError for another base, a damaged file, or a folder that may not be written; nothing is left then
 */
export async function apply(base: string, file: string, options: DeltaFileOptions): Promise<void> {
  const { out, overwrite = false, jobs, memory } = options
  const delta = await openDelta(file)
  await checkTarget(out, resolve(out), overwrite, [base])
  const opened = await openBase(await resolveModel(base))
  try {
    await applyDelta(delta, opened, out, { overwrite, jobs, memory })
  } finally {
    await opened.close()
  }
}
