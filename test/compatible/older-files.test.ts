// What files of other versions have more or less than the model: computed buffers, further tensors, settings of images.
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pairCheckpoints } from '../../src/checkpoint/index.js'
import { editCheckpoint } from '../../src/edit/index.js'
import { editorNamed } from '../../src/editors/index.js'
import { openMerge, readMergeFile, writeMerge } from '../../src/merge/index.js'
import { openModels } from '../../src/sources/index.js'
import { imageFile, loadImageReader } from '../../src/tasks/index.js'
import { folder } from '../checkpoint/files.js'
import { closed, HOW, holds, type Tensors, TRANSFORMERS, temporary, tensorsOf } from './models.js'
import { compatible } from './row.js'

compatible(
  {
    what: 'computed buffers of older files: inv_freq, position_ids, attn.bias, masked_bias',
    outcome: 'read',
    like: TRANSFORMERS,
    note: 'no delta; an edit keeps those of the post; a merge keeps those of a file that transformers 5 saved, and leaves others out as mergekit does',
  },
  async (context) => {
    const root = temporary(context)
    const plain = tensorsOf(['transformer.ln_f.weight', 'transformer.h.0.attn.c_attn.bias'], 0)
    const buffers: Tensors = {
      'transformer.h.0.attn.bias': [
        [1, 1, 2, 2],
        [1, 0, 1, 1],
      ],
      'transformer.h.0.attn.masked_bias': [[], [-1e4]],
      'transformer.rotary_emb.inv_freq': [[2], [1, 0.5]],
    }
    folder(join(root, 'old'), { ...plain, ...buffers }, { model_type: 'gpt2' })
    folder(join(root, 'new'), plain, { model_type: 'gpt2' })
    for (const [base, post, written] of [
      ['old', 'new', plain],
      ['new', 'old', { ...plain, ...buffers }],
      ['old', 'old', { ...plain, ...buffers }],
    ] as const) {
      const opened = await openModels(join(root, base), join(root, post))
      await closed(opened, async () => {
        const pair = await pairCheckpoints(...opened)
        assert.deepEqual([[...pair.names].sort(), pair.unmatched], [Object.keys(plain).sort(), []])
        const steps = [{ editor: editorNamed('expo'), options: { alpha: 1 } }]
        const out = join(root, `${base}-${post}`)
        await editCheckpoint(pair, out, { steps, seed: 0, on: 'delta' })
        await holds(out, written)
      })
    }
    const file = join(root, 'merge.yaml')
    writeFileSync(
      file,
      `merge_method: linear\nmodels: [{model: ${root}/old, parameters: {weight: 1}}, {model: ${root}/new, parameters: {weight: 1}}]\n`,
    )
    const merge = await openMerge(file, readMergeFile(file))
    assert.deepEqual(merge.plan.tensors.map(({ name }) => name).sort(), Object.keys(plain).sort())
    await merge.close()
    // transformers 5 saves no others than those that its class reads (the inv_freq of BROS, the position_ids of MRA).
    const config = { model_type: 'gpt2', transformers_version: '5.18.0' }
    for (const name of ['saved', 'again']) folder(join(root, name), { ...plain, ...buffers }, config)
    for (const [i, models] of ['new', 'again'].entries()) {
      writeFileSync(
        file,
        `merge_method: slerp\nbase_model: ${root}/saved\nmodels: [{model: ${root}/${models}}, {model: ${root}/saved}]\nparameters: {t: 0.3}\n`,
      )
      const opened = await openMerge(file, readMergeFile(file))
      await writeMerge(opened, join(root, `saved-${i}`), HOW)
      await opened.close()
      await holds(join(root, `saved-${i}`), { ...plain, ...buffers })
    }
  },
)

compatible(
  {
    what: 'models of which one lacks a tensor or has it in another shape, with --ignore-unmatched or ignore_unmatched: true',
    outcome: 'read',
    like: 'the rest by the method',
    note: 'a merge takes such a tensor from the base, else from the first model; an edit from the post',
  },
  async (context) => {
    const root = temporary(context)
    folder(join(root, 'base'), { 'a.weight': [[1], [1]], 'b.weight': [[1], [2]], 'c.weight': [[2], [3, 3]] })
    folder(join(root, 'post'), { 'a.weight': [[1], [5]], 'c.weight': [[1], [7]], 'd.weight': [[1], [9]] })
    const text = `merge_method: task_arithmetic\nbase_model: ${root}/base\nmodels: [{model: ${root}/post, parameters: {weight: 0.5}}]\n`
    for (const [i, more] of ['', 'ignore_unmatched: true\n'].entries()) {
      const file = join(root, `${i}.yaml`)
      writeFileSync(file, text + more)
      const open = () => openMerge(file, readMergeFile(file), i ? {} : { ignoreUnmatched: true })
      if (!i)
        await assert.rejects(
          openMerge(file, readMergeFile(file)),
          /do not fit together: b\.weight is not in post; c\.weight is \[1\] in post, \[2\] in base; d\.weight is only in post .*--ignore-unmatched, in the file ignore_unmatched: true, takes these tensors from base alone/,
        )
      const opened = await open()
      assert.match(
        opened.notes.concat(opened.plan.notes).join(),
        /not merged: b\.weight is not in post; c\.weight.*; d\.weight/,
      )
      try {
        await writeMerge(opened, join(root, `out${i}`), HOW)
      } finally {
        await opened.close()
      }
      await holds(join(root, `out${i}`), { 'a.weight': [[1], [3]], 'b.weight': [[1], [2]], 'c.weight': [[2], [3, 3]] })
    }
  },
)

