// The two parts of a task that a calibration takes.
import { UserError } from '../errors/index.js'
import { sliceTask, type Task } from '../tasks/index.js'

/**
 * The last items of a task, to learn from, and as many first ones, to check on.
 * @param purpose what the two are for, in an error: `to choose and to check`
 * @throws UserError for a task with fewer items than both need
 */
export function splitTask(task: Task, items: number, source: string, purpose: string): { learn: Task; check: Task } {
  if (task.items.length < 2 * items)
    throw new UserError(`${source}: has ${task.items.length} items; twice --items ${items} are needed, ${purpose}`)
  return { learn: sliceTask(task, -items), check: sliceTask(task, 0, items) }
}
