// One model in two spellings.
import assert from 'node:assert/strict'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openCheckpoint, pairCheckpoints } from '../../src/checkpoint/index.js'
import { editCheckpoint } from '../../src/edit/index.js'
import { editorNamed } from '../../src/editors/index.js'
import { openMerge, readMergeFile, writeMerge } from '../../src/merge/index.js'
import { openModels } from '../../src/sources/index.js'
import { folder } from '../checkpoint/files.js'
import { closed, HOW, holds, type Tensors, TRANSFORMERS, temporary, tensorsOf } from './models.js'
import { compatible } from './row.js'

/** Pairs every spelling with every other; an edit and a merge of them have the names of the post, or of the base, and its numbers. */
async function checkSpellings(context: TestContext, config: object, spellings: readonly (readonly string[])[]) {
  const root = temporary(context)
  const place = (kind: string, i: number) => join(root, `${kind}${i}`)
  for (const [i, names] of spellings.entries()) {
    folder(place('base', i), tensorsOf(names, 0), config)
    folder(place('post', i), tensorsOf(names, 1), config)
  }
  for (const [i] of spellings.entries())
    for (const [k, names] of spellings.entries()) {
      const [base, post] = await openModels(place('base', i), place('post', k))
      await closed([base, post], async () => {
        const pair = await pairCheckpoints(base, post)
        assert.deepEqual([pair.names, pair.unmatched], [[...names], []])
        for (const name of names)
          assert.deepEqual(
            (await base.read(name)).map((value) => value + 1),
            await post.read(name),
            name,
          )
        if (i === k) return
        const out = place('edit', 10 * i + k)
        const steps = [{ editor: editorNamed('expo'), options: { alpha: 1 } }]
        await editCheckpoint(pair, out, { steps, seed: 0, on: 'delta' })
        await holds(out, tensorsOf(names, 2))
      })
    }
  const file = join(root, 'merge.yaml')
  const models = spellings.map((_, i) => `{model: ${place('post', i)}, parameters: {weight: 1}}`)
  writeFileSync(
    file,
    `merge_method: task_arithmetic\nbase_model: ${place('base', 0)}\nmodels: [${models.join(', ')}]\n`,
  )
  const opened = await openMerge(file, readMergeFile(file))
  try {
    await writeMerge(opened, join(root, 'merged'), HOW)
  } finally {
    await opened.close()
  }
  await holds(join(root, 'merged'), tensorsOf(spellings[0]!, spellings.length))
}

