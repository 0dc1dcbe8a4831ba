// Measures the data that mergers need, for one fine-tune on items of its own tasks: Fisher diagonals, Gram matrices, prompt features.
import { encodeItems } from '../evaluate/index.js'
import { fisherDiagonals, gramMatrices } from '../loss/index.js'
import type { DataRequest, MergerData } from '../plan/index.js'
import { groupTask, sliceTask, type Task } from '../tasks/index.js'
import type { LoadedPair } from './loaded-pair.js'
import { share } from './reference.js'
import { samplePrompts } from './routed.js'

/** Number of items whose gradients MergeLM adds before squaring. */
const BATCH = 16

/** The data of the loaded post, on all its tasks. */
export async function measureData(home: LoadedPair, request: DataRequest): Promise<MergerData> {
  const { pair, model, post, tokenizer, open } = home
  const { kind, items } = request
  const tasks = await Promise.all(pair.tasks.map(async (source) => (await open(source)).task))
  const encode = (task: Task) => encodeItems(task, tokenizer, model)
  const chosen = tasks.map((task) => sliceTask(task, -items))
  if (kind === 'gram') return share(await gramMatrices(model, post, await inTurn(chosen, encode)))
  if (kind === 'prompts') return share(await samplePrompts(home, request.edit, request.seed, chosen))
  const size = request.convention === 'mergelm' ? BATCH : 1
  const batches = await inTurn(
    chosen.flatMap((task) => groupTask(task, size)),
    encode,
  )
  return share(
    await fisherDiagonals(
      model,
      post,
      batches,
      chosen.reduce((sum, task) => sum + task.items.length, 0),
    ),
  )
}

const inTurn = async <In, Out>(all: readonly In[], work: (each: In) => Promise<Out[]>): Promise<Out[]> =>
  (await Promise.all(all.map(work))).flat()
