// Paths as people write them, in YAML files and on the command line: `~` and variables of the environment stand for folders.
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { UserError } from '../errors/index.js'

/**
 * `~/models`, `$DATA/models` and `${DATA}/models` with what they stand for; other text as it is. As in a shell, `~` counts only at
 * the beginning.
 * @throws UserError for a variable that is not set
 */
export function expandPath(
  path: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const home = path.replace(/^~(?=[/\\]|$)/, () => homedir())
  return home.replace(/\$(?:(\w+)|\{(\w+)\})/g, (_, plain?: string, braced?: string) => {
    const name = plain ?? braced!
    const value = environment[name]
    if (value === undefined || value === '') throw new UserError(`${path}: the variable ${name} is not set`)
    return value
  })
}

/** The absolute path of what a file in `folder` names: relative to it. @throws UserError as expandPath does */
export const placeIn = (folder: string, path: string): string => resolve(folder, expandPath(path))