for (const [what, model_type, ...spellings] of [
  [
    'a model with and without the prefix of its class (GPT-2, and so for every architecture)',
    'gpt2',
    ['transformer.wte.weight', 'transformer.h.0.attn.c_attn.bias', 'transformer.ln_f.weight'],
    ['wte.weight', 'h.0.attn.c_attn.bias', 'ln_f.weight'],
  ],
  [
    'LayerNorm gamma and beta, also without the prefix (BERT)',
    'bert',
    ['bert.embeddings.LayerNorm.weight', 'bert.encoder.layer.0.output.LayerNorm.bias', 'classifier.bias'],
    ['bert.embeddings.LayerNorm.gamma', 'bert.encoder.layer.0.output.LayerNorm.beta', 'classifier.bias'],
    ['embeddings.LayerNorm.gamma', 'encoder.layer.0.output.LayerNorm.beta', 'classifier.bias'],
  ],
  [
    'ViT as versions 4 and 5 of transformers name it, and without its prefix',
    'vit',
    ['vit.encoder.layer.0.attention.attention.query.bias', 'vit.encoder.layer.0.output.dense.bias', 'classifier.bias'],
    ['vit.layers.0.attention.q_proj.bias', 'vit.layers.0.mlp.fc2.bias', 'classifier.bias'],
    ['encoder.layer.0.attention.attention.query.bias', 'encoder.layer.0.output.dense.bias', 'classifier.bias'],
  ],
  [
    'towers of CLIP and SigLIP with and without vision_model.',
    'clip_vision_model',
    ['vision_model.embeddings.class_embedding', 'vision_model.encoder.layers.0.mlp.fc1.bias'],
    ['embeddings.class_embedding', 'encoder.layers.0.mlp.fc1.bias'],
  ],
  [
    'config.json without model_type, as the first versions wrote it: the names with and without the prefix tell it',
    undefined,
    ['bert.embeddings.LayerNorm.weight', 'bert.encoder.layer.0.output.LayerNorm.bias', 'bert.pooler.dense.bias'],
    ['embeddings.LayerNorm.weight', 'encoder.layer.0.output.LayerNorm.bias', 'pooler.dense.bias'],
  ],
  [
    'models of text and images as they were named before and after transformers 4.52 (LLaVA, PaliGemma, Gemma 3, Mistral 3)',
    'gemma3',
    ['language_model.model.norm.weight', 'vision_tower.vision_model.post_layernorm.bias', 'multi_modal_projector.w'],
    [
      'model.language_model.norm.weight',
      'model.vision_tower.vision_model.post_layernorm.bias',
      'model.multi_modal_projector.w',
    ],
    ['model.language_model.norm.weight', 'model.vision_tower.post_layernorm.bias', 'model.multi_modal_projector.w'],
  ],
  [
    'Qwen2-VL and Qwen2.5-VL as they were named before and after transformers 4.52',
    'qwen2_5_vl',
    ['model.norm.weight', 'visual.merger.ln_q.weight', 'model.layers.0.input_layernorm.weight'],
    [
      'model.language_model.norm.weight',
      'model.visual.merger.ln_q.weight',
      'model.language_model.layers.0.input_layernorm.weight',
    ],
  ],
] as const)
  compatible(
    {
      what,
      outcome: 'read',
      like: TRANSFORMERS,
      note: 'what is written has the names of the post, in a merge of the base',
    },
    (context) => checkSpellings(context, { model_type }, spellings),
  )

compatible(
  {
    what: 'experts one by one (files), in one tensor (memory of transformers 5) and by parts (switch_mlp of mlx-lm): Mixtral, Qwen MoE and others',
    outcome: 'read',
    like: TRANSFORMERS,
    note: 'either may be the base; what is written has the form of the post',
  },
  async (context) => {
    const root = temporary(context)
    const matrix = (from: number): [number[], number[]] => [[2, 3], Array.from({ length: 6 }, (_, i) => from + i)]
    const single: Tensors = {}
    for (const e of [0, 1])
      for (const [p, part] of ['w1', 'w2', 'w3'].entries())
        single[`model.layers.0.block_sparse_moe.experts.${e}.${part}.weight`] =
          part === 'w2' ? [[3, 2], matrix(100 * e + 10 * p)[1]] : matrix(100 * e + 10 * p)
    const at = (e: number, part: string) => single[`model.layers.0.block_sparse_moe.experts.${e}.${part}.weight`]![1]
    const fused: Tensors = {
      'model.layers.0.mlp.experts.gate_up_proj': [[2, 4, 3], [0, 1].flatMap((e) => [...at(e, 'w1'), ...at(e, 'w3')])],
      'model.layers.0.mlp.experts.down_proj': [[2, 3, 2], [0, 1].flatMap((e) => at(e, 'w2'))],
    }
    const switched: Tensors = Object.fromEntries(
      ['w1 gate_proj', 'w2 down_proj', 'w3 up_proj'].map((names): [string, [number[], number[]]] => {
        const [part, leaf] = names.split(' ') as [string, string]
        const shape = part === 'w2' ? [2, 3, 2] : [2, 2, 3]
        return [`model.layers.0.block_sparse_moe.switch_mlp.${leaf}.weight`, [shape, [...at(0, part), ...at(1, part)]]]
      }),
    )
    const kinds = { single, fused, switched }
    for (const [kind, tensors] of Object.entries(kinds)) {
      folder(join(root, kind), tensors, { model_type: 'mixtral' })
      const more = Object.entries(tensors).map(([name, [shape, values]]): [string, [number[], number[]]] => [
        name,
        [shape, values.map((value) => value + 1)],
      ])
      folder(join(root, `${kind}-post`), Object.fromEntries(more), { model_type: 'mixtral' })
    }
    for (const [base, post] of [
      ['single', 'fused-post'],
      ['fused', 'single-post'],
      ['single', 'switched-post'],
      ['switched', 'single-post'],
    ] as const) {
      const opened = await openModels(join(root, base), join(root, post))
      await closed(opened, async () => {
        const pair = await pairCheckpoints(...opened)
        const own = kinds[post.replace('-post', '') as keyof typeof kinds]
        assert.deepEqual([...pair.names].sort(), Object.keys(own).sort())
        for (const name of pair.names) assert.deepEqual([...(await pair.base.read(name))], own[name]![1], name)
        const steps = [{ editor: editorNamed('expo'), options: { alpha: 1 } }]
        const out = join(root, `${base}-${post}-out`)
        await editCheckpoint(pair, out, { steps, seed: 0, on: 'delta' })
        const doubled = Object.entries(own).map(([name, [shape, values]]) => [name, [shape, values.map((v) => v + 2)]])
        await holds(out, Object.fromEntries(doubled) as Tensors)
      })
    }
  },
)

