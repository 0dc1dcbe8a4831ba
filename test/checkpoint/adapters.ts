// Small safetensors files made by hand, byte by byte.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type Tensors = Readonly<Record<string, readonly [shape: readonly number[], values: ArrayLike<number>]>>

export function safetensors(tensors: Tensors): Buffer {
  let at = 0
  const header = Object.fromEntries(
    Object.entries(tensors).map(([name, [shape, values]]) => [
      name,
      { dtype: 'F32', shape, data_offsets: [at, (at += 4 * values.length)] },
    ]),
  )
  const json = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([
    length,
    json,
    ...Object.values(tensors).map(([, values]) => Buffer.from(Float32Array.from(values).buffer)),
  ])
}

/** A checkpoint folder; its path. */
export function writeModel(
  folder: string,
  tensors: Tensors,
  config: object = { model_type: 'llama', tie_word_embeddings: false },
): string {
  mkdirSync(folder)
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  writeFileSync(join(folder, 'model.safetensors'), safetensors(tensors))
  return folder
}
