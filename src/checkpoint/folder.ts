// Opens a Hugging Face checkpoint folder by its headers: config, names, shapes and byte ranges first, weights one tensor at a
// time when asked for.
import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { UserError } from '../errors/index.js'
import { folderBeside, interruptedAt, leftOut, PARTIAL, stateOf } from '../files/index.js'
import { describeCut } from '../hub/index.js'
import { readObject, readText } from '../schema/index.js'
import { type Checkpoint, type OpenFolderOptions, SINGLE, TORCH_SINGLE } from './checkpoint.js'
import { decodeCheckpoint } from './decoded.js'
import { describeFile, describeFolder } from './foreign.js'
import { findGguf } from './gguf-find.js'
import { listShards, readTensors } from './shards.js'
import { withPlainNames } from './spellings.js'
import { openStored } from './stored.js'
import { followTies } from './tied.js'

/** Opens a folder with config.json and its weights: safetensors, or else those of torch.save. Reads headers only. */
export async function openCheckpoint(folder: string, options: OpenFolderOptions = {}): Promise<Checkpoint> {
  const gguf = await findGguf(folder)
  if (gguf !== null) {
    const { openGgufModel } = await import('./gguf-model.js')
    return openGgufModel(folder, gguf)
  }
  await checkFolder(folder)
  const path = join(folder, 'config.json')
  const configText = existsSync(path) ? readText(path) : null
  const config = configText === null ? null : readObject(path)
  const shards = await listShards(folder, config)
  if (!shards)
    throw new UserError(
      `${folder}: neither ${SINGLE} nor ${TORCH_SINGLE} is there${describeFolder(folder, await readdir(folder, { withFileTypes: true }))}${describeCut(folder)}`,
    )
  const { tensors, gathered, notes } = await readTensors(folder, shards)
  // What is written has other files.
  delete config?.transformers_weights
  const { checkpoint, bytes } = openStored({ folder, config, configText, tensors }, shards.files, gathered)
  try {
    return await followTies(withPlainNames(await decodeCheckpoint({ ...checkpoint, notes }, bytes, options)))
  } finally {
    // Tied tensors were compared. Files open again when weights are read, so a caller that fails before leaves none open.
    await checkpoint.close()
  }
}

/** @throws UserError for a folder that is not there, a file, and what an interrupted run left behind */
async function checkFolder(folder: string): Promise<void> {
  if (folder === '') throw new UserError('the name of a model is empty; its folder or its name on the hub is wanted')
  const info = await stat(folder).catch(() => null)
  if (!info && folder.endsWith('.gguf')) throw new UserError(`${folder}: no such file`)
  if (!info) {
    const why = (await interruptedAt(resolve(folder))) ?? leftOut(folder)
    const near = why === null ? folderBeside(folder) : null
    const said = near === null ? '' : `; did you mean ${near}?`
    throw new UserError(`${folder}: no such checkpoint folder${why === null ? said : `: ${why}`}`)
  }
  if (!info.isDirectory()) throw new UserError(`${folder}: ${describeFile(folder)}`)
  if (basename(folder).includes(PARTIAL) && (await stateOf(folder)) !== 'complete')
    throw new UserError(`${folder}: the unfinished output of an interrupted run; start that run again`)
}
