// A model whose weights are a GGUF file, given by the path of the file or by a folder that holds one model of this kind. What config.json
// and tokenizer.json do not say, because there are none, its fields say.
import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { readObject, readText } from '../schema/index.js'
import type { Checkpoint } from './checkpoint.js'
import { withComputed } from './computed-tensors.js'
import { type GgufCheckpoint, openGguf } from './gguf.js'
import { configOf } from './gguf-config.js'
import { readComputed } from './gguf-lines.js'
import { ggufTokenizer } from './gguf-tokenizer.js'
import { without } from './renamed.js'
import { openStored } from './stored.js'
import { followTies } from './tied.js'

/** @param place what the user named: the file, or its folder */
export async function openGgufModel(place: string, path: string): Promise<Checkpoint> {
  const gguf = await openGguf(path)
  const [first] = gguf.file.paths as [string]
  const folder = dirname(first)
  const configPath = join(folder, 'config.json')
  const configText = existsSync(configPath) ? readText(configPath) : null
  const tensors = new Map(gguf.entries.map((entry) => [entry.name, entry]))
  const config = configText === null ? await makeConfig(gguf) : readObject(configPath)
  const shards = gguf.file.paths.map((part) => basename(part))
  const { checkpoint, bytes } = openStored({ folder, config, configText, tensors }, shards, new Map())
  const made = existsSync(join(folder, 'tokenizer.json')) ? null : ggufTokenizer(first, gguf.file)
  const types = [...gguf.types].map(([type, count]) => `${count} weights are decoded from ${type}`)
  // A file that is named may lie among others that have nothing to do with it.
  const home = configText === null ? place : folder
  const whole = {
    ...without(
      withComputed(checkpoint, gguf.shapes, (tensor, lines) => gguf.compute(tensor, lines, bytes)),
      gguf.parts,
    ),
    folder: place,
    home,
    companions: made?.folder ?? folder,
    ...(made?.fault && { tokenizerFault: made.fault }),
    ...(!config && { configFault: noConfig(first) }),
    notes: [
      ...gguf.notes,
      ...(made?.notes ?? []),
      ...(made?.fault ? [made.fault] : []),
      ...(config ? [] : [noConfig(first)]),
    ],
    decoded: types.length ? `${types.join(', ')} and count as BF16` : undefined,
  }
  return followTies(whole)
}

const noConfig = (path: string) =>
  `${path}: its fields do not make a config.json that is known here: put the model's own beside the file for losses, and for a whole output folder`

async function makeConfig({ file, entries }: GgufCheckpoint): Promise<Record<string, unknown> | null> {
  const rope = file.tensors.find(({ name }) => name === 'rope_freqs.weight')
  const hasOutput = entries.some(({ name }) => name === 'lm_head.weight')
  return configOf(file, hasOutput, rope ? await readComputed(rope) : null)
}
