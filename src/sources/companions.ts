// What a model needs besides its weights, by its name: of a folder, of the hub, or of a delta file.
import { type ResolveOptions, resolveCompanions } from '../hub/index.js'
import { findDelta } from './find-delta.js'

/**
 * The folder with configuration, tokenizer and preprocessor. Weights are not downloaded.
 * @param base what a delta file without one stands on
 * @throws UserError as resolveCompanions does
 */
export async function resolveInputs(reference: string, options: ResolveOptions = {}, base?: string): Promise<string> {
  const delta = await findDelta(reference, options)
  if (!delta) return resolveCompanions(reference, options)
  const { recordedBase } = await import('./delta-model.js')
  const { openDeltaCompanions } = await import('../delta/index.js')
  const { file } = delta
  const companions = await resolveInputs(delta.base ?? base ?? (await recordedBase(delta)), options)
  return delta.isBitDelta ? companions : openDeltaCompanions(file, companions)
}