compatible(
  {
    what: 'an adapter whose modules are spelled otherwise than the base: other version, other prefix',
    outcome: 'read',
    like: 'peft 0.21.0 with transformers 5.18.0',
    note: 'compared by hand for GPT-2, Llama, BERT, ViT, LLaVA, Qwen2.5-VL, GPT-NeoX and Mixtral',
  },
  async (context) => {
    const root = temporary(context)
    const lora = { peft_type: 'LORA', r: 1, lora_alpha: 2, bias: 'none' }
    const spellings = [
      'vit.encoder.layer.0.attention.attention.query',
      'vit.layers.0.attention.q_proj',
      'encoder.layer.0.attention.attention.query',
    ]
    for (const [i, module] of spellings.entries()) {
      folder(
        join(root, `base${i}`),
        {
          [`${module}.weight`]: [
            [2, 2],
            [1, 2, 3, 4],
          ],
        },
        { model_type: 'vit' },
      )
      const parts: Tensors = {
        [`base_model.model.${module}.lora_A.weight`]: [
          [1, 2],
          [1, 10],
        ],
        [`base_model.model.${module}.lora_B.weight`]: [
          [2, 1],
          [1, 2],
        ],
      }
      folder(join(root, `adapter${i}`), parts, null)
      renameSync(join(root, `adapter${i}`, 'model.safetensors'), join(root, `adapter${i}`, 'adapter_model.safetensors'))
      const config = { ...lora, target_modules: [module.split('.').at(-1)] }
      writeFileSync(join(root, `adapter${i}`, 'adapter_config.json'), JSON.stringify(config))
    }
    for (const [i, module] of spellings.entries())
      for (const k of spellings.keys()) {
        const [base, post] = await openModels(join(root, `base${i}`), join(root, `adapter${k}`))
        await closed([base, post], async () =>
          // W + 2 · B·A
          assert.deepEqual([...(await post.read(`${module}.weight`))], [1 + 2, 2 + 20, 3 + 4, 4 + 40]),
        )
      }
  },
)

compatible(
  {
    what: 'module., _orig_mod., and the attribute that holds the model (model. of Lightning, policy. …) before all names',
    outcome: 'read',
    like: 'the names that transformers reads',
    note: 'transformers passes such tensors over and draws the weights at random; what is written is without them',
  },
  async (context) => {
    const root = temporary(context)
    const names = ['model.norm.weight', 'model.layers.0.mlp.w']
    folder(join(root, 'plain'), tensorsOf(names, 0), { model_type: 'llama' })
    for (const [i, left] of [
      ['module.model.norm.weight', 'module.model.layers.0.mlp.w'],
      ['_orig_mod.model.norm.weight', '_orig_mod.model.layers.0.mlp.w'],
      ['module._orig_mod.model.norm.weight', 'module._orig_mod.model.layers.0._fsdp_wrapped_module.mlp.w'],
      ['model.model.norm.weight', 'model.model.layers.0.mlp.w'],
      ['policy.module.model.norm.weight', 'policy.module.model.layers.0.mlp.w'],
    ].entries()) {
      const path = folder(join(root, `left${i}`), tensorsOf(left, 0), { model_type: 'llama' })
      await holds(path, tensorsOf(names, 0))
      const model = await openCheckpoint(path)
      assert.match(
        model.notes.join(),
        /training left modules of its own in the names of 2 tensors.* as model\.norm\.weight$/,
      )
      await model.close()
    }
  },
)

