// Writes checkpoints/rxnfp/shrunken: the base of `fingerprints` with each matrix times the factor (1 + ⟨Δ, W⟩ / ⟨W, W⟩) that brings it
// nearest to the fine-tune, which is what weight decay alone would have done to it. The delta from there has no cosine with the base.
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openPair } from '../../dist/bundle/index.js'

const folder = fileURLToPath(new URL('../../checkpoints/rxnfp', import.meta.url))
const out = join(folder, 'shrunken')

const dot = (xs, ys) => xs.reduce((sum, x, i) => sum + x * ys[i], 0)

if (!existsSync(out)) {
  const partial = `${out}.partial`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial)
  const pair = await openPair(join(folder, 'base'), join(folder, 'fingerprints'), { ignoreUnmatched: true })
  const header = {}
  const bodies = []
  let at = 0
  for (const name of pair.names) {
    const { shape } = pair.post.tensors.get(name)
    const base = await pair.base.read(name)
    const factor = shape.length === 2 ? 1 + dot(await pair.delta(name), base) / dot(base, base) : 1
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at + base.length * 4] }
    at += base.length * 4
    bodies.push(Buffer.from(base.map((value) => value * factor).buffer))
  }
  await pair.close()
  const head = Buffer.from(JSON.stringify(header).padEnd(Math.ceil(JSON.stringify(header).length / 8) * 8))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(head.length))
  writeFileSync(join(partial, 'model.safetensors'), Buffer.concat([length, head, ...bodies]))
  for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(join(folder, 'fingerprints', file), join(partial, file))
  renameSync(partial, out)
}
