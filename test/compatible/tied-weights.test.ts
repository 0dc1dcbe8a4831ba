// Models with tied weights in the forms that files have, and whose logits are those of transformers (test/fixtures/tied/make.py).
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { agreeOnTies, openCheckpoint, pairCheckpoints } from '../../src/checkpoint/index.js'
import { editCheckpoint } from '../../src/edit/index.js'
import { editorNamed } from '../../src/editors/index.js'
import { openModels } from '../../src/sources/index.js'
import { folder } from '../checkpoint/files.js'
import { expected, far, logitsOf, ROOT } from './logits.js'
import { compatible } from './row.js'

/** The folder, and what an edit that keeps the whole delta writes of it, give these logits. */
async function check(folder: string, right: readonly number[], plain: string): Promise<void> {
  assert.ok(far(await logitsOf(folder), right) < 2e-6, `${folder}: ${far(await logitsOf(folder), right)}`)
  const root = mkdtempSync(join(tmpdir(), 'tied-'))
  const [base, post] = await openModels(plain, folder)
  try {
    const steps = [{ editor: editorNamed('expo'), options: { alpha: 0 } }]
    await editCheckpoint(await pairCheckpoints(base, post), join(root, 'out'), { steps, seed: 0, on: 'delta' })
    assert.ok(far(await logitsOf(join(root, 'out')), right) < 2e-6, `${folder}, written`)
  } finally {
    await Promise.all([base.close(), post.close()])
    rmSync(root, { recursive: true })
  }
}

const forms = (form: string) => readdirSync(ROOT).filter((name) => name.endsWith(`-${form}`))
const KINDS = 'Llama, GPT-2, BERT, RoBERTa, ModernBERT'
const BOTH = 'transformers 5.18.0 and 4.57.6'

for (const [form, what, versions, note] of [
  ['plain', 'tied embedding, stored once', ['5.18.0', '4.57.6']],
  ['equal', 'tied embedding, stored twice', ['5.18.0', '4.57.6'], 'counted once; a written file holds both again'],
  [
    'differs',
    'config.json says tied, the file holds another head',
    ['5.18.0'],
    'two tensors; what is written says tie_word_embeddings: false; version 4 of transformers ties them',
  ],
  [
    'silent',
    'another head, and config.json leaves tie_word_embeddings out',
    ['5.18.0'],
    "the default of the model's class: tied for GPT-2 and encoders, not for Llama",
  ],
  [
    'saved',
    'tied weights saved by safetensors.torch.save_model',
    ['5.18.0'],
    'the head may be the only copy; what is written has the name of the embedding',
  ],
  [
    'head',
    'tied embedding stored under the name of the head alone',
    ['5.18.0'],
    'what is written has the name of the embedding',
  ],
  ['untied', 'untied head', ['5.18.0', '4.57.6']],
] as const) {
  const like = versions.length === 2 && form !== 'untied' ? BOTH : 'transformers 5.18.0'
  compatible({ what: `${what} (${KINDS})`, outcome: 'read', like, note }, async () => {
    assert.equal(forms(form).length, KINDS.split(',').length)
    for (const name of forms(form)) {
      const right = expected[name]!['5.18.0']!
      if (like === BOTH) assert.ok(far(right, expected[name]!['4.57.6']!) < 2e-6, `${name}: the versions differ`)
      await check(join(ROOT, name), right, join(ROOT, name.replace(/-.*/, '-plain')))
    }
  })
}

compatible(
  {
    what: 'tensors of whole models that are called like an output, or a tied copy, of others (GTE, HunYuan-VL, SAM 3, SeamlessM4T)',
    outcome: 'read',
    like: 'transformers 5.24.0',
    note: 'they keep their names',
  },
  async () => {
    const root = mkdtempSync(join(tmpdir(), 'tied-'))
    for (const [model_type, names] of [
      ['gte', ['gte.embeddings.word_embeddings.weight', 'lm_head.decoder.bias']],
      ['hunyuan_vl_vision', ['layers.0.norm.weight', 'patch_merger.proj_out.weight']],
      ['sam3_video', ['text_model.embeddings.token_embedding.weight', 'mask_decoder.mlp.proj_out.weight']],
      ['seamless_m4t', ['decoder.embed_tokens.weight', 'decoder.layers.0.fc1.weight', 'encoder.layers.0.fc1.weight']],
    ] as const) {
      const tensors = Object.fromEntries(
        names.map(
          (name, i) =>
            [
              name,
              [
                [2, 1],
                [i, 1],
              ],
            ] as [string, [number[], number[]]],
        ),
      )
      const model = await openCheckpoint(folder(join(root, model_type), tensors, { model_type, architectures: ['A'] }))
      assert.deepEqual([[...model.tensors.keys()].sort(), model.notes], [[...names].sort(), []], model_type)
      await model.close()
    }
    rmSync(root, { recursive: true })
  },
)

