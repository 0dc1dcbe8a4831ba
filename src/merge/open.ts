// Opens the models that a merge file names: headers only, each folder once, under a label of its own.
import { stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { findTied, openCheckpoint, type Checkpoint } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { resolveModel } from '../hub/index.js'
import type { ErrorAt, Path } from './parameters.js'
import type { MergeFile } from './schema.js'

export interface Model {
  /** Last part of the folder's path, numbered when two share it: what its random draws are keyed by. */
  label: string
  checkpoint: Checkpoint
  /** Stored copies of tied weights; they are left out. */
  tied: ReadonlyMap<string, string>
}

export interface Models {
  /** The model of a folder as the file writes it. */
  of(text: string): Model
  all: Model[]
  close(): Promise<void>
}

/** Folders are taken relative to the working directory, as mergekit does, or else to the file. */
export async function openModels(file: string, config: MergeFile, errorAt: ErrorAt): Promise<Models> {
  const wanted: [string, Path][] = [
    ...(config.base_model === undefined ? [] : [[config.base_model, ['base_model']] as [string, Path]]),
    ...(config.models ?? []).map(({ model }, i): [string, Path] => [model, ['models', i, 'model']]),
    ...(config.models ?? []).flatMap(({ data }, i): [string, Path][] => (data === undefined ? [] : [[data, ['models', i, 'data']]])),
    ...(config.slices ?? []).flatMap(({ sources }, s) =>
      sources.flatMap(({ model, data }, i): [string, Path][] => {
        const path = ['slices', s, 'sources', i]
        return [[model, [...path, 'model']], ...(data === undefined ? [] : [[data, [...path, 'data']] as [string, Path]])]
      }),
    ),
  ]
  const byText = new Map<string, Model>()
  const byFolder = new Map<string, Model>()
  const labels = new Set<string>()
  for (const [text, path] of wanted) {
    if (byText.has(text)) continue
    const folder = await locate(text, file)
    if (!byFolder.has(folder)) {
      const checkpoint = await openCheckpoint(folder).catch((error) => {
        throw error instanceof UserError ? errorAt(path, error.message) : error
      })
      byFolder.set(folder, { label: labelOf(folder, labels), checkpoint, tied: await findTied(checkpoint) })
    }
    byText.set(text, byFolder.get(folder)!)
  }
  const all = [...byFolder.values()]
  return {
    of: (text) => byText.get(text)!,
    all,
    close: async () => void (await Promise.all(all.map(({ checkpoint }) => checkpoint.close()))),
  }
}

async function locate(text: string, file: string): Promise<string> {
  const beside = resolve(dirname(file), text)
  return (await stat(text).catch(() => null)) ? resolve(text) : (await stat(beside).catch(() => null)) ? beside : resolveModel(text)
}

function labelOf(folder: string, taken: Set<string>): string {
  const plain = basename(folder)
  let label = plain
  for (let i = 2; taken.has(label); i++) label = `${plain}-${i}`
  taken.add(label)
  return label
}
