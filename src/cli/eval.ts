// `deltalab eval`: loss and score of one model on one task.
import type { Argv } from 'yargs'

export const command = 'eval <model>'
export const describe = 'Loss and score of a model on a task'

export function builder(cli: Argv) {
  return cli.positional('model', { type: 'string', demandOption: true, describe: 'Folder of the model (config.json, safetensors, tokenizer.json)' })
    .option('task', { type: 'string', demandOption: true, describe: 'Name of `deltalab tasks`, or a task file (card .yaml, items .jsonl)' })
    .option('items', { type: 'number', describe: 'Number of items, from the first; all unless given' })
    .option('backend', { choices: ['auto', 'tensorflow', 'wasm', 'cpu'] as const, default: 'auto' as const, describe: 'TensorFlow.js backend' })
    .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
    .example('deltalab eval checkpoints/small/math --task math --items 100', 'loss and exact-match score on 100 held-out items')
}

interface Args { model: string; task: string; items?: number; backend: 'auto' | 'tensorflow' | 'wasm' | 'cpu'; json: boolean }

export async function handler(args: Args): Promise<void> {
  const { UserError } = await import('../errors/index.js')
  if (args.items !== undefined && !(Number.isInteger(args.items) && args.items > 0)) throw new UserError(`--items must be a positive integer, got ${args.items}`, { exitCode: 2 })
  const [{ setBackend }, { measureModel }] = await Promise.all([import('../tensor/index.js'), import('../sweep/index.js')])
  const backend = await setBackend(args.backend)
  const measured = await measureModel(args.model, args.task, args.items)
  if (args.json) {
    process.stdout.write(`${JSON.stringify({ ...measured, backend: backend.name })}\n`)
    return
  }
  const { task, metric, score, loss, items, tokens } = measured
  process.stdout.write(`${args.model} on ${task}: ${metric} ${(100 * score).toFixed(1)} % of ${items} items, loss ${loss.toFixed(4)} nats per token over ${tokens} tokens\n`)
}
