// A synthetic base and fine-tune of billions of parameters in bf16, edited and merged in bounded memory: time, bytes per second
// and peak memory, beside the time that reading and writing the same bytes takes. The models stay in the folder for another run.
//   node scripts/large-pair.mjs <folder> [--billions 8] [--tuned 1] [--memory 1GB]
import { existsSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { deltalab, measureProgram } from '../dist/bench/processes.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    billions: { type: 'string', default: '8' },
    tuned: { type: 'string', default: '1' },
    memory: { type: 'string', default: '1GB' },
  },
})
const [billions, tuned] = [Number(values.billions), Number(values.tuned)]
if (positionals.length !== 1 || !(billions > 0.1) || !(tuned >= 1)) {
  console.error('usage: node scripts/large-pair.mjs <folder> [--billions 8] [--tuned 1] [--memory 1GB]')
  process.exit(2)
}
const root = resolve(positionals[0])
const at = (name) => join(root, name)

/** The shape of Llama 3 8B from 2 billion on, of a small Llama below; the number of layers makes the size. */
const shape =
  billions >= 2
    ? {
        hidden_size: 4096,
        intermediate_size: 14336,
        num_attention_heads: 32,
        num_key_value_heads: 8,
        vocab_size: 128256,
      }
    : { hidden_size: 1024, intermediate_size: 2816, num_attention_heads: 16, num_key_value_heads: 4, vocab_size: 32000 }
const { hidden_size: width, intermediate_size: inner, vocab_size: words } = shape
const layer = width * width * (2 + (2 * shape.num_key_value_heads) / shape.num_attention_heads) + 3 * width * inner
const config = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  ...shape,
  num_hidden_layers: Math.max(1, Math.round((billions * 1e9 - 2 * words * width) / layer)),
  max_position_embeddings: 8192,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: false,
}

const parameters = 2 * words * width + config.num_hidden_layers * layer
/** Bytes of a model. */
const size = 2 * parameters
const posts = Array.from({ length: tuned }, (_, i) => `tuned-${i + 1}`)
mkdirSync(root, { recursive: true })
const missing = ['base', ...posts].filter((name) => !existsSync(at(name)))
const needed = size * (missing.length + 1.02)
const { bavail, bsize } = statfsSync(root)
if (bavail * bsize < needed) {
  console.error(
    `${root}: ${(needed / 1e9).toFixed(1)} GB are needed, ${((bavail * bsize) / 1e9).toFixed(1)} GB are free`,
  )
  process.exit(1)
}

/** A line of the table: the name to the left, figures to the right. */
const print = (cells) => console.log(cells.map((cell, i) => (i ? cell.padStart(9) : cell.padEnd(34))).join(' '))
/** Runs a program and prints what it took; `bytes` is what it reads and writes. What it wrote to `out` is removed. */
async function measure(name, program, bytes, out) {
  try {
    const { seconds, peak } = await measureProgram(program)
    print([name, seconds.toFixed(1), (bytes / seconds / 1e9).toFixed(2), peak === null ? '' : (peak / 1e6).toFixed(0)])
  } catch (error) {
    print([name])
    console.error(error.message)
    process.exitCode = 1
  }
  if (out) rmSync(out, { recursive: true, force: true })
}

writeFileSync(at('config.json'), JSON.stringify(config))
console.log(`${(parameters / 1e9).toFixed(2)} billion parameters, ${values.memory}, in ${root}`)
print(['', 'seconds', 'GB/s', 'peak MB'])
for (const name of missing) {
  const near = name === 'base' ? [] : ['--near', at('base'), '--seed', name.slice('tuned-'.length)]
  const program = deltalab('random', at('config.json'), '--out', at(name), ...near)
  await measure(`random ${name}`, program, near.length ? 2 * size : size)
}
const out = at('out')
const bounded = ['--memory', values.memory]

/** The least that any tool has to do: read the inputs, and write one output. */
const floor = (inputs) => ({
  command: 'sh',
  words: [
    '-c',
    `for model in "$@"; do cat "$model"/*.safetensors; done > /dev/null; mkdir "$0"; cp "$1"/*.safetensors "$0"`,
    out,
    ...inputs,
  ],
})
await measure('read the pair, write one', floor([at('base'), at('tuned-1')]), 3 * size, out)
const edit = ['edit', at('base'), at('tuned-1'), '--editor', 'dare', '--drop', '0.9', '--out', out]
await measure('edit dare', deltalab(...edit, ...bounded), 3 * size, out)
for (const method of ['task_arithmetic', 'ties']) {
  const parameters = { weight: 1 / tuned, ...(method === 'ties' && { density: 0.5 }) }
  const models = posts.map((name) => ({ model: at(name) }))
  const content = { merge_method: method, base_model: at('base'), models, parameters, dtype: 'bfloat16' }
  writeFileSync(at(`${method}.yml`), JSON.stringify(content))
  const program = deltalab('merge', at(`${method}.yml`), out, ...bounded)
  await measure(`merge ${method}, ${tuned} fine-tune${tuned > 1 ? 's' : ''}`, program, (tuned + 2) * size, out)
}
