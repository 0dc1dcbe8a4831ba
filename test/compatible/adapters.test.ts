// LoRA adapters as peft writes them, on bases as transformers writes them: the weights are those of peft's merge_and_unload
// (test/fixtures/adapters/make.py).
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Checkpoint, openCheckpoint, readHeader } from '../../src/checkpoint/index.js'
import { openWeights } from '../../src/checkpoint/single.js'
import { UserError } from '../../src/errors/index.js'
import { openModel, openModels } from '../../src/sources/index.js'
import { compatible } from './row.js'

const ROOT = 'test/fixtures/adapters'
const LIKE = 'peft 0.21.0, transformers 5.18.0'

/** Every merged tensor is the applied one; a model that the merge leaves tied has no head of its own. */
async function compare(applied: Checkpoint, merged: string): Promise<void> {
  const right = await openWeights(merged)
  for (const name of right.tensors.keys()) {
    if (name.endsWith('position_ids')) continue
    const stored = applied.tensors.has(name)
      ? name
      : applied.config?.tie_word_embeddings === false
        ? name
        : name.replace('lm_head.weight', 'model.embed_tokens.weight')
    const [given, wanted] = [await applied.read(stored), await right.read(name)]
    assert.equal(given.length, wanted.length, name)
    const error = Math.max(...given.map((value, i) => Math.abs(value - wanted[i]!)))
    assert.ok(error < 1e-6, `${name}: ${error}`)
  }
  const { metadata } = await readHeader(merged)
  if (!/vit|plain|moe|gptoss|llama4/.test(merged))
    assert.equal(
      String(applied.config!.tie_word_embeddings !== false),
      metadata.tied!.toLowerCase(),
      'what config.json says of ties',
    )
  await right.close()
}

async function check(...adapters: string[]): Promise<void> {
  for (const name of adapters) {
    const [base, applied] = await openModels(join(ROOT, name.split('-')[0]!), join(ROOT, name))
    await compare(applied, join(ROOT, name, 'merged.safetensors'))
    await Promise.all([base.close(), applied.close()])
  }
}

for (const [what, adapters, note] of [
  ['rank-stabilised LoRA, patterns of ranks and alphas', ['plain-patterns']],
  ['trained biases, and biases of B', ['plain-biases', 'plain-lora_bias']],
  [
    'parameters by their own names, of a linear layer and of GPT-2’s Conv1D',
    ['plain-parameter', 'gpt2-parameter'],
    'a Conv1D parameter is changed as it is stored',
  ],
  ['square layers of Conv1D', ['gpt2-square']],
  ['trained rows of the embedding (trainable_token_indices)', ['plain-tokens', 'tied-tokens', 'tied-tokens_both']],
  [
    'an embedding whose base layer is in the adapter’s file',
    ['plain-embedding', 'tied-embedding'],
    'on a tied model the change holds for the head too, as in a merge and not before it; a line says so',
  ],
  [
    'factors of a tied head, alone and beside those of the embedding',
    ['tied-head', 'tied-both', 'bert-decoder'],
    'they add up in the one tensor; a line says so',
  ],
  [
    'ensure_weight_tying: trained factors of a tied head',
    ['tied-ensured'],
    'peft adds them twice when it merges, and so does this; a line says that the two differ',
  ],
  [
    'modules_to_save on a tied model: the embedding, the head, or both',
    [
      'tied-saved_embedding',
      'tied-saved_head',
      'tied-saved_both',
      'gpt2-saved_wte',
      'bert-saved_embedding',
      'bert-saved_predictions',
    ],
    'the result is untied and its config.json says so',
  ],
  [
    'ensure_weight_tying: embedding and head saved as one, or as two that differ (BERT)',
    ['tied-saved_ensured', 'bert-saved_apart'],
  ],
  [
    'heads that the base lacks: SEQ_CLS, TOKEN_CLS and QUESTION_ANS, of encoders and decoders',
    ['roberta-labels', 'roberta-tokens', 'bert-answers', 'plain-reward'],
    'the head is taken as it is, without a delta; that of the base is left out; config.json says class and labels',
  ],
  ['a classifier with another number of labels than its base', ['vit-labels']],
  [
    'a vocabulary that was resized before the training: modules_to_save, stored by itself, with trained rows',
    ['plain-grown', 'tied-grown', 'plain-grown_tokens'],
    'the tables are taken as the adapter has them, without a delta; vocab_size follows',
  ],
  ['modules that transformers 5 names otherwise than the file (ViT)', ['vit-query']],
  [
    'fused experts, in bases that store them one by one (Qwen 3 MoE) or fused (gpt-oss)',
    ['moe-experts', 'gptoss-experts'],
  ],
  [
    'fused experts of Llama 4',
    ['llama4-experts'],
    'stored [in, out], which peft takes for [out, in]: it shows in a square matrix only',
  ],
] as const satisfies readonly (readonly [string, readonly string[], string?])[]) {
  compatible({ what, outcome: 'read', like: LIKE, note }, () => check(...adapters))
}

