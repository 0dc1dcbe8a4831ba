// Which tensors `linear` takes, held against what the modules of transformers are (test/fixtures/roles/make.py).
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { isLinear, leftByLinear, roleOf } from '../../src/checkpoint/index.js'
import { compatible } from './row.js'

type Kind = 'matrix' | 'embedding' | 'router' | 'head' | 'kernel' | 'bias' | `parameter of ${string}`
const models = JSON.parse(readFileSync('test/fixtures/roles/names.json', 'utf8')) as Record<
  string,
  Record<string, [Kind, ...number[]]>
>

const GROUPS: Record<string, { pattern: RegExp; note?: string }> = {
  'decoders without experts (Llama, Qwen 2 and 3, Gemma 2 and 3, Phi 3, OPT, GPT-2, GPT-NeoX, BLOOM, Falcon, …)': {
    pattern:
      /^(Llama|Mistral|Qwen[23]|Gemma[23]|Phi3|OPT|GPT2LM|GPTNeoX|GPTJ|Bloom|Falcon|Mpt|Cohere|GPTBigCode|StableLm|Starcoder2|Olmo2)(ForCausalLM|HeadModel)/,
  },
  'experts as tensors of their own (Mixtral, Qwen 2 and 3 MoE, OLMoE, Phi MoE, DeepSeek V3, Switch)': {
    pattern: /^((Mixtral|Qwen[23]Moe|Olmoe|Phimoe|Qwen3Next|DeepseekV3).*\(4\)|SwitchTransformers)/,
    note: 'routers and gates of shared experts are no linear layers',
  },
  'experts fused into one tensor (gpt-oss, Llama 4, Granite-MoE, JetMoE, and transformers 5 in memory)': {
    pattern: /^(GptOss|Llama4|GraniteMoe|JetMoe|(Mixtral|Qwen[23]Moe|Olmoe|Phimoe|Qwen3Next|DeepseekV3)ForCausalLM$)/,
    note: 'a batch of matrices is its matrices, each by itself',
  },
  'encoder-decoders (T5, mT5, BART, Marian, Pegasus, Whisper)': {
    pattern: /^(T5|MT5|Bart|Marian|Pegasus|Whisper)/,
    note: 'relative position biases are embeddings; convolution kernels are no matrices',
  },
  'encoders (BERT, RoBERTa, DistilBERT, ALBERT, DeBERTa, ELECTRA, MPNet, Longformer, ModernBERT, ESM)': {
    pattern: /^(Bert|Roberta|DistilBert|Albert|Deberta|Electra|MPNet|Longformer|ModernBert|Esm)/,
    note: 'poolers, classifiers and LM heads are heads',
  },
  'vision, and text with vision (ViT, BEiT, DINOv2, Swin, CLIP, SigLIP, LLaVA)': {
    pattern: /^(ViT|Beit|Dinov2|Swin|CLIP|Siglip|Llava)/,
    note: "CLIP's projections and SigLIP's pooling head are heads",
  },
  'speech (wav2vec 2.0, WavLM, HuBERT)': { pattern: /^(Wav2Vec2|WavLM|Hubert)/ },
  'recurrent and state-space models (Mamba, Mamba 2, RWKV), XLNet, XLM': {
    pattern: /^(Mamba|Rwkv|XLNet|XLM)/,
    note: 'states and mixing weights are no matrices, nor are the attention weights of XLNet, which have three axes',
  },
}

for (const [what, { pattern, note }] of Object.entries(GROUPS)) {
  compatible(
    {
      what: `\`linear\` in ${what}`,
      outcome: 'read',
      like: 'the classes of the modules in transformers 5.18.0 and 4.57',
      note,
    },
    () => {
      const chosen = Object.entries(models).filter(([model]) => pattern.test(model))
      assert.ok(chosen.length > 0)
      for (const [model, tensors] of chosen) {
        for (const [name, [kind, ...shape]] of Object.entries(tensors)) {
          assert.equal(isLinear(name, shape), kind === 'matrix', `${model}: ${name} is a ${kind}`)
          if (['embedding', 'router', 'head', 'bias'].includes(kind))
            assert.equal(roleOf(name, shape), kind, `${model}: ${name}`)
        }
      }
    },
  )
}

compatible(
  { what: 'what `linear` leaves out', outcome: 'read', like: 'the file', note: 'said with a count for each role' },
  () => {
    const list = Object.entries(models.GptOssForCausalLM!).map(([name, [, ...shape]]) => ({ name, shape }))
    assert.equal(
      leftByLinear(list, { include: ['linear'] }),
      'linear leaves out 5 tensors of two or more dimensions: 1 embedding, 1 router, 1 head, 2 bias',
    )
    assert.equal(leftByLinear(list, { include: ['*'] }), null)
    for (const model of Object.keys(models))
      assert.ok(
        Object.values(GROUPS).some(({ pattern }) => pattern.test(model)),
        `${model} is in a row`,
      )
  },
)
