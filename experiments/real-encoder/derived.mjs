// Writes two models that are made of the fetched ones, into checkpoints/rxnfp:
//   shrunken: the base of `fingerprints` with each matrix times 1 + ⟨Δ, W⟩ / ⟨W, W⟩, which brings it nearest to the fine-tune, and is what
//     weight decay alone would have done to it. The delta from there has no cosine with the base.
//   headed: `fingerprints` with the classifier of `classes`, so that both can be merged and measured as models of classes.
// And results/real-encoder-tensors/norms.csv, the norm of each tensor of the base.
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openPair } from '../../dist/bundle/index.js'

const folder = fileURLToPath(new URL('../../checkpoints/rxnfp', import.meta.url))

const dot = (xs, ys) => xs.reduce((sum, x, i) => sum + x * ys[i], 0)

/** A checkpoint of float32 tensors ({name, shape, values}) with the configuration and tokenizer of another. */
function write(name, like, tensors) {
  const partial = join(folder, `${name}.partial`)
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial)
  const header = {}
  let at = 0
  for (const { name, shape, values } of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at + 4 * values.length] }
    at += 4 * values.length
  }
  const text = JSON.stringify(header)
  const head = Buffer.from(text.padEnd(8 * Math.ceil(text.length / 8)))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(head.length))
  const bodies = tensors.map(({ values }) => Buffer.from(Float32Array.from(values).buffer))
  writeFileSync(join(partial, 'model.safetensors'), Buffer.concat([length, head, ...bodies]))
  for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(join(folder, like, file), join(partial, file))
  renameSync(partial, join(folder, name))
}

async function withPair(base, post, work) {
  const pair = await openPair(join(folder, base), join(folder, post), { ignoreUnmatched: true })
  const shapeOf = (name) => pair.post.tensors.get(name).shape
  try {
    const tensors = []
    for (const name of pair.names) tensors.push({ name, shape: shapeOf(name), values: await work(pair, name) })
    if (post === 'classes')
      for (const name of ['classifier.weight', 'classifier.bias'])
        tensors.push({ name, shape: shapeOf(name), values: await pair.post.read(name) })
    return tensors
  } finally {
    await pair.close()
  }
}

async function shrink(pair, name) {
  const base = await pair.base.read(name)
  if (pair.post.tensors.get(name).shape.length < 2) return base
  const factor = 1 + dot(await pair.delta(name), base) / dot(base, base)
  return base.map((value) => value * factor)
}

if (!existsSync(join(folder, 'shrunken')))
  write('shrunken', 'fingerprints', await withPair('base', 'fingerprints', shrink))
if (!existsSync(join(folder, 'headed')))
  write('headed', 'classes', await withPair('fingerprints', 'classes', (pair, name) => pair.base.read(name)))

const norms = await withPair('base', 'fingerprints', (pair, name) => pair.base.read(name))
const lines = norms.map(({ name, values }) => `bert.${name},${Math.sqrt(dot(values, values))}\n`)
writeFileSync('results/real-encoder-tensors/norms.csv', `tensor,norm\n${lines.join('')}`)
