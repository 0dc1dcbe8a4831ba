// `deltalab eval`: loss and score of one model on one task.

import type { ArgumentsCamelCase, Argv } from 'yargs'
import { UserError } from '../../errors/index.js'
import { describeMetric } from '../../naming/index.js'
import { expandPath } from '../../schema/index.js'
import { evaluationText } from '../evaluation-text.js'
import { note, peakMemory, print, printText, startBackend, startPhase, warn } from '../messages.js'
import {
  ALLOW_CODE,
  AS_JSON,
  BACKEND,
  checkCounts,
  MEASURED,
  MEMORY,
  MODEL,
  readMemory,
  TASKS,
  TOKENIZER,
} from '../options.js'
import { PLUGIN, readRegistry } from '../plugins.js'
import { readTasks, TEXT, wordsOfTask } from '../text-options.js'

export const command = 'eval <model>'

export function builder(cli: Argv) {
  return cli
    .positional('model', MODEL)
    .options({ task: TASKS, ...TEXT })
    .option('plugin', PLUGIN)
    .option('items', { type: 'number', describe: 'Number of items, counted from the first; default all' })
    .option('tokenizer', TOKENIZER)
    .option('memory', MEMORY)
    .option('chat', { type: 'boolean', default: false, describe: "Put each prompt through the model's chat template" })
    .option('system', { type: 'string', describe: 'With --chat: an instruction for the system message' })
    .option('post', {
      type: 'string',
      coerce: expandPath,
      describe: 'The model that this one was made from: tells how far it is from it (KL divergence)',
    })
    .option('cache', {
      type: 'string',
      coerce: expandPath,
      describe: 'With --post: folder that keeps what is computed of it, for the next edit',
    })
    .option('results', MEASURED)
    .option('allow-code-execution', ALLOW_CODE)
    .option('backend', BACKEND)
    .option('json', AS_JSON)
    .example('deltalab eval checkpoints/small/math --task math --items 100', 'loss and score on 100 held-out items')
    .example('deltalab eval checkpoints/small/math --task math,code', 'one line for each task')
    .example('deltalab eval edited --post checkpoints/small/math --text notes.txt', 'how far an edit is from its model')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler({ model, task, items, json, ...args }: Args): Promise<void> {
  checkCounts({ items })
  const tasks = await readTasks(task, args)
  if (args.system !== undefined && !args.chat)
    throw new UserError('--system is the system message of a chat: give --chat with it', { exitCode: 2 })
  if (args.cache !== undefined && args.post === undefined)
    throw new UserError('--cache keeps what is computed of --post: give --post with it', { exitCode: 2 })
  const memory = readMemory(args.memory)
  const [{ keepIn, measureModel }, { identifyTask }] = await Promise.all([
    import('../../run/index.js'),
    import('../../tasks/index.js'),
  ])
  const { tasks: own } = await readRegistry(args.plugin)
  // A slip in the last name is not found after the first task is done.
  for (const task of tasks) identifyTask(task, { tasks: own })
  const backend = await startBackend(args.backend)
  const keep = keepIn(args.results, backend)
  const chat = args.chat ? { system: args.system } : undefined
  for (const task of tasks) {
    const named = await wordsOfTask(task)
    startPhase(`evaluate ${named}`)
    const measured = await measureModel(model, task, {
      items,
      memory,
      tokenizer: args.tokenizer,
      chat,
      allowCode: args.allowCodeExecution,
      keep,
      tasks: own,
      post: args.post,
      cache:
        args.cache === undefined ? undefined : { folder: args.cache, backend: `${backend.name} ${backend.package}` },
    })
    for (const text of measured.notes ?? []) note(text)
    if (json) print(`${JSON.stringify({ ...measured, backend: backend.name })}\n`)
    else printText(evaluationText(model, measured, { chat: args.chat, post: args.post }))
    const asked =
      measured.unit === 'nats per token'
        ? ': does the model know this form of prompt and answer? --chat asks a chat model'
        : ''
    if (measured.score === 0 && describeMetric(measured.metric).unit === 'share')
      warn(`no answer on ${named} is right${asked}`)
  }
  if (memory !== undefined) note(`peak memory of the process: ${Math.round(peakMemory() / 1e6)} MB`)
}