compatible(
  {
    what: 'layers that predict further tokens, numbered on after the last one (DeepSeek-V3, GLM-4.5) or below mtp. (Qwen3-Next), in one model or all',
    outcome: 'read',
    like: 'transformers 5.18.0, which passes over them',
    note: 'edited and merged where every model has them; they stay behind the last layer of a stack',
  },
  async (context) => {
    const root = temporary(context)
    const config = { model_type: 'deepseek_v3', num_hidden_layers: 2, num_nextn_predict_layers: 1 }
    const own = ['model.embed_tokens.weight', 'model.layers.0.mlp.w', 'model.layers.1.mlp.w', 'model.norm.weight']
    const further = ['model.layers.2.embed_tokens.weight', 'model.layers.2.eh_proj.weight', 'mtp.layers.0.w']
    folder(join(root, 'base'), tensorsOf([...own, ...further], 0), config)
    folder(join(root, 'post'), tensorsOf(own, 4), config)
    folder(join(root, 'all'), tensorsOf([...own, ...further], 8), config)
    const opened = await openModels(join(root, 'base'), join(root, 'post'))
    await closed(opened, async () => assert.deepEqual((await pairCheckpoints(...opened)).names, own))
    const merged = async (text: string) => {
      const file = join(root, 'merge.yaml')
      writeFileSync(file, text.replaceAll('ROOT', root))
      const merge = await openMerge(file, readMergeFile(file))
      try {
        await writeMerge(merge, join(root, 'out'), { ...HOW, overwrite: true })
      } finally {
        await merge.close()
      }
    }
    const half = (post: string) =>
      `merge_method: task_arithmetic\nbase_model: ROOT/base\nmodels: [{model: ROOT/${post}, parameters: {weight: [0.5, 0.25]}}]\n`
    const weighted = (names: readonly string[], change: number): Tensors =>
      Object.fromEntries(
        Object.entries(tensorsOf(names, 0)).map(([name, [shape, values]]) => {
          const weight = name.startsWith('model.layers.1.') ? 0.25 : 0.5
          return [name, [shape, values.map((value) => value + weight * change)]]
        }),
      )
    await merged(half('post'))
    await holds(join(root, 'out'), weighted(own, 4))
    await merged(half('all'))
    await holds(join(root, 'out'), weighted([...own, ...further], 8))
    await merged(
      'merge_method: passthrough\nslices: [{sources: [{model: ROOT/base, layer_range: [0, 2]}]}, {sources: [{model: ROOT/base, layer_range: [1, 2]}]}]\n',
    )
    const all = tensorsOf([...own, ...further], 0)
    const moved = Object.entries(all).map(([name, tensor]) => [name.replace('layers.2', 'layers.3'), tensor] as const)
    await holds(join(root, 'out'), {
      ...Object.fromEntries(moved),
      'model.layers.2.mlp.w': all['model.layers.1.mlp.w']!,
    })
  },
)

compatible(
  {
    what: 'processor_config.json of transformers 5 in place of preprocessor_config.json',
    outcome: 'read',
    like: TRANSFORMERS,
    note: 'where both are there, the first counts',
  },
  async (context) => {
    const root = temporary(context)
    const image = {
      image_processor_type: 'ViTImageProcessor',
      size: { height: 8, width: 6 },
      image_mean: [0.1, 0.2, 0.3],
    }
    writeFileSync(join(root, 'preprocessor_config.json'), JSON.stringify({ size: { height: 4, width: 4 } }))
    writeFileSync(join(root, 'processor_config.json'), '{"processor_class": "ViTProcessor"}')
    assert.deepEqual([imageFile(root), (await loadImageReader(root)).size.height], ['preprocessor_config.json', 4])
    writeFileSync(join(root, 'processor_config.json'), JSON.stringify({ image_processor: image }))
    const { size, mean } = await loadImageReader(root)
    assert.deepEqual([imageFile(root), size, mean], ['processor_config.json', { height: 8, width: 6 }, [0.1, 0.2, 0.3]])
    rmSync(join(root, 'preprocessor_config.json'))
    assert.deepEqual((await loadImageReader(root)).size, { height: 8, width: 6 })
  },
)
