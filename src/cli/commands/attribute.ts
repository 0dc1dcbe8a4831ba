// `deltalab attribute`: which tensors cause the loss change of one edit.

import { tmpdir } from 'node:os'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { UserError } from '../../errors/index.js'
import { LOSS_KINDS, MOST_STEPS, RULES } from '../../record/index.js'
import type { Registry } from '../../registry/index.js'
import { readSteps, withEditors } from '../editor-flags.js'
import { note, peakMemory, printResult, startBackend, startPhase, warn, writeError } from '../messages.js'
import { noteModels, noteSkipped } from '../model-notes.js'
import { AS_JSON, BACKEND, checkCounts, MEASURED, MEMORY, outPlace, readMemory, TASK, TOKENIZER } from '../options.js'
import { addPairOptions } from '../pair-options.js'
import { readRegistry } from '../plugins.js'
import { readTask, TEXT } from '../text-options.js'

export const command = 'attribute <base> <post>'

export function builder(cli: Argv, registry?: Registry) {
  return addPairOptions(withEditors(cli, registry), 'edit')
    .options({ task: TASK, ...TEXT })
    .option('items', { type: 'number', default: 128, describe: 'Number of items for the loss, counted from the first' })
    .option('loss', {
      choices: LOSS_KINDS,
      default: 'task' as const,
      describe: 'The loss on the labels of the task, or the divergence KL(post ‖ edited)',
    })
    .option('rule', { choices: RULES, describe: 'Quadrature rule; default midpoint, or gauss with --loss kl' })
    .option('steps', {
      type: 'number',
      default: 5,
      describe: 'Intervals along the path from post to edited; for gauss, nodes',
    })
    .option('on', {
      choices: ['delta', 'weights'] as const,
      default: 'delta' as const,
      describe: 'What to edit: the delta, or the weights themselves',
    })
    .option('out', outPlace('Folder for a bar chart of the terms (SVG, PNG)'))
    .option('results', MEASURED)
    .option('tokenizer', TOKENIZER)
    .option('memory', MEMORY)
    .option('backend', BACKEND)
    .option('json', AS_JSON)
    .example(
      'deltalab attribute base post --editor dare --drop 0.9 --task math --out chart',
      'tensors that DARE hurts most are listed first',
    )
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler(args: Args): Promise<void> {
  checkCounts({ items: args.items, steps: args.steps })
  if (args.steps > MOST_STEPS)
    throw new UserError(`--steps must be at most ${MOST_STEPS}; got ${args.steps}`, { exitCode: 2 })
  const task = await readTask(args.task, args)
  const memory = readMemory(args.memory)
  const registry = await readRegistry(args.plugin)
  const chain = readSteps(args, registry)
  const [{ openModels }, { attributeEdit, keepIn, namedEdit }, { printTerms }, { prepareFolder }, { doubtsOf }] =
    await Promise.all([
      import('../../sources/index.js'),
      import('../../run/index.js'),
      import('../terms-text.js'),
      import('../../files/index.js'),
      import('../../report/index.js'),
    ])
  const { checkClass: check } = await import('../../models/index.js')
  if (args.out) {
    const { checkNoModel } = await import('../../record/index.js')
    checkNoModel(args.out)
    await prepareFolder(args.out)
  }
  const keep = keepIn(args.results, await startBackend(args.backend))
  const edit = namedEdit(chain, { on: args.on, tensors: { include: args.include, exclude: args.exclude } })
  startPhase('read the headers')
  const bound = memory === undefined ? undefined : { bytes: memory, scratch: tmpdir() }
  const files = noteModels(await openModels(args.base, args.post, { tokenizer: args.tokenizer, check }), false)
  noteSkipped(files[1].tensors.values(), args)
  await Promise.all(files.map((each) => each.close()))
  startPhase('measure the edit')
  const { row, terms } = await attributeEdit(args.base, args.post, edit, {
    registry,
    ...args,
    task,
    memory: bound,
    keep,
    clock: () => performance.now() / 1000,
  })
  terms.sort((a, b) => Math.abs(b.term) - Math.abs(a.term))
  printResult(args.json, { row, terms }, printTerms(row, terms))
  if (row.warnings) warn(row.warnings)
  for (const doubt of doubtsOf([row])) warn(doubt)
  if (memory !== undefined) note(`peak memory of the process: ${Math.round(peakMemory() / 1e6)} MB`)
  if (args.out) {
    startPhase('draw the chart')
    const { writeTerms } = await import('../../report/index.js')
    for (const path of await writeTerms(args.out, { row, terms })) writeError(`${path}\n`)
  }
}