compatible(
  {
    what: 'adapters of mlx-lm: lora, dora and full, of linear layers, embeddings and experts',
    outcome: 'read',
    like: 'mlx_lm.fuse of mlx-lm 0.32.2',
    note: 'alpha is passed over, as mlx-lm does; a file of before 0.19 with an alpha is refused, as its scale cannot be known',
  },
  async () => {
    await check('plain-mlx_lora', 'plain-mlx_dora', 'plain-mlx_alpha', 'plain-mlx_full', 'moe-mlx')
    const alone = await openModel(join(ROOT, 'plain-mlx_alpha'))
    assert.match(alone.notes.join(), /alpha 16 is passed over/)
    await alone.close()
  },
)

/** The adapter in a folder of its own, changed. */
async function changed(
  name: string,
  change: (folder: string) => void,
  then: (folder: string) => Promise<void>,
): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'adapters-'))
  try {
    cpSync(join(ROOT, name), join(root, 'adapter'), { recursive: true })
    change(join(root, 'adapter'))
    await then(join(root, 'adapter'))
  } finally {
    rmSync(root, { recursive: true })
  }
}

const edit = (folder: string, entries: object) => {
  const path = join(folder, 'adapter_config.json')
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...entries }))
}

compatible(
  {
    what: 'entries of adapter_config.json that peft does not know',
    outcome: 'read',
    like: LIKE,
    note: 'passed over, as in peft; a line names those that are not off',
  },
  () =>
    changed(
      'plain-patterns',
      (folder) => edit(folder, { use_magic: true, other_magic: null, enable_lora: null, peft_version: '0.30.0' }),
      async (folder) => {
        const [base, applied] = await openModels(join(ROOT, 'plain'), folder)
        await compare(applied, join(ROOT, 'plain-patterns/merged.safetensors'))
        assert.match(applied.notes.join(), /: use_magic is not known to peft 0.21 and passed over/)
        await Promise.all([base.close(), applied.close()])
      },
    ),
)

compatible(
  { what: 'an adapter with the config.json and tokenizer of its base beside it', outcome: 'read', like: LIKE },
  () =>
    changed(
      'plain-patterns',
      (folder) => cpSync(join(ROOT, 'plain/config.json'), join(folder, 'config.json')),
      async (folder) => {
        const [base, applied] = await openModels(join(ROOT, 'plain'), folder)
        await compare(applied, join(ROOT, 'plain-patterns/merged.safetensors'))
        await Promise.all([base.close(), applied.close()])
      },
    ),
)

compatible(
  {
    what: 'a folder with whole weights and an adapter',
    outcome: 'read',
    like: 'transformers 5.18.0',
    note: 'the adapter is applied to these weights, whatever base it names; a line says so',
  },
  () =>
    changed(
      'plain-patterns',
      (folder) => {
        for (const name of ['config.json', 'model.safetensors']) cpSync(join(ROOT, 'plain', name), join(folder, name))
        edit(folder, { base_model_name_or_path: 'elsewhere' })
      },
      async (folder) => {
        const applied = await openModel(folder)
        await compare(applied, join(ROOT, 'plain-patterns/merged.safetensors'))
        assert.match(applied.notes.join(), /holds whole weights and an adapter/)
        await applied.close()
      },
    ),
)