compatible(
  {
    what: 'tied and untied models in one merge or pair',
    outcome: 'read',
    like: 'mergekit 0.1.5',
    note: "the head of a tied model is its embedding; the result is untied and says so, where mergekit keeps the base's word",
  },
  async () => {
    for (const name of ['llama', 'gpt2', 'bert', 'roberta']) {
      const opened = [await openCheckpoint(`${ROOT}/${name}-plain`), await openCheckpoint(`${ROOT}/${name}-untied`)]
      const [tied, untied] = await agreeOnTies(opened)
      const heads = [...tied!.tensors.keys()].filter((tensor) => !opened[0]!.tensors.has(tensor))
      assert.deepEqual([...tied!.tensors.keys()].sort(), [...untied!.tensors.keys()].sort())
      assert.equal(tied!.config!.tie_word_embeddings, false)
      const embedding = [...tied!.tensors.keys()].find((tensor) =>
        /(embed_tokens|wte|word_embeddings)\.weight$/.test(tensor),
      )!
      assert.deepEqual(
        await tied!.read(heads.find((tensor) => tensor.endsWith('.weight'))!),
        await tied!.read(embedding),
      )
      await Promise.all(opened.map((each) => each.close()))
    }
  },
)

compatible(
  {
    what: 'a tied tensor that older files store and others leave out, whatever its name (the patches of UDOP, the head of CTRL)',
    outcome: 'read',
    like: 'transformers 5.18.0',
    note: 'known by its values; one line says so; equal layers, and values that are all equal, are no copies',
  },
  async () => {
    const root = mkdtempSync(join(tmpdir(), 'tied-'))
    const proj: [number[], number[]] = [
      [2, 1],
      [1, 2],
    ]
    const [plain, copy] = [{ 'patch_embed.proj.weight': proj }, { 'encoder.embed_patches.proj.weight': proj }]
    const config = { model_type: 'udop', architectures: ['UdopForConditionalGeneration'] }
    const make = (name: string, tensors: Parameters<typeof folder>[1]) => folder(join(root, name), tensors, config)
    make('once', {
      'patch_embed.proj.weight': [
        [2, 1],
        [3, 6],
      ],
    })
    make('twice', { ...plain, ...copy })
    for (const [base, post, unit] of [
      ['once', 'twice', copy],
      ['twice', 'once', {}],
    ] as const) {
      const opened = await openModels(join(root, base), join(root, post))
      const pair = await pairCheckpoints(...opened)
      assert.deepEqual([pair.names, pair.unmatched], [Object.keys(plain), []])
      const notes = opened.flatMap(({ notes }) => notes)
      assert.deepEqual(notes.length, 1)
      assert.match(
        notes[0]!,
        /twice: encoder\.embed_patches\.proj\.weight holds the values of patch_embed\.proj\.weight, and other/,
      )
      const steps = [{ editor: editorNamed('expo'), options: { alpha: -0.5 } }]
      await editCheckpoint(pair, join(root, `${base}-out`), { steps, seed: 0, on: 'delta' })
      const written = await openCheckpoint(join(root, `${base}-out`))
      assert.deepEqual([...written.tensors.keys()].sort(), Object.keys({ ...plain, ...unit }).sort())
      for (const name of written.tensors.keys()) assert.deepEqual([...(await written.read(name))], [2, 4])
      await Promise.all([...opened, written].map((each) => each.close()))
    }
    make('deeper', { ...plain, 'layers.0.up.weight': [[2], [1, 2]], 'layers.1.up.weight': [[2], [1, 2]] })
    make('flat', {
      ...plain,
      'layers.0.up.weight': [[2], [1, 2]],
      'a.weight': [[2], [0, 0]],
      'b.weight': [[2], [0, 0]],
    })
    make('base', { ...plain, 'layers.0.up.weight': [[2], [1, 2]], 'a.weight': [[2], [0, 0]] })
    await assert.rejects(pairOf('base', 'flat'), /1 only in post: b\.weight/)
    await assert.rejects(pairOf('base', 'deeper'), /1 only in post: layers\.1\.up\.weight; 1 only in base: a\.weight/)
    rmSync(root, { recursive: true })

    async function pairOf(one: string, two: string) {
      const opened = await openModels(join(root, one), join(root, two))
      try {
        await pairCheckpoints(...opened)
      } finally {
        await Promise.all(opened.map((each) => each.close()))
      }
    }
  },
)

