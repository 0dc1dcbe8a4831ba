// The check of one merger against all laws of mergers.
import { UserError } from '../errors/index.js'
import type { Merger } from '../mergers/index.js'
import { onWasm } from '../tensor/index.js'
import { keepLaws } from './law.js'
import { type MergerSubject, mergerLaws } from './merger-laws.js'
import type { MergerSetting } from './merger-trial.js'
import { madeUpOptions } from './samples.js'

/** What `checkMerger` runs the laws on. */
export interface MergerCheck {
  /** Settings to try in every convention; by default some are made up from the schemas. */
  settings?: readonly MergerSetting[]
  /** Settings under which one model comes out as it went in; by default the method has none. */
  one?: MergerSetting | null
  /** Settings under which equal models come out as they are; by default the method has none. */
  same?: MergerSetting | null
}

/** @throws UserError where no settings are given and none can be made up */
export function mergerSubject(merger: Merger, check: MergerCheck = {}): MergerSubject {
  const settings = check.settings ?? madeUpSettings(merger)
  if (!settings.length)
    throw new UserError(
      `checkMerger: no settings of ${merger.name} to try: give them, like { settings: [{ options: { t: 0.5 } }] }`,
    )
  return { ...check, name: `merger ${merger.name}`, merger, settings }
}

/** Made-up options of the merge with the first of the models, and the other way round. */
function madeUpSettings({ options, modelOptions }: Merger): MergerSetting[] {
  const [merges, models] = [madeUpOptions(options), madeUpOptions(modelOptions)]
  const [first] = models
  if (!first) return []
  return [
    ...merges.map((one) => ({ options: one, models: [first] })),
    ...merges.slice(0, 1).flatMap((one) => models.slice(1).map((each) => ({ options: one, models: [each] }))),
  ]
}

/**
 * Checks that a merger keeps the laws of all mergers. Call it from any test runner.
 * @param merger what `defineMerger` returned
 * @param check `settings` to try; by default some are made up from the schemas. `one`, `same`: settings under which one model, or
 * several equal ones, come out as they are, where the method has such settings
 * @returns resolves where all laws are kept
 * @throws UserError that names the law that is broken, the options and the values
 */
export const checkMerger = (merger: Merger, check: MergerCheck = {}): Promise<void> =>
  onWasm(() => keepLaws(mergerLaws, mergerSubject(merger, check)))
