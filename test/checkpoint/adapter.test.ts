// LoRA folders as peft writes them, by hand-worked numbers: what they make of a base, round trips, and the kinds refused.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import {
  companionsOf,
  isAdapter,
  openAdapter,
  openCheckpoint,
  pairCheckpoints,
  readHeader,
  writeAdapter,
} from '../../src/checkpoint/index.js'
import { UserError } from '../../src/errors/index.js'
import { openModels, openPost } from '../../src/sources/index.js'
import { safetensors, writeModel } from './adapters.js'

const root = mkdtempSync(join(tmpdir(), 'adapter-'))
after(() => rmSync(root, { recursive: true }))

const Q = 'model.layers.0.q.weight'
const N = 'model.norm.weight'
const E = 'model.embed_tokens.weight'
/** q is [2, 3], norm [2], embed [4, 2]. */
const base = writeModel(join(root, 'base'), {
  [Q]: [
    [2, 3],
    [1, 2, 3, 4, 5, 6],
  ],
  [N]: [[2], [1, 1]],
  [E]: [
    [4, 2],
    [0, 0, 0, 0, 0, 0, 0, 0],
  ],
})

let count = 0
function adapter(config: object, tensors: Parameters<typeof safetensors>[0]): string {
  const folder = join(root, `adapter-${count++}`)
  mkdirSync(folder)
  const whole = {
    peft_type: 'LORA',
    base_model_name_or_path: 'base',
    r: 1,
    lora_alpha: 2,
    bias: 'none',
    target_modules: ['q'],
    ...config,
  }
  writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify(whole))
  writeFileSync(join(folder, 'adapter_model.safetensors'), safetensors(tensors))
  return folder
}
const A = 'base_model.model.model.layers.0.q.lora_A.weight'
const B = 'base_model.model.model.layers.0.q.lora_B.weight'
const rank1 = {
  [A]: [
    [1, 3],
    [1, 0, -1],
  ],
  [B]: [
    [2, 1],
    [1, 10],
  ],
} as const
const rank4 = {
  [A]: [
    [4, 3],
    [1, 0, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ],
  [B]: [
    [2, 4],
    [1, 0, 0, 0, 10, 0, 0, 0],
  ],
} as const

async function readAs(folder: string, name: string): Promise<number[]> {
  const [below, post] = [await openCheckpoint(base), null]
  const view = await openAdapter(folder, below)
  try {
    return [...(await view.read(name))]
  } finally {
    await Promise.all([view.close(), below.close(), post])
  }
}

test('W + (alpha / r) B A: rows are outputs', async () => {
  // 2 · [1, 10]ᵀ [1, 0, −1]
  assert.deepEqual(await readAs(adapter({}, rank1), Q), [3, 2, 1, 24, 5, -14])
  assert.deepEqual(await readAs(adapter({}, rank1), N), [1, 1])
})

test('names as trainers leave them: the name of the adapter within, wrappers of processes and compilers', async () => {
  const names: ((name: string) => string)[] = [
    (name) => name.replace('.weight', '.default.weight'),
    (name) => name.replace('.weight', '.math.weight'),
    (name) => `module.${name}`,
    (name) => `_orig_mod.${name}`,
    (name) => name.replace('.layers.', '._orig_mod.layers._fsdp_wrapped_module.'),
    (name) => name.replace('base_model.model.', ''),
    (name) => `module._orig_mod.${name.replace('.weight', '.0x.weight')}`,
  ]
  for (const rename of names) {
    const tensors = Object.fromEntries(Object.entries(rank1).map(([name, tensor]) => [rename(name), tensor]))
    assert.deepEqual(await readAs(adapter({}, tensors), Q), [3, 2, 1, 24, 5, -14], rename(A))
  }
  const saved = {
    [A.replace('.weight', '.math.weight')]: rank1[A],
    [B.replace('.weight', '.math.weight')]: rank1[B],
    'base_model.model.model.norm.original_module.weight': [[2], [0, 0]],
    'base_model.model.model.norm.modules_to_save.math.weight': [[2], [7, 8]],
  } as const
  assert.deepEqual(await readAs(adapter({ modules_to_save: ['norm'] }, saved), N), [7, 8])
})

test('more rows of words: both tables, or an error that names the one that is not there', async () => {
  const [rows, head] = [[5, 2] as const, Array.from({ length: 10 }, (_, i) => i)]
  const small = writeModel(join(root, 'words'), {
    [Q]: [[2, 3], new Array<number>(6).fill(1)],
    [E]: [[4, 2], new Array<number>(8).fill(0)],
    'lm_head.weight': [[4, 2], new Array<number>(8).fill(0)],
  })
  const below = await openCheckpoint(small)
  const embedding = { ...rank1, 'base_model.model.model.embed_tokens.weight': [rows, head] } as const
  await assert.rejects(
    openAdapter(adapter({}, embedding), below),
    /trained with 5 rows of words, and lm_head.weight, which it does not hold, has 4 in .*words: give the base .* with 5 rows/,
  )
  const both = adapter({}, { ...embedding, 'base_model.model.lm_head.weight': [rows, head.toReversed()] })
  const view = await openPost(both, below)
  assert.deepEqual([...(await view.read(E))], head)
  assert.deepEqual([...(await view.readEntries('lm_head.weight', { from: 8, to: 10 }))], [1, 0])
  assert.equal(view.config!.vocab_size, 5)
  assert.deepEqual((await pairCheckpoints(below, view)).names, [Q])
  await Promise.all([view.close(), below.close()])
})

test('the scale follows rank and alpha patterns, and rank-stabilised LoRA', async () => {
  assert.deepEqual(await readAs(adapter({ r: 4, lora_alpha: 8 }, rank4), Q), [3, 2, 1, 24, 5, -14])
  assert.deepEqual(
    await readAs(adapter({ rank_pattern: { q: 4 }, alpha_pattern: { 'layers.0.q': 8 } }, rank4), Q),
    [3, 2, 1, 24, 5, -14],
  )
  assert.deepEqual(await readAs(adapter({ r: 4, lora_alpha: 4, use_rslora: true }, rank4), Q), [3, 2, 1, 24, 5, -14])
  assert.deepEqual(
    await readAs(adapter({ alpha_pattern: { 'layers.1.q': 100, other: 50 } }, rank1), Q),
    [3, 2, 1, 24, 5, -14],
  )
})

test('a weight stored [in, out], an embedding, and a module stored whole', async () => {
  const turned = {
    [A]: [
      [1, 2],
      [1, 2],
    ],
    [B]: [
      [3, 1],
      [1, 0, 10],
    ],
  } as const
  assert.deepEqual(await readAs(adapter({ fan_in_fan_out: true }, turned), Q), [3, 2, 23, 8, 5, 46])
  const embedded = {
    'base_model.model.model.embed_tokens.lora_embedding_A': [
      [1, 4],
      [0, 1, 0, 2],
    ],
    'base_model.model.model.embed_tokens.lora_embedding_B': [
      [2, 1],
      [1, 3],
    ],
  } as const
  assert.deepEqual(await readAs(adapter({ target_modules: ['embed_tokens'] }, embedded), E), [0, 0, 2, 6, 0, 0, 4, 12])
  const norm = { ...rank1, 'base_model.model.model.norm.weight': [[2], [7, 8]] } as const
  assert.deepEqual(await readAs(adapter({ modules_to_save: ['norm'] }, norm), N), [7, 8])
})

test('modules that the configuration does not target are left out, with a note, as peft does', async () => {
  const other = {
    ...rank1,
    'base_model.model.model.layers.1.q.lora_A.weight': rank1[A],
    'base_model.model.model.layers.1.q.lora_B.weight': rank1[B],
  } as const
  const told = async (config: object) => {
    const below = await openCheckpoint(base)
    const view = await openAdapter(adapter(config, other), below)
    await Promise.all([view.close(), below.close()])
    return view.notes.filter((note) => note.includes('left out'))
  }
  // The base has no layer 1, and none is asked for.
  for (const config of [
    { layers_to_transform: [0] },
    { layers_to_transform: 0, layers_pattern: 'layers' },
    { exclude_modules: ['layers.1.q'] },
    { exclude_modules: '.*layers\\.1\\..*' },
    { target_modules: '.*\\.0\\.q' },
    { target_modules: 'all-linear', exclude_modules: ['layers.1.q'] },
    { modules_to_save: ['layers.1'] },
  ]) {
    const [note] = await told(config)
    assert.match(note!, /1 of 2 modules, the first model\.layers\.1\.q, are not among the modules/)
    assert.deepEqual(await readAs(adapter(config, other), Q), [3, 2, 1, 24, 5, -14])
  }
})

test('biases of B count where lora_bias is true; else they are left out, with a note, as peft does', async () => {
  const below = writeModel(join(root, 'biased'), {
    [Q]: [[2, 3], new Array(6).fill(0)],
    'model.layers.0.q.bias': [[2], [1, 1]],
  })
  const tensors = { ...rank1, 'base_model.model.model.layers.0.q.lora_B.bias': [[2], [5, 7]] } as const
  const read = async (config: object) => {
    const under = await openCheckpoint(below)
    const view = await openAdapter(adapter(config, tensors), under)
    const bias = [...(await view.read('model.layers.0.q.bias'))]
    await Promise.all([view.close(), under.close()])
    return { bias, notes: view.notes.filter((note) => note.includes('bias')) }
  }
  assert.deepEqual(await read({ lora_bias: true }), { bias: [11, 15], notes: [] })
  // mergekit-extract-lora 0.1.5 writes such biases and no lora_bias (findings/mergekit-extract-lora-biases.sh).
  const { bias, notes } = await read({})
  assert.deepEqual(bias, [1, 1])
  assert.match(
    notes[0]!,
    /biases of 1 modules, the first model\.layers\.0\.q, are left out, as peft does, because lora_bias/,
  )
})

test('the view pairs with its base, hashes its own files, and takes its companions from the base', async () => {
  const folder = adapter({}, rank1)
  assert.ok(isAdapter(folder) && !isAdapter(base))
  const below = await openCheckpoint(base)
  const view = await openPost(folder, below)
  const { names } = await pairCheckpoints(below, view)
  assert.deepEqual(names.sort(), [E, Q, N].sort())
  assert.deepEqual(Object.keys(await view.hashes()), ['adapter_config.json', 'adapter_model.safetensors'])
  assert.deepEqual([view.config, companionsOf(view), companionsOf(below)], [below.config, base, base])
  assert.deepEqual([...new Float32Array((await view.readBytes(Q)).buffer)], [3, 2, 1, 24, 5, -14])
  assert.deepEqual([...(await view.readEntries(Q, { from: 3, to: 6 }))], [24, 5, -14])
  await Promise.all([view.close(), below.close()])
})

test('what is written is read as the same change, with ranks of their own', async () => {
  const folder = join(root, 'written')
  await writeAdapter(folder, {
    baseModel: 'org/base',
    factors: new Map([
      [Q, { rank: 2, a: Float32Array.of(1, 0, -1, 0, 1, 0), b: Float32Array.of(1, 2, 10, 0) }],
      [E, { rank: 1, a: Float32Array.of(1, 3), b: Float32Array.of(0, 2, 0, 4) }],
    ]),
    whole: new Map([[N, { shape: [2], values: Float32Array.of(7, 8) }]]),
  })
  assert.deepEqual(await readAs(folder, Q), [2, 4, 2, 14, 5, -4])
  assert.deepEqual(await readAs(folder, E), [0, 0, 2, 6, 0, 0, 4, 12])
  assert.deepEqual(await readAs(folder, N), [7, 8])
  const config = JSON.parse(readFileSync(join(folder, 'adapter_config.json'), 'utf8')) as Record<string, unknown>
  assert.deepEqual(
    [config.peft_type, config.task_type, config.base_model_name_or_path, config.r, config.lora_alpha],
    ['LORA', null, 'org/base', 2, 2],
  )
  assert.deepEqual(config.rank_pattern, { 'model\\.embed_tokens': 1 })
  assert.deepEqual(config.target_modules, ['model.layers.0.q', 'model.embed_tokens'])
  assert.deepEqual(config.modules_to_save, ['model.norm'])
  const { entries, metadata } = await readHeader(join(folder, 'adapter_model.safetensors'))
  assert.deepEqual(entries.map(({ name }) => name).sort(), [
    'base_model.model.model.embed_tokens.lora_embedding_A',
    'base_model.model.model.embed_tokens.lora_embedding_B',
    A,
    B,
    'base_model.model.model.norm.weight',
  ])
  assert.equal(metadata.format, 'pt')
  const none = {
    baseModel: 'b',
    factors: new Map([[Q, { rank: 1, a: Float32Array.of(0, 0, 0), b: Float32Array.of(0, 0) }]]),
  }
  await assert.rejects(writeAdapter(folder, none), /exists and is not empty/)
  await assert.rejects(writeAdapter(join(root, 'none'), { ...none, factors: new Map() }), /the adapter would be empty/)
})

const bad: [name: string, config: object, tensors: Parameters<typeof safetensors>[0], message: RegExp][] = [
  ['activated LoRA', { alora_invocation_tokens: [5, 7] }, rank1, /alora_invocation_tokens \[5,7\]: an activated LoRA/],
  ['DoRA without its lengths', { use_dora: true, r: 1 }, rank1, /LORA of .*: lora_magnitude_vector is missing/],
  ['another kind', { peft_type: 'POLY' }, rank1, /POLY/],
  [
    'PiSSA',
    { init_lora_weights: 'pissa_niter_4' },
    rank1,
    /init_lora_weights "pissa_niter_4": peft takes a random part of the base away/,
  ],
  ['a rank that disagrees', { r: 3 }, rank1, /A \[1,3\] and B \[2,1\] are not of the rank 3/],
  [
    'a shape that does not fit',
    {},
    {
      [A]: [
        [1, 4],
        [1, 0, -1, 0],
      ],
      [B]: rank1[B],
    },
    /B·A of model\.layers\.0\.q \[2,4\] does not fit model\.layers\.0\.q\.weight \[2,3\]/,
  ],
  ['half a pair', {}, { [A]: rank1[A] }, /model\.layers\.0\.q has only one of A and B/],
  [
    'another base',
    { target_modules: ['q', 'y'] },
    { 'base_model.model.x.y.lora_A.weight': rank1[A], 'base_model.model.x.y.lora_B.weight': rank1[B] },
    /x\.y\.weight is not in .*: the adapter is of another base/,
  ],
  [
    'no module that is targeted',
    { target_modules: ['k'] },
    rank1,
    /model\.layers\.0\.q and all other modules are not among the modules that target_modules/,
  ],
  ['no rank, which is 8 then', { r: undefined }, rank1, /A \[1,3\] and B \[2,1\] are not of the rank 8/],
  [
    'parts that are not known',
    {},
    { ...rank1, 'base_model.model.model.layers.0.q.lora_other': [[2], [1, 1]] },
    /lora_other: this part of an adapter is not known/,
  ],
  [
    'the layout of kohya',
    {},
    { 'lora_te_model_layers_0_q.lora_down.weight': rank1[A], 'lora_te_model_layers_0_q.lora_up.weight': rank1[B] },
    /lora_te_model_layers_0_q\.lora_down\.weight: the layout of kohya and diffusers .*, which is not read, nor by peft/,
  ],
  [
    'a scale in the file, as diffusers writes it',
    {},
    { ...rank1, 'base_model.model.model.layers.0.q.alpha': [[], [2]] },
    /model\.layers\.0\.q\.alpha: the layout of kohya and diffusers/,
  ],
  [
    'parts of DoRA where the configuration does not say it',
    {},
    { ...rank1, 'base_model.model.model.layers.0.q.lora_magnitude_vector': [[2], [1, 1]] },
    /lora_magnitude_vector is a part of LORA with use_dora, and adapter_config.json says peft_type LORA/,
  ],
  [
    'factors of LoRA under another kind',
    { peft_type: 'LOHA' },
    rank1,
    /lora_A.weight is a part of LORA, and adapter_config.json says peft_type LOHA/,
  ],
  [
    'what ZeRO-3 leaves empty',
    {},
    { [A]: [[0], []], [B]: [[0], []] },
    /\[0\] is empty: the adapter was saved under ZeRO-3 or FSDP .*zero_to_fp32/,
  ],
  [
    'a part of a matrix that was not gathered',
    {},
    { ...rank1, [A]: [[2], [1, 0]] },
    /\[2\] is a part of a matrix: .* ZeRO-3/,
  ],
  [
    'several adapters in one file',
    {},
    {
      'base_model.model.model.layers.0.q.lora_A.math.weight': rank1[A],
      'base_model.model.model.layers.0.q.lora_A.code.weight': rank1[A],
    },
    /holds 2 adapters \(math, code\): save one of them by itself/,
  ],
  [
    'a pattern that is no regular expression of Python',
    { rank_pattern: { '(?i)q': 4 } },
    rank1,
    /adapter_config.json: rank_pattern has the key "\(\?i\)q", a pattern that has the flags \(\?i\), which Python takes at the very front only/,
  ],
]
for (const [name, config, tensors, message] of bad) {
  test(`refused: ${name}`, async () => {
    await assert.rejects(
      readAs(adapter(config, tensors), Q),
      (error) => error instanceof UserError && message.test(error.message),
    )
  })
}

test('a named adapter lies in a folder of its own, which the error names', async () => {
  const named = mkdtempSync(join(root, 'named-'))
  renameSync(adapter({}, rank1), join(named, 'math'))
  const message = `${named}: neither model.safetensors nor pytorch_model.bin is there; an adapter lies in ${join(named, 'math')}: give that folder`
  await assert.rejects(openPost(named, await openCheckpoint(base)), { message })
})

test('an adapter with a head of its own gives its class, its labels, and what has no partner', async () => {
  const [base, applied] = await openModels('test/fixtures/adapters/roberta', 'test/fixtures/adapters/roberta-labels')
  const { architectures, id2label, label2id } = applied.config!
  assert.deepEqual(architectures, ['RobertaForSequenceClassification'])
  assert.deepEqual(
    [id2label, label2id],
    [
      { 0: 'LABEL_0', 1: 'LABEL_1', 2: 'LABEL_2' },
      { LABEL_0: 0, LABEL_1: 1, LABEL_2: 2 },
    ],
  )
  const { names, unmatched } = await pairCheckpoints(base, applied)
  assert.ok(!names.some((name) => /classifier|lm_head/.test(name)))
  assert.ok(unmatched.includes('classifier.out_proj.weight (only in post)'))
  assert.ok(unmatched.includes('lm_head.dense.weight (only in base)'))
  assert.match(applied.notes.join(), /a head of its own \(classifier\).* leaves out lm_head of the base/)
  await Promise.all([base.close(), applied.close()])
})

// peft 0.21.0 makes this of target_modules "all-linear" on Mixtral; transformers 5.18.0 calls the router mlp.gate.
test('a router beside experts by their own names is found under the name of the file', async () => {
  const gate = 'model.layers.0.block_sparse_moe.gate.weight'
  const mixtral = { model_type: 'mixtral', tie_word_embeddings: false }
  const model = writeModel(
    join(root, 'mixtral'),
    {
      [gate]: [
        [2, 2],
        [1, 2, 3, 4],
      ],
    },
    mixtral,
  )
  const target_parameters = ['down_proj', 'gate.weight', 'gate_up_proj']
  const factors = {
    'base_model.model.model.layers.0.mlp.gate.lora_A.weight': [
      [1, 2],
      [1, 10],
    ],
    'base_model.model.model.layers.0.mlp.gate.lora_B.weight': [
      [2, 1],
      [1, 2],
    ],
  } as const
  const [opened, post] = await openModels(model, adapter({ target_modules: [], target_parameters }, factors))
  assert.deepEqual([...(await post.read(gate))], [1 + 2, 2 + 20, 3 + 4, 4 + 40])
  await Promise.all([opened.close(), post.close()])
})

// A factor of rank 1 for two experts: A has a row for each, B a column. Gate is the first half of the rows of B, up the second.
for (const [type, module, file] of [
  ['jamba', 'feed_forward', 'feed_forward'],
  ['qwen3_moe', 'mlp', 'mlp'],
  ['mixtral', 'mlp', 'block_sparse_moe'],
] as const)
  test(`factors of experts together change those of ${type}, which lie one by one`, async () => {
    const [gate, up] = type === 'mixtral' ? ['w1', 'w3'] : ['gate_proj', 'up_proj']
    const at = (expert: number, part: string) => `model.layers.1.${file}.experts.${expert}.${part}.weight`
    const zeros = { shape: [1, 2], values: [0, 0] }
    const names = [0, 1].flatMap((expert) => [at(expert, gate), at(expert, up)])
    const model = writeModel(
      join(root, `${type}-experts`),
      Object.fromEntries(names.map((name) => [name, [zeros.shape, zeros.values]] as const)),
      { model_type: type, tie_word_embeddings: false },
    )
    const prefix = `base_model.model.model.layers.1.${module}.experts`
    const factors = {
      [`${prefix}.lora_A.weight`]: [
        [2, 2],
        [1, 2, 3, 4],
      ],
      [`${prefix}.lora_B.weight`]: [
        [2, 2],
        [1, 10, 100, 1000],
      ],
    } as const
    const how = { target_modules: [], target_parameters: ['experts.gate_up_proj'], r: 1, lora_alpha: 1 }
    const [opened, post] = await openModels(model, adapter(how, factors))
    const read = await Promise.all(names.map(async (name) => [...(await post.read(name))]))
    assert.deepEqual(read, [
      [1, 2],
      [100, 200],
      [30, 40],
      [3000, 4000],
    ])
    await Promise.all([opened.close(), post.close()])
  })
