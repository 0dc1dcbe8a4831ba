// What mergers need besides weights, of one fine-tune on items of its own tasks: Fisher diagonals, Gram matrices, features of prompts.
import { encodeItems } from '../evaluate/index.js'
import { fisherDiagonals, gramMatrices } from '../loss/information.js'
import type { DataRequest, MergerData } from '../plan/index.js'
import type { Item, Task } from '../tasks/index.js'
import type { LoadedPair } from './loaded-pair.js'
import { share } from './reference.js'
import { samplePrompts } from './routed.js'

/** Items whose gradients MergeLM adds before it squares them. */
const BATCH = 16

/** The data of the resident post on all its tasks. */
export async function measureData(home: LoadedPair, request: DataRequest): Promise<MergerData> {
  const { pair, model, post, tokenizer, open } = home
  const { kind, items } = request
  const tasks = await Promise.all(pair.tasks.map(async (source) => (await open(source)).task))
  const encode = (task: Task, some: Item[]) => encodeItems({ ...task, items: some }, tokenizer, model)
  const chosen = tasks.map((task) => ({ task, last: task.items.slice(-items) }))
  if (kind === 'gram')
    return share(await gramMatrices(model, post, await inTurn(chosen, ({ task, last }) => encode(task, last))))
  if (kind === 'prompts')
    return share(
      await samplePrompts(
        home,
        request.edit,
        request.seed,
        chosen.map(({ task, last }) => ({ ...task, items: last })),
      ),
    )
  const size = request.convention === 'mergelm' ? BATCH : 1
  const groups = chosen.flatMap(({ task, last }) => groupItems(last, size).map((group) => ({ task, group })))
  const batches = await inTurn(groups, ({ task, group }) => encode(task, group))
  return share(
    await fisherDiagonals(
      model,
      post,
      batches,
      chosen.reduce((sum, { last }) => sum + last.length, 0),
    ),
  )
}

const inTurn = async <In, Out>(all: readonly In[], work: (each: In) => Promise<Out[]>): Promise<Out[]> =>
  (await Promise.all(all.map(work))).flat()

function groupItems(items: Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))
}
