// `--plugin FILE`: editors, mergers and tasks of the user's own on the command line.
import type { Registry } from '../registry/index.js'

export const PLUGIN = {
  type: 'string' as const,
  array: true as const,
  nargs: 1,
  default: [] as string[],
  describe: 'Module (.ts or .js) that adds editors, mergers or tasks; its code runs; repeatable',
}

/** The registry: the built-in methods and those of the plugins. @throws UserError for a plugin that cannot be loaded */
export async function readRegistry(paths: readonly string[]): Promise<Registry> {
  const [{ makeRegistry }, { expandPath }] = await Promise.all([
    import('../registry/index.js'),
    import('../schema/index.js'),
  ])
  return makeRegistry(paths.map((path) => expandPath(path)))
}

/** The files behind `--plugin` before the command line is parsed: the flags of a command may come from them. */
export const pluginsIn = (words: readonly string[]): string[] =>
  words.flatMap((word, i) => {
    if (word.startsWith('--plugin=')) return [word.slice('--plugin='.length)]
    const next = words[i + 1]
    return word === '--plugin' && next !== undefined ? [next] : []
  })
