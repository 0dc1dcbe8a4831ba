// Splits a task into items to learn from and items to check on.
import { UserError } from '../errors/index.js'
import { sliceTask, type Task, taskWords } from '../tasks/index.js'

/**
 * The last items of a task, to learn from, and as many first ones, to check on.
 * @param purpose what the items are for, as in the error: `to choose and to check`
 * @throws UserError for a task with fewer items than both need
 */
export function splitTask(task: Task, items: number, source: string, purpose: string): { learn: Task; check: Task } {
  if (task.items.length < 2 * items)
    throw new UserError(
      `${taskWords(source)}: has ${task.items.length} items; twice --items ${items} are needed, ${purpose}`,
    )
  return { learn: sliceTask(task, -items), check: sliceTask(task, 0, items) }
}