compatible(
  {
    what: "T5 models of which one scales the decoder's output before its head and the other does not, in one merge or pair",
    outcome: 'refused',
    like: 'take models that agree on scale_decoder_outputs (or tie_word_embeddings: false where that is missing)',
  },
  async () => {
    const root = mkdtempSync(join(tmpdir(), 'tied-'))
    const tensors: Parameters<typeof folder>[1] = {
      'shared.weight': [
        [2, 2],
        [1, 2, 3, 4],
      ],
      'decoder.final_layer_norm.weight': [[2], [1, 1]],
    }
    const opened = await Promise.all(
      [true, false].map((tie) =>
        openCheckpoint(folder(join(root, String(tie)), tensors, { model_type: 't5', tie_word_embeddings: tie })),
      ),
    )
    await assert.rejects(
      agreeOnTies(opened),
      /the decoder's output is scaled by d_model\^-0\.5 in .*true and not in .*false .*; take models that agree/,
    )
    await assert.rejects(openModels(join(root, 'false'), join(root, 'true')), /take models that agree/)
    await Promise.all(opened.map((each) => each.close()))
    rmSync(root, { recursive: true })
  },
)

compatible(
  {
    what: 'an output that is tied to nothing, though its config.json says tied or nothing (Wav2Vec2ForCTC, CpmAnt)',
    outcome: 'read',
    like: 'transformers 5.18.0',
    note: 'it keeps its name',
  },
  async () => {
    const root = mkdtempSync(join(tmpdir(), 'tied-'))
    for (const [type, architecture, layer] of [
      ['wav2vec2', 'Wav2Vec2ForCTC', 'wav2vec2.encoder.layers.0.attention.k_proj.weight'],
      ['cpmant', 'CpmAntForCausalLM', 'cpmant.encoder.layers.0.ffn.layernorm_before_ffn.weight'],
    ] as const) {
      const one: [number[], number[]] = [[1], [1]]
      const config = { model_type: type, architectures: [architecture] }
      const opened = await openCheckpoint(
        folder(join(root, type), { 'lm_head.weight': one, [layer]: one, 'lm_head.bias': one }, config),
      )
      assert.deepEqual([...opened.tensors.keys()].sort(), ['lm_head.bias', 'lm_head.weight', layer].sort())
      await opened.close()
    }
    const openai = { model_type: 'openai-gpt', architectures: ['OpenAIGPTLMHeadModel'] }
    const names = ['lm_head.weight', 'transformer.h.0.ln_1.weight', 'transformer.positions_embed.weight']
    const lone = Object.fromEntries(names.map((name) => [name, [[1], [1]] as [number[], number[]]]))
    const gpt = await openCheckpoint(folder(join(root, 'gpt'), lone, openai))
    assert.ok(gpt.tensors.has('transformer.tokens_embed.weight'))
    await gpt.close()
    const config = { model_type: 'canary', architectures: ['CanaryForConditionalGeneration'] }
    const tensors: Parameters<typeof folder>[1] = {
      'model.encoder.subsampling.linear.weight': [[1], [1]],
      'model.encoder.layers.0.self_attn.q_proj.weight': [[1], [2]],
      'model.decoder.embed_tokens.weight': [[1], [3]],
      'model.decoder.layers.0.self_attn.q_proj.weight': [[1], [4]],
    }
    const canary = await openCheckpoint(folder(join(root, 'canary'), tensors, config))
    assert.deepEqual([...canary.tensors.keys()].sort(), Object.keys(tensors).sort())
    await canary.close()
    rmSync(root, { recursive: true })
  },
)
