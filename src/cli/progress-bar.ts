// What commands say on stderr while they run: a progress bar with the time left, only when a person watches, and what models are.
import { SingleBar } from 'cli-progress'
import { type Checkpoint, configDifference } from '../checkpoint/index.js'

export interface Progress {
  /** Adds `amount` of the total and says what is being done. */
  advance(amount: number, what: string): void
  stop(): void
}

/** `quiet` or a stderr that is no terminal gives a bar that shows nothing. */
export function startProgress(total: number, quiet = false): Progress {
  if (quiet || !process.stderr.isTTY) return { advance: () => undefined, stop: () => undefined }
  const bar = new SingleBar({
    format: '{bar} {percentage}% · {eta_formatted} left · {what}',
    barsize: 30,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    etaBuffer: 50,
  })
  bar.start(Math.max(1, total), 0, { what: '' })
  return { advance: (amount, what) => bar.increment(amount, { what }), stop: () => bar.stop() }
}

/**
 * Says of each model whose weights are not computed as they are stored (quantised ones, and F64) what becomes of them, and how its
 * files were understood where that is not plain, and where the others' config.json differs from the first's; returns the models. On the error stream, so that JSON and CSV stay what they are.
 * @param written whether weights of these models are written
 * @param pick the model whose config.json is written, if one is
 */
export function sayFormats<T extends readonly Checkpoint[]>(
  models: T,
  written = true,
  pick?: (models: T) => Checkpoint,
): T {
  for (const note of new Set(models.flatMap(({ notes }) => notes))) process.stderr.write(`${note}\n`)
  for (const { folder, decoded, tensors } of models) {
    const say = (what: string, then: string) =>
      process.stderr.write(`${folder}: ${what}${written ? `; ${then}` : ''}\n`)
    if (decoded) say(decoded, 'what is written is not quantised and has no quantization_config')
    const wide = [...tensors.values()].filter(({ dtype }) => dtype === 'F64').length
    if (wide)
      say(
        `${wide} tensors are F64, and what is computed of them is float32`,
        'so it is written as F32 unless another format is asked for; those that are left alone stay F64',
      )
  }
  const first = pick?.(models) ?? models[0]
  for (const other of models) {
    const difference = other === first ? null : configDifference(first!, other)
    if (difference) process.stderr.write(`${difference}${pick ? `; that of ${first!.folder} is written` : ''}\n`)
  }
  return models
}
