// `deltalab plan`: the runs of an experiment, and what they will download, read and compute.
import type { Argv } from 'yargs'
import { postName } from '../config/merge.js'
import type { Run } from '../sweep/index.js'
import { PLAIN } from './options.js'

export const command = 'plan <config>'
export const describe = 'List the runs of a YAML file, and what they would download, read and compute; downloads and reads no weights'

export function builder(cli: Argv) {
  return cli
    .positional('config', { type: 'string', demandOption: true, describe: 'YAML file of the experiment' })
    .option('json', PLAIN)
    .example('deltalab plan configs/quickstart.yaml', 'shows what the sweep would do')
    .example('deltalab plan configs/paper/table1.yaml', 'asks the hub for sizes; configuration, tokenizer and tasks are downloaded to count tokens')
}

/** Multiplications and additions per second of one wasm thread on the machines of docs/platform.md; only a scale. */
const SPEED = 10e9

const listOptions = (options: object) =>
  Object.entries(options)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(' ')

const gigabytes = (bytes: number) => (bytes < 5e7 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`)

function describeRuns(runs: readonly Run[]): string {
  const lines = runs.map(({ id, pair, task, edit, seed }) => {
    const steps = edit.steps.map(({ editor, options }) => `${editor} ${listOptions(options)}`)
    if (edit.merge) {
      const { merger, convention, options, posts } = edit.merge
      steps.push(`${merger} of ${posts.map(postName).join(', ')} ${listOptions({ convention, ...options })}`)
    }
    return `${id}  ${pair.name}  ${task.name}  ${edit.label}: ${steps.join(' | ')}${seed === null ? '' : `  seed ${seed}`}\n`
  })
  return lines.join('')
}

export async function handler(args: { config: string; json: boolean }): Promise<void> {
  const { loadExperiment, optionsOf } = await import('../config/index.js')
  const experiment = await loadExperiment(args.config)
  const { estimateCost, forecastInputs, identifyTasks, listDownloads, planRuns } = await import('../sweep/index.js')
  const runs = planRuns(experiment, identifyTasks(experiment))
  // Without the hub the runs are still worth a look; without the folders of this machine they would not start.
  const downloads = await listDownloads(experiment).catch((error: Error) => {
    if (!args.json) process.stdout.write(`${describeRuns(runs)}\n${runs.length} runs\n`)
    throw error
  })
  const { inputs, obstacles } = await forecastInputs(experiment, downloads)
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
    process.stdout.write(`${JSON.stringify({ experiment: experiment.name, runs: list, downloads, obstacles, cost }, null, 2)}\n`)
    return
  }
  process.stdout.write(`${describeRuns(runs)}\n`)
  for (const { model, files, bytes } of downloads) {
    process.stdout.write(files ? `download ${model}: ${files} files, ${gigabytes(bytes)}\n` : `${model} is here\n`)
  }
  for (const obstacle of obstacles) process.stdout.write(`in the way: ${obstacle}\n`)
  const wanted = downloads.reduce((sum, { bytes }) => sum + bytes, 0)
  if (wanted) process.stdout.write(`\n${gigabytes(wanted)} to download\n`)
  const minutes = cost.flops / SPEED / 60
  process.stdout.write(
    `${cost.runs} runs, ${cost.tokens.toLocaleString('en')} tokens, ${cost.flops.toExponential(1)} floating-point operations: ` +
      `about ${minutes < 1 ? '1 minute or less' : `${Math.round(minutes)} minutes`} for one worker at ${SPEED / 1e9} GFLOP/s; ${gigabytes(cost.bytes)} of weights to read\n`,
  )
}
