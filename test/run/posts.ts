// Three fine-tunes of the fixture's base: its own `post`, its mirror image on the other side of the base, and a half-way one.
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openCheckpoint, writeCheckpoint } from '../../src/checkpoint/index.js'
import { items, makePair } from './pair.js'

/** Writes base/, post/, mirror/ (base − delta), half/ (base + delta/2) and their tasks a.jsonl, b.jsonl; returns the folder. */
export async function makePosts(fixture?: string): Promise<string> {
  const folder = makePair(fixture)
  const [base, post] = await Promise.all(['base', 'post'].map((side) => openCheckpoint(join(folder, side))))
  for (const [name, factor] of [
    ['mirror', -1],
    ['half', 0.5],
  ] as const) {
    await writeCheckpoint(join(folder, name), {
      plan: [...post!.tensors.values()].map((entry) => ({ name: entry.name, shape: entry.shape, dtype: 'F32' })),
      tensors: (async function* () {
        for (const tensor of post!.tensors.keys()) {
          const [before, after] = [await base!.read(tensor), await post!.read(tensor)]
          yield { name: tensor, values: before.map((value, i) => value + factor * (after[i]! - value)) }
        }
      })(),
      copyFrom: join(folder, 'post'),
    })
  }
  await Promise.all([base!.close(), post!.close()])
  const lines = items.map((item) => `${JSON.stringify(item)}\n`)
  writeFileSync(join(folder, 'a.jsonl'), lines.join(''))
  writeFileSync(join(folder, 'b.jsonl'), lines.toReversed().join(''))
  cpSync(join(folder, 'base'), join(folder, 'other-base'), { recursive: true })
  return folder
}
