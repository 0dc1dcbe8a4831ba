// An edit with all that belongs to it: the checkpoint, its model card, and what an interrupted run of the same edit finished.
import { basename, resolve } from 'node:path'
import type { Pair } from '../checkpoint/index.js'
import type { Resume } from '../files/index.js'
import { describeEdit, fingerprintEdit } from './describe.js'
import { type EditSummary, editCheckpoint } from './edit.js'
import type { EditCheckpointOptions } from './options.js'

export interface WriteEditOptions extends Omit<Resume, 'fingerprint'> {
  /** What computes, as the model card names it. */
  backend: string
  /** Those that the editors come from. */
  plugins?: readonly { name: string; sha256: string }[]
  /** Largest weight file, in GB. */
  shardSize: number
}

/** Throws what editCheckpoint throws. */
export async function writeEdit(
  pair: Pair,
  out: string,
  options: EditCheckpointOptions,
  { shardSize, discard, note, ...tools }: WriteEditOptions,
): Promise<EditSummary> {
  const fingerprint = await fingerprintEdit(pair, options, { shardSize, ...tools })
  return editCheckpoint(pair, out, {
    ...options,
    describe: (content) => describeEdit(basename(resolve(out)), pair, options, { content, ...tools }),
    resume: { fingerprint, discard, note },
    maxShardBytes: shardSize * 1e9,
  })
}
