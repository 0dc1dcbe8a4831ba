// `deltalab schema`: the JSON Schema of a kind of YAML file, with which text editors complete and check it.
import type { Argv } from 'yargs'
import { print } from '../messages.js'
import { PLUGIN, readRegistry } from '../plugins.js'

export const command = 'schema <kind>'

const KINDS = ['experiment', 'merge', 'recipe', 'zeroth'] as const

export function builder(cli: Argv) {
  return cli
    .positional('kind', { choices: KINDS, demandOption: true, describe: 'What the YAML files are' })
    .option('plugin', PLUGIN)
    .example('deltalab schema experiment > experiment.schema.json', 'the schema, for offline use')
    .epilogue(
      'Name it in the first line of a YAML file: # yaml-language-server: $schema=experiment.schema.json\nIn a project with deltalab among its packages: $schema=node_modules/deltalab/dist/schemas/experiment.json',
    )
}

export async function handler({ kind, plugin }: { kind: (typeof KINDS)[number]; plugin: string[] }): Promise<void> {
  const [{ experimentJsonSchema, trainingJsonSchema }, { mergeJsonSchema }, { zerothJsonSchema }, registry] =
    await Promise.all([
      import('../../config/index.js'),
      import('../../merge/index.js'),
      import('../../zeroth/index.js'),
      readRegistry(plugin),
    ])
  const make = {
    experiment: () => experimentJsonSchema(registry),
    merge: () => mergeJsonSchema(registry),
    recipe: trainingJsonSchema,
    zeroth: zerothJsonSchema,
  }
  print(`${JSON.stringify(make[kind](), null, 2)}\n`)
}
