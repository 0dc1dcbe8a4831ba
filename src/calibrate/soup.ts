// Greedy soup: chooses on held-out items of a task which fine-tunes to average. The average itself is a merge.
import { resolve } from 'node:path'
import type { Checkpoint } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { checkItems, checkTask, encodeItems, evaluateTask, fitTask, openReader } from '../evaluate/index.js'
import { lossOf, readWeights } from '../loss/index.js'
import { chooseSoup, type Soup } from '../mergers/index.js'
import { checkClass, type Model, modelOf } from '../models/index.js'
import { describeMetric, scoreText } from '../naming/index.js'
import { track } from '../progress/index.js'
import { openModel } from '../sources/index.js'
import { loadTask, replyMetrics, type Task, type TaskCard } from '../tasks/index.js'
import { tf } from '../tensor/index.js'
import { splitTask } from './split.js'

export interface SoupOptions {
  task: string
  /** Tasks of plugins, which `task` may name. */
  tasks?: readonly TaskCard[] | undefined
  /** Number of items: the last ones are used to choose, as many first ones to check. */
  items: number
  /** What to compare: the score of the task, or its loss, which is finer on few items. */
  by: 'score' | 'loss'
}

export interface FoundSoup extends Soup {
  /** Name of the score that was compared; null for the loss. */
  metric: string | null
  /** Value of every single model on the items used to choose. Higher is better: a loss, and a score of which less is better, is negative. */
  singles: number[]
  /** On held-out items: the best single model, and the soup. */
  check: { best: number; soup: number }
}

/** Less is better of some scores. */
const signOf = (metric: string): number => (describeMetric(metric).lowerIsBetter ? -1 : 1)

/** Recipe 1 of Model Soups (arXiv 2203.05482) on folders of one architecture. @throws UserError before a weight is read */
export async function findSoup(
  folders: readonly string[],
  { task: source, tasks, items, by }: SoupOptions,
): Promise<FoundSoup> {
  const [twice] = folders.filter((folder, i) => folders.findIndex((each) => resolve(each) === resolve(folder)) < i)
  if (twice !== undefined)
    throw new UserError(`${twice} is given twice: a soup averages different models`, { exitCode: 2 })
  const given = await loadTask(source, { tasks })
  const checkpoints: Checkpoint[] = []
  try {
    for (const folder of folders) checkpoints.push(await openModel(folder, { check: checkClass }))
    const first = checkpoints[0]!
    const model = modelOf(first, folders[0]!)
    checkShapes(model, checkpoints, folders)
    checkTask(given, model, {})
    const reader = await openReader(first, model)
    const task = await fitTask(given, reader, model)
    const [scored = null] = replyMetrics(task)
    const metric = by === 'score' ? scored : null
    const { learn, check } = splitTask(task, items, source, 'to choose and to check')
    await checkItems(task, reader, model)
    const subsetScore = async (members: readonly number[], part: Task): Promise<number> => {
      const chosen = members.map((m) => checkpoints[m]!)
      const weights = await readWeights(model, (name) => readAverage(chosen, name))
      try {
        return metric !== null
          ? signOf(metric) * (await evaluateTask({ model, weights, reader }, part)).score
          : -(await lossOf(model, weights, await encodeItems(part, reader, model))).mean
      } finally {
        tf.dispose(weights)
      }
    }
    // Each by itself, each but the best added, and the two that are checked.
    const total = 2 * folders.length + 1
    return await track({ name: 'soup', unit: 'models', total }, async ({ part }) => {
      const score = (members: readonly number[], items: Task) => part(1, () => subsetScore(members, items))
      const singles: number[] = []
      for (const m of folders.keys()) singles.push(await score([m], learn))
      const soup = await chooseSoup(singles, (members) => score(members, learn))
      const best = await score(soup.chosen.slice(0, 1), check)
      return { ...soup, metric, singles, check: { best, soup: await score(soup.chosen, check) } }
    })
  } finally {
    await Promise.all(checkpoints.map((checkpoint) => checkpoint.close()))
  }
}

/** @throws UserError for a folder whose weights have other shapes than those of the first */
function checkShapes(model: Model, checkpoints: readonly Checkpoint[], folders: readonly string[]): void {
  for (const [i, { tensors }] of checkpoints.entries()) {
    const wrong = Object.entries(model.shapes).find(
      ([name, shape]) => String(tensors.get(name)?.shape) !== String(shape),
    )
    if (wrong) throw new UserError(`${folders[i]}: ${wrong[0]} is not of the shape that it has in ${folders[0]}`)
  }
}

/** Plain average of a tensor over some models. */
async function readAverage([first, ...others]: readonly Checkpoint[], name: string): Promise<Float32Array> {
  const sum = await first!.read(name)
  for (const model of others) (await model.read(name)).forEach((value, i) => (sum[i]! += value))
  return others.length ? sum.map((value) => value / (others.length + 1)) : sum
}

/** The merge file that averages the chosen models; `note` says how they were chosen. */
export function soupFile(folders: readonly string[], { chosen }: Soup, note: string): string {
  const list = chosen.map((m) => `  - model: ${JSON.stringify(folders[m])}\n`)
  return `# Greedy soup (arXiv 2203.05482): ${note}\nmerger: average\nmodels:\n${list.join('')}`
}

/** What was found, in words. */
export function describeSoup(
  folders: readonly string[],
  { chosen, score, metric, singles, tried, check }: FoundSoup,
  { task, items }: SoupOptions,
): string {
  const say = (value: number) =>
    metric === null ? `loss ${(-value).toFixed(4)}` : scoreText(metric, signOf(metric) * value)
  return [
    ...folders.map((folder, m) => `${folder}: ${say(singles[m]!)}`),
    ...tried.map(
      ({ model, score: reached, taken }) => `with ${folders[model]}: ${say(reached)}, ${taken ? 'taken' : 'left out'}`,
    ),
    `soup of ${chosen.map((m) => folders[m]).join(', ')}: ${say(score)} on the last ${items} items of ${task}`,
    `on as many first items: ${say(check.soup)}, the best single model ${say(check.best)}`,
  ].join('\n')
}
