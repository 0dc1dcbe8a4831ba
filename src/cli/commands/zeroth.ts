// `deltalab zeroth`: tunes a model with forward passes only; each delta is a file of a few kilobytes.

import { dirname, join } from 'node:path'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { print, startPhase, warn } from '../messages.js'
import { AS_JSON, BACKEND, outPlace, place } from '../options.js'
import { PLUGIN } from '../plugins.js'

export const command = 'zeroth <config>'

export function builder(cli: Argv) {
  return cli
    .positional('config', place('Recipe (YAML): base, training items, runs; or the name of one that ships'))
    .option('out', outPlace('Results folder; default results/<name>'))
    .option('plugin', PLUGIN)
    .option('backend', BACKEND)
    .option('json', AS_JSON)
    .example('deltalab zeroth zeroth-order', 'two runs on the small base; writes results/zeroth-order/*.safetensors')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler({ config: given, out, backend, json, plugin }: Args): Promise<void> {
  const [{ findRecipe }, { readYaml }, { runZeroth, zerothSchema }, { writeWhole }] = await Promise.all([
    import('../../config/index.js'),
    import('../../yaml/index.js'),
    import('../../zeroth/index.js'),
    import('../../files/index.js'),
  ])
  const config = findRecipe(given)
  const { value: recipe, text, locate } = readYaml(config, zerothSchema)
  const folder = out ?? join('results', recipe.name)
  startPhase('tune')
  const results = await locate(() =>
    runZeroth(recipe, { root: dirname(config), plugins: plugin, out: folder, backend, onWarning: warn }),
  )
  await writeWhole(join(folder, 'config.yaml'), text)
  if (json) {
    print(`${JSON.stringify({ out: folder, results }, null, 2)}\n`)
    return
  }
  const percent = (score: number) => `${(100 * score).toFixed(1)} %`
  for (const { name, ...r } of results) {
    const held = `held-out loss ${r.loss_before.toFixed(4)} → ${r.loss_after.toFixed(4)}, score ${percent(r.score_before)} → ${percent(r.score_after)}`
    const stored = `${r.used} of ${r.scalars} scalars, ${r.bytes} bytes for ${r.parameters} parameters`
    print(`${name}: ${held}; ${stored}, rebuilt ${r.rebuilt_exactly ? 'bit for bit' : 'WITH DIFFERENCES'}\n`)
  }
  const files = ['losses.csv', 'summary.json', ...results.map(({ name }) => `${name}.safetensors`)]
  print(`${files.map((file) => join(folder, file)).join('\n')}\n`)
}
