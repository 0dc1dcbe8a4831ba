// `deltalab plan`: the runs of an experiment, and what they will download, read and compute.

import type { Argv } from 'yargs'
import { postName } from '../../config/index.js'
import { print, startPhase } from '../messages.js'
import { AS_JSON, place } from '../options.js'
import { readExperiment, SET } from '../overrides.js'
import { describeCost, describeDownloads, describeRuns } from '../plan-text.js'
import { PLUGIN } from '../plugins.js'

export const command = 'plan <config>'

export function builder(cli: Argv) {
  return cli
    .positional('config', place('YAML file of the experiment, or name of one that ships'))
    .option('plugin', PLUGIN)
    .option('set', SET)
    .option('json', AS_JSON)
    .example('deltalab plan quickstart', 'the runs of the quickstart, and their cost')
    .example(
      'deltalab plan paper/biased',
      'for models on the hub: downloads configuration, tokenizer and tasks, but no weights',
    )
}

export async function handler(args: { config: string; plugin: string[]; set: string[]; json: boolean }): Promise<void> {
  const experiment = await readExperiment(args.config, args)
  const { optionsOf } = await import('../../config/index.js')
  const { estimateCost, forecastInputs, identifyTasks, listDownloads, planRuns } = await import('../../plan/index.js')
  startPhase('plan the runs')
  const runs = planRuns(experiment, identifyTasks(experiment))
  startPhase('ask for downloads')
  // Without the hub the runs are still worth a look; without the folders of this machine they would not start.
  const downloads = await listDownloads(experiment).catch((error: Error) => {
    if (!args.json) print(`${describeRuns(runs)}\n${runs.length} runs\n`)
    throw error
  })
  startPhase('estimate the cost')
  const { inputs, obstacles } = await forecastInputs(experiment, downloads)
  const cost = await estimateCost(experiment, inputs, runs)
  if (args.json) {
    const list = runs.map(({ id, pair, task, edit, seed }) => ({
      id,
      model: pair.name,
      task: task.name,
      editor: edit.editor,
      label: edit.label,
      on: edit.on,
      steps: edit.steps,
      ...(edit.merge && {
        merger: edit.merge.merger,
        merged: edit.merge.posts.map(postName),
        options: optionsOf(edit),
      }),
      seed,
    }))
    print(`${JSON.stringify({ experiment: experiment.name, runs: list, downloads, obstacles, cost }, null, 2)}\n`)
    return
  }
  const left = inputs.flatMap(({ pair, left }) => left.map((text) => `${pair.name}: ${text}\n`))
  print(`${describeRuns(runs)}\n${left.join('')}${describeDownloads(downloads, obstacles)}${describeCost(cost)}\n`)
}
