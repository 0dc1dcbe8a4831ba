// The pairs of `npm run bench compress`: those of PyPI's rxnfp, as they are and in bf16, and random models whose every weight moved a little.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openCheckpoint, writeCheckpoint } from '../src/checkpoint/index.js'
import { deltalab, measureProgram } from './processes.js'
import { BILLION, FULL, hasRoom } from './trio.js'

const PACKAGE = 'rxnfp==0.1.0'
type Dtype = 'BF16' | 'F32'

export interface BenchPair {
  name: string
  /** How many times smaller than the best of the others; of the real pairs, which did not move everywhere alike, by format. */
  goal: number
  /** What is measured: speed and memory without loss, bytes beside other tools, or the codecs with loss. */
  what: 'speed' | 'bytes' | 'loss'
  base: string
  post: string
}

const real = (model: string, dtype: Dtype, goal: number) => ({
  ...{ name: `rxnfp ${model}, ${dtype}`, goal, what: 'bytes' as const },
  make: async (root: string, python: string | undefined) => {
    if (!python) return null
    const from = fetchPackage(root, python)
    const place = (name: string) => join(root, `${name}-${dtype}`)
    for (const name of ['bert_pretrained', model])
      if (!existsSync(place(name))) await convert(join(from, name), place(name), dtype)
    return { base: place('bert_pretrained'), post: place(model) }
  },
})

/** Short ones are for other tools, some of which take minutes for a large one. */
const random = (what: BenchPair['what'], dtype: Dtype, config: object) => ({
  ...{ name: `random, ${dtype}, ${what}`, goal: 1.1, what },
  make: async (root: string, _: unknown, small: boolean) => {
    const file = join(root, 'config.json')
    writeFileSync(file, JSON.stringify({ ...FULL, ...(small ? SHORT : config) }))
    const [base, post] = ['base', 'post'].map((name) => join(root, `random-${name}-${dtype}`)) as [string, string]
    const write = (out: string, ...words: string[]) =>
      measureProgram(deltalab('random', file, '--dtype', dtype, '--out', out, ...words))
    await write(base)
    await write(post, '--near', base, '--seed', '1')
    return { base, post }
  },
})

/** Bytes of a large pair, its delta and what is made of it. */
const LARGE_ROOM = 8e9

/** A pair of 2 GB a model, where the start of a program no longer counts; only in memory, and only where there is room. */
const large = (name: string, dtype: Dtype, config: object) => {
  const { make, ...named } = random('speed', dtype, config)
  return {
    ...{ ...named, name },
    make: async (root: string, python: unknown, small: boolean) => {
      if (small || hasRoom(LARGE_ROOM)) return make(root, python, small)
      process.stdout.write(`${name}: left out: /dev/shm and 4 GB of memory beside it have no room for 8 GB\n`)
      return null
    },
  }
}

const SHORT = { num_hidden_layers: 1, vocab_size: 8000 }

/** By name, each made when its turn comes; null for a real one without Python. */
export const PAIRS: readonly (Omit<BenchPair, 'base' | 'post'> & {
  make(root: string, python: string | undefined, small: boolean): Promise<Pick<BenchPair, 'base' | 'post'> | null>
})[] = [
  random('speed', 'BF16', {}),
  large('random of 1B, BF16, speed', 'BF16', BILLION),
  random('speed', 'F32', { num_hidden_layers: 4 }),
  large('random of 492M, F32, speed', 'F32', { ...BILLION, num_hidden_layers: 8 }),
  random('loss', 'BF16', {}),
  random('bytes', 'BF16', SHORT),
  ...['bert_ft_10k_25s', 'bert_ft'].flatMap((model) => [real(model, 'BF16', 1.1), real(model, 'F32', 1.03)]),
]

function fetchPackage(root: string, python: string): string {
  const place = join(root, 'package')
  if (!existsSync(place)) {
    mkdirSync(place)
    execFileSync(python, ['-m', 'pip', 'download', '-q', '--no-deps', '-d', place, PACKAGE], { stdio: 'ignore' })
    execFileSync('sh', ['-c', `"${python}" -m zipfile -e "${place}"/*.whl "${place}"`])
  }
  return join(place, 'rxnfp/models/transformers')
}

async function convert(from: string, to: string, dtype: Dtype): Promise<void> {
  const model = await openCheckpoint(from)
  const names = [...model.tensors.keys()].filter((name) => model.tensors.get(name)!.dtype === 'F32')
  async function* tensors() {
    for (const name of names) yield { name, values: await model.read(name) }
  }
  await writeCheckpoint(to, {
    plan: names.map((name) => ({ name, shape: model.tensors.get(name)!.shape, dtype })),
    tensors: tensors(),
    config: model.config,
    configText: model.configText,
  })
  await model.close()
}