compatible(
  {
    what: 'merged weights and their adapter in one folder (adapter_model.pt of torchtune)',
    outcome: 'read',
    like: 'torchtune 0.6.1',
    note: 'the weights alone, since the adapter is in them; transformers 5.24.0 applies it twice',
  },
  () =>
    changed(
      'plain-patterns',
      (folder) => {
        for (const name of ['config.json', 'model.safetensors']) cpSync(join(ROOT, 'plain', name), join(folder, name))
        writeFileSync(join(folder, 'adapter_model.pt'), '')
      },
      async (folder) => {
        const [merged, whole] = [await openModel(folder), await openModel(join(ROOT, 'plain'))]
        const name = 'model.layers.0.self_attn.q_proj.weight'
        assert.deepEqual(await merged.read(name), await whole.read(name))
        assert.match(merged.notes.join(), /as torchtune leaves them .*read alone/)
        await Promise.all([merged.close(), whole.close()])
      },
    ),
)

compatible(
  {
    what: 'fan_in_fan_out: true on linear layers',
    outcome: 'read',
    like: LIKE,
    note: 'peft sets it right by the layer, and so does this',
  },
  () =>
    changed(
      'plain-parameter',
      (folder) => edit(folder, { fan_in_fan_out: true }),
      async (folder) => {
        const [base, applied] = await openModels(join(ROOT, 'plain'), folder)
        await compare(applied, join(ROOT, 'plain-parameter/merged.safetensors'))
        await Promise.all([base.close(), applied.close()])
      },
    ),
)

const refusals: [what: string, like: string, adapter: string, base: string, entries: object, message: RegExp][] = [
  [
    'a head with a part that neither base nor adapter holds (the pooler of BERT)',
    'give the base as it was saved with that head',
    'bert-answers',
    'bert',
    { task_type: 'SEQ_CLS' },
    /BertForSequenceClassification has a pooler, which neither .*bert nor the adapter holds: it was drawn at random/,
  ],
  [
    'question answering of Llama, Qwen and others on a base of the language model',
    'says that transformers 5 reads none of its layers',
    'plain-reward',
    'plain',
    { task_type: 'QUESTION_ANS' },
    /LlamaForQuestionAnswering of transformers 5 calls its layers transformer.layers and reads none of/,
  ],
  [
    'an adapter of another base',
    'names the tensor, and the base that the adapter names',
    'gpt2-square',
    'plain',
    {},
    /c_proj.weight is not in .*plain: the adapter is of another base \(adapter_config.json names ..\/gpt2\)/,
  ],
  [
    'rank_pattern with a pattern that Python does not take either',
    'names the file, the entry and the pattern',
    'plain-patterns',
    'plain',
    { rank_pattern: { '(?i)V_PROJ': 1 } },
    /adapter_config.json: rank_pattern has the key "\(\?i\)V_PROJ", a pattern that has the flags/,
  ],
  [
    'an adapter of mlx-lm before 0.19 with an alpha',
    'write the trained factor as scale',
    'plain-mlx_alpha',
    'plain',
    { num_layers: null, lora_layers: 1 },
    /has alpha 16 and scale 1.5: mlx-lm up to 0.14 multiplied by scale × alpha \/ rank = 12, and 0.15 to 0.18 by scale/,
  ],
]
for (const [what, like, adapter, base, entries, message] of refusals) {
  compatible({ what, outcome: 'refused', like }, () =>
    changed(
      adapter,
      (folder) => edit(folder, entries),
      async (folder) => {
        const opened = await openCheckpoint(join(ROOT, base))
        await assert.rejects(
          openModels(join(ROOT, base), folder),
          (error) => error instanceof UserError && message.test(error.message),
        )
        await opened.close()
      },
    ),
  )
}
