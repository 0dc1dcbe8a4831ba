// `deltalab merge`, whole process, on a base and two fine-tunes of 95M parameters in bf16, against the least that any tool has to
// do: read the same files and write as many bytes, to the disk.
import { spawnSync } from 'node:child_process'
import { closeSync, copyFileSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setBackend } from '../src/tensor/index.js'
import { writeRandom } from '../src/train/random.js'
import { type Comparison, compare } from './compare.js'

const main = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))
const config = {
  model_type: 'llama',
  hidden_size: 768,
  intermediate_size: 2048,
  num_hidden_layers: 10,
  num_attention_heads: 12,
  vocab_size: 32000,
  max_position_embeddings: 256,
  tie_word_embeddings: true,
}

/** Method → parameters of every model, whether it has a base, and the least share of the disk's speed that we ask for. */
const METHODS: readonly [method: string, parameters: object, based: boolean, goal: number][] = [
  ['linear', { weight: 0.5 }, false, 0.1],
  ['slerp', { t: 0.5 }, false, 0.1],
  ['ties', { weight: 0.5, density: 0.5 }, true, 0.05],
  ['dare_ties', { weight: 0.5, density: 0.5 }, true, 0.05],
]

export async function run(): Promise<Comparison[]> {
  await setBackend('wasm')
  const root = mkdtempSync(join(tmpdir(), 'deltalab-bench-'))
  const at = (name: string) => join(root, name)
  try {
    const fresh = { config, dtype: 'BF16', amount: 0.02 } as const
    await writeRandom(at('base'), { ...fresh, seed: 0 })
    for (const seed of [1, 2]) await writeRandom(at(`tuned-${seed}`), { ...fresh, seed, near: at('base') })
    const comparisons: Comparison[] = []
    for (const [method, parameters, based, goal] of METHODS) {
      const tuned = ['tuned-1', 'tuned-2'].map((name) => ({ model: at(name) }))
      const slerp = method === 'slerp'
      writeFileSync(
        at('merge.yml'),
        JSON.stringify({
          merge_method: method,
          models: tuned,
          parameters,
          ...((based || slerp) && { base_model: slerp ? at('tuned-1') : at('base') }),
        }),
      )
      const merge = () => {
        const { status, stderr } = spawnSync(
          process.execPath,
          [main, 'merge', at('merge.yml'), at('merged'), '--overwrite'],
          { encoding: 'utf8' },
        )
        if (status !== 0) throw new Error(stderr)
      }
      const copy = () => {
        for (const name of [...(based ? ['base'] : []), 'tuned-2']) readFileSync(join(at(name), 'model.safetensors'))
        copyFileSync(join(at('tuned-1'), 'model.safetensors'), at('copy'))
        const file = openSync(at('copy'), 'r+')
        fsyncSync(file)
        closeSync(file)
      }
      comparisons.push(
        await compare({
          name: `merge of two 95M models by ${method}, against reading and writing the bytes`,
          goal,
          ours: merge,
          theirs: copy,
          rounds: 1,
        }),
      )
    }
    return comparisons
  } finally {
    rmSync(root, { recursive: true })
  }
}
