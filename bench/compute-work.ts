// What `npm run bench compute` gives each program to do, as plain data, and what it gets back.
import { loadTask, sequencesOf } from '../src/tasks/index.js'
import { loadTokenizer } from '../src/tokenizer/index.js'
import { LARGE, type Sizes, SMALL } from './random-llama.js'

export interface ComputeWork {
  passes: { name: string; sizes: Sizes; rows: number; columns: number; rounds: number }[]
  /** Greedy answers to prompts, all in one batch; of `tokens` tokens at most, `end` included. */
  answers: { model: string; prompts: number[][]; end: number; pad: number; tokens: number; rounds: number }
}

/** What a program took, in milliseconds, by the name of the work. */
export interface ComputeTimes {
  version: string
  times: Record<string, number[]>
  /** Token ids without the prompts. */
  answers: number[][]
}

const MODEL = 'checkpoints/large/base'
const ITEMS = 64

export async function makeWork(root: string, small: boolean): Promise<ComputeWork> {
  const model = `${root}/${MODEL}`
  const tokenizer = await loadTokenizer(model)
  const task = await loadTask('math')
  if (task.kind !== 'generate') throw new Error('the task math is not one of generation')
  const items = task.items.slice(0, ITEMS)
  const sequences = await sequencesOf(items, tokenizer)
  return {
    passes: [
      { name: '0.84M, 32 × 64 tokens', sizes: SMALL, rows: 32, columns: 64, rounds: small ? 1 : 5 },
      ...(small ? [] : [{ name: '97.5M, 512 tokens', sizes: LARGE, rows: 1, columns: 512, rounds: 3 }]),
    ],
    answers: {
      model,
      prompts: sequences.map(({ prompt }) => [...prompt]),
      end: tokenizer.eos!,
      pad: tokenizer.pad,
      tokens: task.maxNewTokens,
      rounds: small ? 1 : 5,
    },
  }
}
