// Notes on the models of a command: formats that are converted, configurations that differ, tensors that an edit leaves alone.

import { type Checkpoint, configDifference, leftByLinear, type Selection } from '../checkpoint/index.js'
import { isStatistic } from '../naming/index.js'
import { note } from './messages.js'

/**
 * Notes on each model: weights that are not computed as they are stored (quantised, F64), files that needed interpretation, and
 * fields of config.json that differ from the first model's.
 * @param written whether weights of these models are written
 * @param pick the model whose config.json is written, if one is
 * @param narrows whether F64 is computed in float32
 * @returns the models
 */
export function noteModels<T extends readonly Checkpoint[]>(
  models: T,
  written = true,
  pick?: (models: T) => Checkpoint,
  narrows = true,
): T {
  for (const text of new Set(models.flatMap(({ notes }) => notes))) note(text)
  for (const { folder, decoded, tensors } of models) {
    const say = (what: string, then: string) => note(`${folder}: ${what}${written ? `; ${then}` : ''}`)
    if (decoded) say(decoded, 'what is written is not quantised and has no quantization_config')
    const wide = [...tensors.values()].filter(({ dtype }) => dtype === 'F64').length
    if (wide && narrows)
      say(
        `${wide} tensors are F64 and are computed in float32`,
        'edited ones are written as F32 unless another format is asked for; unchanged ones stay F64',
      )
  }
  const first = pick?.(models) ?? models[0]
  for (const other of models) {
    const difference = other === first ? null : configDifference(first!, other)
    if (difference) note(`${difference}${pick ? `; that of ${first!.folder} is written` : ''}`)
  }
  return models
}

/**
 * Notes what the pattern `linear` leaves out of these tensors, statistics of batch norms that no pattern includes, and how many selected
 * tensors a matrix editor left unchanged.
 */
export function noteSkipped(
  tensors: Iterable<{ name: string; shape: readonly number[] }>,
  selection: Selection,
  unchanged = 0,
): void {
  const left = leftByLinear(tensors, selection)
  if (left) note(left)
  const statistics = selection.include?.length ? 0 : [...tensors].filter(({ name }) => isStatistic(name)).length
  if (statistics)
    note(
      `${statistics} statistics of batch norms (running_mean, running_var) are no parameters and are left as they are; --include takes them`,
    )
  if (unchanged)
    note(
      `${unchanged} of the selected tensors are not matrices (vectors, kernels, tables); an editor of matrices leaves them unchanged`,
    )
}