compatible(
  {
    what: 'An average of weights (torch.optim.swa_utils), and a model without its head below modules of any name (0.auto_model. of sentence-transformers, backbone. …)',
    outcome: 'read',
    like: 'the names that transformers reads',
    note: 'n_averaged counts models and is no weight; a head beside such modules is not looked for',
  },
  async (context) => {
    const root = temporary(context)
    const names = ['model.norm.weight', 'model.layers.0.mlp.w']
    folder(join(root, 'base'), tensorsOf(names, 0), { model_type: 'llama' })
    const averaged: Tensors = {
      n_averaged: [[1], [3]],
      ...tensorsOf(['module.model.norm.weight', 'module.model.layers.0.mlp.w'], 1),
    }
    folder(join(root, 'averaged'), averaged, { model_type: 'llama' })
    const opened = await openModels(join(root, 'base'), join(root, 'averaged'))
    await closed(opened, async () => assert.deepEqual((await pairCheckpoints(...opened)).names.sort(), names.sort()))
    const bare = ['embeddings.w', 'encoder.layer.0.w']
    for (const around of ['0.auto_model.', 'backbone.']) {
      const path = folder(
        join(root, around),
        tensorsOf(
          bare.map((name) => around + name),
          0,
        ),
        { model_type: 'bert' },
      )
      await holds(path, tensorsOf(bare, 0))
    }
  },
)

compatible(
  {
    what: 'The language model of a model with images by itself (a GGUF file of gemma3 has no more), against the whole model',
    outcome: 'read',
    like: 'the names of both classes in transformers 5.24.0',
    note: 'with --ignore-unmatched, since the image tower has no partner',
  },
  async (context) => {
    const root = temporary(context)
    const whole = ['language_model.model.norm.weight', 'vision_tower.w', 'language_model.model.layers.0.mlp.w']
    folder(join(root, 'base'), tensorsOf(whole, 0), { model_type: 'gemma3', text_config: {}, vision_config: {} })
    const text: Tensors = { 'model.norm.weight': [[2], [5, 6]], 'model.layers.0.mlp.w': [[4], [1, 2, 3, 4]] }
    folder(join(root, 'text'), text, { model_type: 'gemma3_text' })
    const opened = await openModels(join(root, 'base'), join(root, 'text'))
    await closed(opened, async () => {
      const { base, names, unmatched } = await pairCheckpoints(...opened, { ignoreUnmatched: true })
      assert.deepEqual(names.sort(), Object.keys(text).sort())
      assert.deepEqual([...(await base.read('model.layers.0.mlp.w'))], [20, 21, 22, 23])
      assert.match(unmatched.join(), /^vision_tower\.w[^,]*$/)
    })
  },
)

compatible(
  {
    what: 'two spellings of one tensor in one file',
    outcome: 'read',
    like: TRANSFORMERS,
    note: 'the first by name counts; a line names it',
  },
  async (context) => {
    const both = ['bert.e.LayerNorm.gamma', 'bert.e.LayerNorm.weight', 'e.bias', 'bert.e.bias']
    const tensors: Tensors = Object.fromEntries(both.map((name, i) => [name, [[1], [i]]]))
    const path = folder(temporary(context), tensors, { model_type: 'bert' })
    await holds(path, { 'bert.e.LayerNorm.gamma': [[1], [0]], 'bert.e.bias': [[1], [3]] })
    const model = await openCheckpoint(path)
    assert.match(
      model.notes.join(),
      /2 tensors are there in two spellings, and the first by name counts.*\(bert\.e\.LayerNorm\.gamma counts\)/,
    )
    await model.close()
    // Below two modules that can each hold the model, there are two models.
    const two: Tensors = { 'llama.e.weight': [[1], [1]], 'model.e.weight': [[1], [2]] }
    await holds(folder(join(path, 'two'), two, { model_type: 'llama' }), two)
  },
)

