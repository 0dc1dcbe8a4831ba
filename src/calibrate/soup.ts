// Greedy soup: which fine-tunes to average, chosen on held-out items of a task; the average itself is a merge.
import { type Checkpoint, companionsOf, homeOf, openModel } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { checkItems, checkReader, checkTask, encodeItems, evaluateTask, loadReader } from '../evaluate/index.js'
import { lossOf } from '../loss/index.js'
import { chooseSoup, type Soup } from '../mergers/index.js'
import { modelOf, type Weights } from '../models/index.js'
import { loadTask, sliceTask, type Task } from '../tasks/index.js'
import { tf } from '../tensor/index.js'

export interface SoupOptions {
  task: string
  /** The last so many items choose, as many first ones check. */
  items: number
  /** What is compared: the score of the task, or its loss, which tells apart what a score of few items does not. */
  by: 'score' | 'loss'
}

export interface FoundSoup extends Soup {
  /** Value of every single model on the items that choose; higher is better, a loss is negative. */
  singles: number[]
  /** On the items that choosing did not see: the best single model, and the soup. */
  check: { best: number; soup: number }
}

/** Recipe 1 of Model Soups (arXiv 2203.05482) on folders of one architecture. @throws UserError before a weight is read */
export async function findSoup(
  folders: readonly string[],
  { task: source, items, by }: SoupOptions,
): Promise<FoundSoup> {
  const task = await loadTask(source)
  if (task.items.length < 2 * items) {
    throw new UserError(
      `${source}: has ${task.items.length} items; twice --items ${items} are needed, to choose and to check`,
    )
  }
  const checkpoints: Checkpoint[] = []
  try {
    for (const folder of folders) checkpoints.push(await openModel(folder))
    const [first] = checkpoints
    const model = modelOf(first!, folders[0]!)
    for (const [i, { tensors }] of checkpoints.entries()) {
      const wrong = Object.entries(model.shapes).find(
        ([name, shape]) => String(tensors.get(name)?.shape) !== String(shape),
      )
      if (wrong) throw new UserError(`${folders[i]}: ${wrong[0]} is not of the shape that it has in ${folders[0]}`)
    }
    checkTask(task, model, {})
    const reader = await loadReader(companionsOf(first!), homeOf(first!))
    checkReader(companionsOf(first!), reader, model)
    await checkItems(task, reader, model)
    const subsetScore = async (members: readonly number[], part: Task): Promise<number> => {
      const weights = await average(
        members.map((m) => checkpoints[m]!),
        model.shapes,
      )
      const value =
        by === 'score'
          ? (await evaluateTask(model, weights, part, reader)).score
          : -(await lossOf(model, weights, await encodeItems(part, reader, model))).mean
      tf.dispose(weights)
      return value
    }
    const held = sliceTask(task, -items)
    const singles: number[] = []
    for (const m of folders.keys()) singles.push(await subsetScore([m], held))
    const soup = await chooseSoup(singles, (members) => subsetScore(members, held))
    const rest = sliceTask(task, 0, items)
    return {
      ...soup,
      singles,
      check: { best: await subsetScore(soup.chosen.slice(0, 1), rest), soup: await subsetScore(soup.chosen, rest) },
    }
  } finally {
    await Promise.all(checkpoints.map((checkpoint) => checkpoint.close()))
  }
}

/** Plain average of some models, tensor by tensor. */
async function average(models: readonly Checkpoint[], shapes: Readonly<Record<string, number[]>>): Promise<Weights> {
  const weights: Weights = {}
  for (const [name, shape] of Object.entries(shapes)) {
    const sum = await models[0]!.read(name)
    for (const model of models.slice(1)) (await model.read(name)).forEach((value, i) => (sum[i]! += value))
    weights[name] = tf.tensor(models.length === 1 ? sum : sum.map((value) => value / models.length), [...shape])
  }
  return weights
}

/** The merge file that averages the chosen models; `note` says how they were chosen. */
export function soupFile(folders: readonly string[], { chosen }: Soup, note: string): string {
  const list = chosen.map((m) => `  - model: ${JSON.stringify(folders[m])}\n`)
  return `# Greedy soup (arXiv 2203.05482): ${note}\nmerger: average\nmodels:\n${list.join('')}`
}

/** What was found, in words. */
export function describeSoup(
  folders: readonly string[],
  { chosen, score, singles, tried, check }: FoundSoup,
  { task, items, by }: SoupOptions,
): string {
  const say = (value: number) => (by === 'score' ? `${(100 * value).toFixed(1)} %` : `loss ${(-value).toFixed(4)}`)
  return [
    ...folders.map((folder, m) => `${folder}: ${say(singles[m]!)}`),
    ...tried.map(
      ({ model, score: reached, taken }) => `with ${folders[model]}: ${say(reached)}, ${taken ? 'taken' : 'left out'}`,
    ),
    `soup of ${chosen.map((m) => folders[m]).join(', ')}: ${say(score)} on the last ${items} items of ${task}`,
    `on as many first items: ${say(check.soup)}, the best single model ${say(check.best)}`,
  ].join('\n')
}
