// The files that ship with the package, by their names: experiments, and recipes of training and of zeroth-order tuning.
import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { hintFor, UserError, unknown } from '../errors/index.js'
import { packageRoot } from '../files/index.js'
import { readText } from '../schema/index.js'

/** Only an experiment has models. */
const isExperiment = (file: string): boolean => /^models:/m.test(readText(file))

/** Names in a folder of `configs`: those of the papers' own models lie in `paper`, those that the included models were made with in `family`. */
const namesIn = (folder: string, experiments: boolean): string[] =>
  readdirSync(join(packageRoot, 'configs', folder))
    .filter(
      (file) => file.endsWith('.yaml') && isExperiment(join(packageRoot, 'configs', folder, file)) === experiments,
    )
    .map((file) => folder + basename(file, '.yaml'))
    .sort()

/** Names of the shipped experiments, `quickstart` and so on. */
export const shippedExperiments = (): string[] => ['', 'paper/'].flatMap((folder) => namesIn(folder, true))

/** Names of the shipped recipes. */
export const shippedRecipes = (): string[] => ['', 'family/'].flatMap((folder) => namesIn(folder, false))

/** The path: a file that is there or has an ending, or else the shipped one of that name; undefined for a word that is neither. */
function find(given: string): string | undefined {
  if (existsSync(given) || /\.\w+$/.test(given)) return given
  const shipped = join(packageRoot, 'configs', `${given}.yaml`)
  return /^[\w/-]+$/.test(given) && existsSync(shipped) ? shipped : undefined
}

/**
 * The path of an experiment: a file, or one that ships. Recipes that ship are found too: their reader says which command they are for.
 * @throws UserError with the nearest shipped name for a word that is neither
 */
export function findExperiment(given: string): string {
  const file = find(given)
  if (file === undefined) throw unknown('experiment (no such file, and none that ships)', given, shippedExperiments())
  return file
}

/** The same of a recipe, of which many ship: the error names the nearest alone. */
export function findRecipe(given: string): string {
  const file = find(given)
  if (file !== undefined) return file
  const hint = hintFor('recipe', given, shippedRecipes())
  throw new UserError(`${given}: no such file, and no recipe of that name ships${hint ? `; ${hint}` : ''}`)
}
