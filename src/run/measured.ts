// Measurements of base and post that are kept in a results folder by the content of what they were made from: losses and replies.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import type { Reply } from '../evaluate/index.js'
import { checkUnchanged, KEEP_NOTHING, type Kept, openKept } from '../files/index.js'
import type { Loss, LossKind } from '../loss/index.js'
import type { PairContent } from '../plan/index.js'

/** What a measurement is of: a model of the pair on so many items of a task, from the first. */
export interface PairEnd {
  model: 'base' | 'post'
  source: string
  items: number
  /** Of a loss. */
  kind?: LossKind
}

export interface Measured {
  loss(subject: PairEnd, measure: () => Promise<Loss>): Promise<Loss>
  replies(subject: PairEnd, measure: () => Promise<Reply[]>): Promise<Reply[]>
  /** Scores by name of the model beside post. */
  compared(subject: PairEnd, measure: () => Promise<Record<string, number>>): Promise<Record<string, number>>
}

/** Where measurements are kept. */
export interface KeptIn {
  /** Results folder. */
  folder: string
  /** Name and version of what computes. */
  backend: string
}

/** Where a command keeps what it measures. @throws UserError for a folder that is no results folder */
export function keepIn(
  results: string | undefined,
  { name, package: version }: { name: string; package: string },
): KeptIn | undefined {
  if (results === undefined) return undefined
  if (!existsSync(join(results, 'meta.json')))
    throw new UserError(`--results must be the results folder of a sweep; ${results} has no meta.json`, { exitCode: 2 })
  return { folder: results, backend: `${name} ${version}` }
}

/** Measures each time. */
export const MEASURE_ALWAYS: Measured = {
  loss: (_, measure) => measure(),
  replies: (_, measure) => measure(),
  compared: (_, measure) => measure(),
}

/** Where the measurements and the token ids of a results folder are kept. */
export const keptIn = (folder: string | undefined): Kept =>
  folder === undefined ? KEEP_NOTHING : openKept(join(folder, 'measured'))

/**
 * Measurements of a pair, kept in a results folder. @param backend name and version of what computes
 * @throws UserError when a file of the pair changed since it was hashed
 */
export function openMeasured(kept: Kept, backend: string, content: PairContent): Measured {
  const keyOf = (kind: string, { model, source, items }: PairEnd) => [
    kind,
    backend,
    content[model],
    content.tasks[source]!,
    items,
  ]
  const keep = <T>(kind: string, subject: PairEnd, measure: () => Promise<T>): Promise<T> =>
    kept.recall(keyOf(kind, subject), async () => {
      const found = await measure()
      await checkUnchanged(content.states)
      return found
    })
  return {
    async loss(subject, measure) {
      const key = subject.kind === 'kl' ? [...keyOf('divergence', subject), content.post] : keyOf('loss', subject)
      const found = await kept.recall(key, async () => {
        const { itemSums, itemTokens, ...rest } = await measure()
        await checkUnchanged(content.states)
        return { ...rest, itemSums: [...itemSums], itemTokens: [...itemTokens] }
      })
      return {
        ...found,
        itemSums: Float64Array.from(found.itemSums),
        itemTokens: Int32Array.from(found.itemTokens),
      }
    },
    replies: (subject, measure) => keep('replies', subject, measure),
    compared: (subject, measure) => keep('compared', subject, measure),
  }
}
