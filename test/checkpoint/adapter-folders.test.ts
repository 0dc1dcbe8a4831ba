// Folders of adapters as trainers leave them: what is read, and what an error says is there instead.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { UserError } from '../../src/errors/index.js'
import { openModel, openPost } from '../../src/sources/index.js'
import { safetensors, writeModel } from './adapters.js'

const root = mkdtempSync(join(tmpdir(), 'adapter-folders-'))
after(() => rmSync(root, { recursive: true }))

const Q = 'model.layers.0.q.weight'
const base = writeModel(join(root, 'base'), {
  [Q]: [
    [2, 3],
    [1, 2, 3, 4, 5, 6],
  ],
})
const weights = safetensors({
  'base_model.model.model.layers.0.q.lora_A.weight': [
    [1, 3],
    [1, 0, -1],
  ],
  'base_model.model.model.layers.0.q.lora_B.weight': [
    [2, 1],
    [1, 10],
  ],
})
const config = JSON.stringify({
  peft_type: 'LORA',
  r: 1,
  lora_alpha: 2,
  base_model_name_or_path: '../base',
  target_modules: ['q'],
})

let count = 0
/** A folder with these files; those in folders below have a slash. */
function folderWith(files: Readonly<Record<string, string | Buffer>>): string {
  const folder = join(root, `folder-${count++}`)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}

async function readPost(folder: string): Promise<number[]> {
  const below = await openCheckpoint(base)
  try {
    const post = await openPost(folder, below)
    const values = [...(await post.read(Q))]
    await post.close()
    return values
  } finally {
    await below.close()
  }
}

test('checkpoints and other adapters below do not disturb an adapter', async () => {
  const own = {
    'adapter_config.json': config,
    'adapter_model.safetensors': weights,
    'optimizer.pt': '',
    'math/adapter_config.json': '{}',
  }
  assert.deepEqual(await readPost(folderWith(own)), [3, 2, 1, 24, 5, -14])
})

const told: [what: string, files: Record<string, string | Buffer>, message: RegExp][] = [
  ['one adapter below', { 'math/adapter_config.json': config }, /an adapter lies in .*math: give that folder/],
  [
    'several, the last step first',
    {
      'checkpoint-500/adapter_config.json': config,
      'checkpoint-1000/adapter_config.json': config,
      'training_args.bin': '',
    },
    /2 adapters lie in checkpoint-1000, checkpoint-500: give the folder of one, .*checkpoint-1000$/,
  ],
  [
    'an adapter below a checkpoint',
    { 'checkpoint-9/adapter_model/adapter_config.json': config },
    /an adapter lies in .*checkpoint-9.adapter_model: give that folder/,
  ],
  [
    'checkpoints of whole models',
    { 'checkpoint-9/model.safetensors': weights, 'checkpoint-80/model.safetensors': weights, 'training_args.bin': '' },
    /checkpoints lie in checkpoint-80, checkpoint-9: give the folder of one, .*checkpoint-80$/,
  ],
  [
    'no weights',
    { 'adapter_config.json': config },
    /adapter_config.json is there without adapter_model.safetensors or adapter_model.bin$/,
  ],
  [
    'weights under another name',
    { 'adapter_config.json': config, 'pytorch_model.bin.tmp': '', 'lora.bin': '' },
    /; lora.bin is there: name the file of the adapter adapter_model.bin/,
  ],
  [
    'weights of torch.save beside the state of a training',
    { 'adapter_config.json': config, 'adapter_model.pt': '', 'rng_state_0.pth': '', 'scheduler.pt': '' },
    /; adapter_model.pt is there: name the file of the adapter adapter_model.bin/,
  ],
  [
    'the shards of FSDP',
    { 'adapter_config.json': config, 'pytorch_model_fsdp_0/__0_0.distcp': '' },
    /the sharded state of a training; make weights of it with "accelerate merge-weights"/,
  ],
  [
    'old arrays of mlx-lm',
    {
      'adapter_config.json': JSON.stringify({ fine_tune_type: 'lora', lora_parameters: { rank: 1, scale: 2 } }),
      'adapters.npz': '',
    },
    /adapter_config.json is there without adapters.safetensors; adapters.npz: arrays of NumPy or old MLX/,
  ],
  [
    'a file without tensors',
    { 'adapter_config.json': config, 'adapter_model.safetensors': safetensors({}) },
    /holds no tensors of LORA, nor any other: trainers leave such files where ZeRO-3 or FSDP did not gather/,
  ],
]
for (const [what, files, message] of told)
  test(`told: ${what}`, async () => {
    await assert.rejects(readPost(folderWith(files)), (error) => {
      assert.ok(error instanceof UserError)
      assert.match(error.message, message)
      return true
    })
  })

test('an adapter alone whose base is not where it says: the error says why that is looked for', async () => {
  const files = {
    'adapter_config.json': config.replace('../base', '/elsewhere/llama'),
    'adapter_model.safetensors': weights,
  }
  await assert.rejects(
    openModel(folderWith(files)),
    /the adapter's base, \/elsewhere\/llama \(adapter_config.json\), cannot be opened: .*; where the base lies elsewhere, write its folder there/,
  )
})
