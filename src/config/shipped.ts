// The experiments that ship with the package, by their names.
import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { unknown } from '../errors/index.js'
import { packageRoot } from '../files/index.js'
import { readText } from '../schema/index.js'

/** `configs`, and the configurations of the papers' own models as `paper/<name>`. */
const FOLDERS = ['', 'paper/'] as const

/** Names of the shipped experiments, `quickstart` and so on. */
export const shippedExperiments = (): string[] =>
  FOLDERS.flatMap((folder) =>
    readdirSync(join(packageRoot, 'configs', folder))
      // Recipes lie there too; an experiment has models.
      .filter(
        (file) => file.endsWith('.yaml') && /^models:/m.test(readText(join(packageRoot, 'configs', folder, file))),
      )
      .map((file) => folder + basename(file, '.yaml'))
      .sort(),
  )

/**
 * The path of an experiment: a file that is there, or else the shipped one of that name.
 * @throws UserError with the nearest shipped name for a word that is neither
 */
export function findExperiment(given: string): string {
  if (existsSync(given) || /\.ya?ml$/.test(given)) return given
  const shipped = join(packageRoot, 'configs', `${given}.yaml`)
  // Recipes that ship are found too: their reader says which command they are for.
  if (/^[\w/-]+$/.test(given) && existsSync(shipped)) return shipped
  throw unknown('experiment (no such file, and none that ships)', given, shippedExperiments())
}
