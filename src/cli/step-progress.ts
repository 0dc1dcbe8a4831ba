// Progress of steps on stderr: a line every ten seconds (every step with --verbose), with the loss and the estimated time left.
import { isQuiet, isVerbose, writeError } from './messages.js'

/** Reports a run: steps done, steps in total, and the loss in nats per token. */
export type ReportStep = (run: string, step: number, steps: number, loss: number) => void

export function startStepProgress(): ReportStep {
  let run = ''
  let [first, started, shown] = [0, 0, 0]
  return (name, step, steps, loss) => {
    if (isQuiet()) return
    const now = Date.now()
    if (name !== run) [run, first, started, shown] = [name, step, now, now]
    if (now - shown < 10_000 && step < steps && !isVerbose()) return
    shown = now
    const left = ((now - started) / 1000 / Math.max(1, step - first)) * (steps - step)
    writeError(`${name}: step ${step}/${steps}, loss ${loss.toFixed(4)}, ${Math.ceil(left)} s left\n`)
  }
}
