// One model in two spellings, computed buffers, and an index that disagrees with its files.
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Checkpoint, openCheckpoint, openModels, pairCheckpoints } from '../../src/checkpoint/index.js'
import { editCheckpoint } from '../../src/edit/index.js'
import { editorNamed } from '../../src/editors/index.js'
import { openMerge, readMergeFile, writeMerge } from '../../src/merge/index.js'
import { imageFile, loadImageReader } from '../../src/tasks/index.js'
import { folder } from '../checkpoint/files.js'
import { compatible } from './row.js'

const TRANSFORMERS = 'transformers 5.18.0'
const HOW = { backend: 'wasm', overwrite: false, shardSize: 5, resume: { discard: false, note: () => undefined } }
type Tensors = Parameters<typeof folder>[1]

function temporary(context: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
  context.after(() => rmSync(root, { recursive: true, force: true }))
  return root
}

/** Tensors of one model, the i-th of i + 2 entries that begin at 10·i + `from`. */
const tensorsOf = (names: readonly string[], from: number): Tensors =>
  Object.fromEntries(
    names.map((name, i) => [name, [[i + 2], Array.from({ length: i + 2 }, (_, j) => 10 * i + j + from)]]),
  )

const closed = async <R>(models: readonly Checkpoint[], work: () => Promise<R>): Promise<R> => {
  try {
    return await work()
  } finally {
    await Promise.all(models.map((each) => each.close()))
  }
}

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

async function holds(path: string, tensors: Tensors): Promise<void> {
  const model = await openCheckpoint(path)
  await closed([model], async () => {
    assert.deepEqual([...model.tensors.keys()].sort(), Object.keys(tensors).sort())
    for (const [name, [, values]] of Object.entries(tensors)) assert.deepEqual([...(await model.read(name))], values)
  })
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
    what: 'experts one by one (files) and in one tensor (memory of transformers 5): Mixtral, Qwen MoE and others',
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
    for (const [kind, tensors] of Object.entries({ single, fused })) {
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
    ] as const) {
      const opened = await openModels(join(root, base), join(root, post))
      await closed(opened, async () => {
        const pair = await pairCheckpoints(...opened)
        const own = post === 'fused-post' ? fused : single
        assert.deepEqual([...pair.names].sort(), Object.keys(own).sort())
        for (const name of pair.names) assert.deepEqual([...(await pair.base.read(name))], own[name]![1], name)
        const steps = [{ editor: editorNamed('expo'), options: { alpha: 1 } }]
        const out = join(root, `${base}-out`)
        await editCheckpoint(pair, out, { steps, seed: 0, on: 'delta' })
        const doubled = Object.entries(own).map(([name, [shape, values]]) => [name, [shape, values.map((v) => v + 2)]])
        await holds(out, Object.fromEntries(doubled) as Tensors)
      })
    }
  },
)

compatible(
  {
    what: 'module., _orig_mod. and the like in names',
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
    ].entries()) {
      const path = folder(join(root, `left${i}`), tensorsOf(left, 0), { model_type: 'llama' })
      await holds(path, tensorsOf(names, 0))
      const model = await openCheckpoint(path)
      assert.match(model.notes.join(), /training left module\. or _orig_mod\. in the names of 2 tensors/)
      await model.close()
    }
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
    what: 'computed buffers of older files: inv_freq, position_ids, attn.bias, masked_bias',
    outcome: 'read',
    like: TRANSFORMERS,
    note: 'no delta; an edit keeps those of the post, a merge leaves them out as mergekit does',
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
          /do not fit together: b\.weight is not in post; c\.weight is \[1\] in post, \[2\] in base; d\.weight is only in post .*--ignore-unmatched takes these tensors from base alone/,
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

/** Two shards of one tensor each, `a` = 1 and `b` = 2, with another index; `more` is a third file with `a` = 7. */
function sharded(path: string, places: Record<string, string>, more?: string): string {
  mkdirSync(path)
  const file = (name: string, tensors: Tensors) => {
    folder(join(path, 'made'), tensors, null)
    renameSync(join(path, 'made', 'model.safetensors'), join(path, name))
  }
  file('one.safetensors', { a: [[1], [1]] })
  file('two.safetensors', { b: [[1], [2]] })
  if (more) file(more, { a: [[1], [7]] })
  rmSync(join(path, 'made'), { recursive: true })
  writeFileSync(join(path, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: places }))
  return path
}

compatible(
  {
    what: 'an index that disagrees with its files: names too many or too few, in another file, in several',
    outcome: 'read',
    like: TRANSFORMERS,
    note: 'the files that it names count, of several the last by name; one line says so',
  },
  async (context) => {
    const root = temporary(context)
    const [one, two] = ['one.safetensors', 'two.safetensors']
    for (const [name, places, more, a, words] of [
      ['agree', { a: one, b: two }, undefined, 1, null],
      ['ghost', { a: one, b: two, c: two }, undefined, 1, /1 in the index and in no file: c$/],
      ['moved', { a: two, b: one }, undefined, 1, /2 in another file than the index says: a, b$/],
      [
        'extra',
        { a: one, c: two },
        undefined,
        1,
        /1 in a file and not in the index: b; 1 in the index and in no file: c$/,
      ],
      [
        'later',
        { a: 'z.safetensors', b: two, c: one },
        'z.safetensors',
        7,
        /1 in several files: a \(z\.safetensors counts\)/,
      ],
      [
        'before',
        { a: 'm.safetensors', b: two, c: one },
        'm.safetensors',
        1,
        /1 in several files: a \(one\.safetensors counts\)/,
      ],
      ['unnamed', { a: one, b: two }, 'z.safetensors', 1, null],
    ] as const) {
      const model = await openCheckpoint(sharded(join(root, name), places, more))
      await closed([model], async () => {
        assert.deepEqual([[...(await model.read('a'))], [...(await model.read('b'))]], [[a], [2]], name)
        assert.equal(model.notes.length, words ? 1 : 0, name)
        if (words) assert.match(model.notes[0]!, words)
      })
    }
    const path = sharded(join(root, 'whole'), { a: one, b: two })
    copyFileSync(join(path, one), join(path, 'model.safetensors'))
    const model = await openCheckpoint(path)
    await closed([model], async () => {
      assert.deepEqual([...model.tensors.keys()], ['a'])
      assert.match(model.notes.join(), /model\.safetensors is read, and not model\.safetensors\.index\.json/)
    })
  },
)

compatible(
  { what: 'an index that names a file which is not there', outcome: 'refused', like: 'names the file' },
  async (context) => {
    const path = sharded(join(temporary(context), 'm'), { a: 'one.safetensors', b: 'three.safetensors' })
    assert.ok(JSON.parse(readFileSync(join(path, 'model.safetensors.index.json'), 'utf8')))
    await assert.rejects(openCheckpoint(path), /shard "three\.safetensors" is missing/)
  },
)
