// Tasks whose kind a test knows.
import assert from 'node:assert/strict'
import { loadTask, type Task, type TaskKind, type TaskOf } from '../../src/tasks/index.js'

/** The task as one of its kind, which it must be. */
export function ofKind<K extends TaskKind>(kind: K, task: Task): TaskOf<K> {
  assert.equal(task.kind, kind)
  return task as TaskOf<K>
}

export const loadKind = async <K extends TaskKind>(
  kind: K,
  ...[reference, options]: Parameters<typeof loadTask>
): Promise<TaskOf<K>> => ofKind(kind, await loadTask(reference, options))
