// `--set KEY=VALUE`: other values than those of an experiment's YAML file.
import type { Experiment } from '../config/index.js'

export const SET = {
  type: 'string' as const,
  array: true as const,
  nargs: 1,
  default: [] as string[],
  describe:
    'Value in place of that in the YAML file: KEY=VALUE, such as seeds=10 or editors.0.drop_rate=0.9; repeatable',
}

/** The experiment of a config, with what the command line says beside it. */
export async function readExperiment(
  config: string,
  {
    set,
    plugin,
    ignoreUnmatched = false,
  }: { set: readonly string[]; plugin: readonly string[]; ignoreUnmatched?: boolean },
): Promise<Experiment> {
  const [{ loadExperiment }, { readOverride }] = await Promise.all([
    import('../config/index.js'),
    import('../yaml/index.js'),
  ])
  return loadExperiment(config, { plugins: plugin, ignoreUnmatched, overrides: set.map(readOverride) })
}
