// `deltalab plan`: the runs of an experiment and what they will cost.
import type { Argv } from 'yargs'
import { PLAIN } from './options.js'

export const command = 'plan <config>'
export const describe = 'List the runs of a YAML file and their estimated cost; reads no weights'

export function builder(cli: Argv) {
  return cli
    .positional('config', { type: 'string', demandOption: true, describe: 'YAML file of the experiment' })
    .option('json', PLAIN)
    .example('deltalab plan configs/quickstart.yaml', 'shows what the sweep would do')
}

/** Multiplications and additions per second of one wasm thread on the machines of docs/platform.md; only a scale. */
const SPEED = 10e9

const listOptions = (options: object) =>
  Object.entries(options)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(' ')

export async function handler(args: { config: string; json: boolean }): Promise<void> {
  const { loadExperiment, optionsOf, postName } = await import('../config/index.js')
  const experiment = await loadExperiment(args.config)
  const { estimateCost, openInputs, plannedTasks, planRuns } = await import('../sweep/index.js')
  const inputs = await openInputs(experiment)
  const runs = planRuns(experiment, inputs.map(plannedTasks))
  const cost = estimateCost(experiment, inputs, runs)
  if (args.json) {
    const list = runs.map(({ id, pair, task, edit, seed }) => ({
      id,
      model: pair.name,
      task: task.name,
      editor: edit.editor,
      label: edit.label,
      on: edit.on,
      steps: edit.steps,
      ...(edit.merge && { merger: edit.merge.merger, merged: edit.merge.posts.map(postName), options: optionsOf(edit) }),
      seed,
    }))
    process.stdout.write(`${JSON.stringify({ experiment: experiment.name, runs: list, cost }, null, 2)}\n`)
    return
  }
  for (const { id, pair, task, edit, seed } of runs) {
    const steps = edit.steps.map(({ editor, options }) => `${editor} ${listOptions(options)}`)
    if (edit.merge)
      steps.push(
        `${edit.merge.merger} of ${edit.merge.posts.map(postName).join(', ')} ${listOptions({ convention: edit.merge.convention, ...edit.merge.options })}`,
      )
    process.stdout.write(`${id}  ${pair.name}  ${task.name}  ${edit.label}: ${steps.join(' | ')}${seed === null ? '' : `  seed ${seed}`}\n`)
  }
  const minutes = cost.flops / SPEED / 60
  process.stdout.write(
    `\n${cost.runs} runs, ${cost.tokens.toLocaleString('en')} tokens, ${cost.flops.toExponential(1)} floating-point operations: ` +
      `about ${minutes < 1 ? '1 minute or less' : `${Math.round(minutes)} minutes`} for one worker at ${SPEED / 1e9} GFLOP/s\n`,
  )
}
