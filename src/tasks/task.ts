// A task: items, how a model is asked for its answers, a metric and a version. Each kind of task is a file of `kinds/`.
import type { ChoiceTask } from './kinds/choices.js'
import type { ClassifyTask } from './kinds/classify.js'
import type { GenerateTask } from './kinds/generate.js'
import type { ImageTask } from './kinds/images.js'
import type { RankingTask } from './kinds/rank.js'
import type { TextTask } from './kinds/text.js'

/** A task: its items, and how answers are scored. The kind says which. */
export type Task = GenerateTask | ChoiceTask | ClassifyTask | ImageTask | RankingTask | TextTask
export type TaskKind = Task['kind']
/** The task of one kind. */
export type TaskOf<K extends TaskKind> = Extract<Task, { kind: K }>
export type Item = Task['items'][number]

/** The task with some of its items, as `items.slice(start, end)` takes them. */
export function sliceTask<T extends Task>(task: T, start?: number, end?: number): T {
  return { ...task, items: task.items.slice(start, end) }
}

/** The task in parts of `size` items; the last may have fewer. */
export function groupTask<T extends Task>(task: T, size: number): T[] {
  return Array.from({ length: Math.ceil(task.items.length / size) }, (_, i) =>
    sliceTask(task, i * size, (i + 1) * size),
  )
}