compatible(
  {
    what: 'one tensor with and without module. or _orig_mod.',
    outcome: 'refused',
    like: 'keep one of them',
  },
  async (context) => {
    const tensors: Tensors = { '_orig_mod.a.w': [[1], [1]], 'a.w': [[1], [2]] }
    await assert.rejects(
      openCheckpoint(folder(temporary(context), tensors)),
      /a\.w is there as _orig_mod\.a\.w too; keep one of them/,
    )
  },
)

compatible(
  {
    what: 'Qwen3-VL-MoE as it is published, with experts [experts, in, out], and as transformers 5 saves it, [experts, out, in], in one pair or merge',
    outcome: 'read',
    like: 'transformers 5.18.0',
    note: 'what is written lies as in the post, in a merge as in the first model',
  },
  async (context) => {
    const root = temporary(context)
    const name = 'model.language_model.layers.0.mlp.experts.gate_up_proj'
    const square = name.replace('gate_up', 'down')
    // Matrices [out, in] of two experts, and the same ones turned and doubled.
    const saved: Tensors = {
      [name]: [
        [2, 2, 3],
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
      ],
      [square]: [
        [1, 2, 2],
        [1, 2, 3, 4],
      ],
    }
    const published: Tensors = {
      [name]: [
        [2, 3, 2],
        [2, 8, 4, 10, 6, 12, 14, 20, 16, 22, 18, 24],
      ],
      [square]: [
        [1, 2, 2],
        [2, 6, 4, 8],
      ],
    }
    const config = { model_type: 'qwen3_vl_moe', architectures: ['Qwen3VLMoeForConditionalGeneration'] }
    folder(join(root, 'saved'), saved, config)
    folder(join(root, 'published'), published, config)
    const scaled = (tensors: Tensors, factor: number): Tensors =>
      Object.fromEntries(
        Object.entries(tensors).map(([key, [shape, values]]) => [key, [shape, values.map((value) => value * factor)]]),
      )
    for (const [base, post, written] of [
      ['saved', 'published', scaled(published, 0.75)],
      ['published', 'saved', scaled(saved, 1.5)],
    ] as const) {
      const opened = await openModels(join(root, base), join(root, post))
      await closed(opened, async () => {
        const steps = [{ editor: editorNamed('expo'), options: { alpha: -0.5 } }]
        const pair = await pairCheckpoints(...opened)
        await editCheckpoint(pair, join(root, `${post}-edited`), { steps, seed: 0, on: 'delta' })
        await holds(join(root, `${post}-edited`), written)
        // Entries from anywhere are those of the whole, and so are the bytes.
        const whole = [...(await pair.base.read(name))]
        for (const [from, to] of [
          [1, 4],
          [5, 11],
          [0, 12],
        ] as const)
          assert.deepEqual([...(await pair.base.readEntries(name, { from, to }))], whole.slice(from, to))
        const bytes = (await pair.base.readBytes(name)).slice()
        assert.deepEqual([...new Float32Array(bytes.buffer)], whole)
      })
      const file = join(root, 'merge.yaml')
      writeFileSync(
        file,
        `merge_method: linear\nmodels: [{model: ${root}/${post}, parameters: {weight: 1}}, {model: ${root}/${base}, parameters: {weight: 1}}]\n`,
      )
      const merge = await openMerge(file, readMergeFile(file))
      await writeMerge(merge, join(root, `${post}-merged`), HOW)
      await merge.close()
      await holds(join(root, `${post}-merged`), written)
    }
  },
)
