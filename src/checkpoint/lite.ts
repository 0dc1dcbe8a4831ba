// Models of which some have a parameter-lite encoder: what knows such encoders is loaded where one has it.
import { PARAMETER_LITE } from '../adapters/index.js'
import type { Checkpoint } from './checkpoint.js'

/** The same models as `completeLite` makes them. @throws UserError as it does */
export async function agreeOnLite<const T extends readonly Checkpoint[]>(
  checkpoints: T,
): Promise<{ -readonly [I in keyof T]: Checkpoint }> {
  const has = ({ config }: Checkpoint): boolean => (config?.[PARAMETER_LITE] ?? null) !== null
  if (!checkpoints.some(has)) return [...checkpoints] as { -readonly [I in keyof T]: Checkpoint }
  const { completeLite } = await import('./parameter-lite.js')
  return completeLite(checkpoints)
}
