// The architectures that can be run, by the words that config.json uses.
import type { Architecture } from './architecture.js'
import { clip } from './clip.js'
import { falcon } from './decoders/falcon.js'
import { gemma, gemma2, gemma3, gemma3Text } from './decoders/gemma.js'
import { gptNeox } from './decoders/gpt-neox.js'
import { gpt2 } from './decoders/gpt2.js'
import { granite } from './decoders/granite.js'
import { llama, ministral, mistral } from './decoders/llama.js'
import { exaone, internlm3, iquestcoder } from './decoders/llama-kind.js'
import { mixtral, qwen2Moe, qwen3Moe } from './decoders/moe.js'
import { olmo2, olmo3 } from './decoders/olmo.js'
import { opt } from './decoders/opt.js'
import { phi3 } from './decoders/phi3.js'
import { qwen2, qwen3 } from './decoders/qwen.js'
import { smollm3 } from './decoders/smollm3.js'
import { bert } from './encoders/bert.js'
import { deberta } from './encoders/deberta.js'
import { distilbert } from './encoders/distilbert.js'
import { electra } from './encoders/electra.js'
import { modernbert } from './encoders/modernbert.js'
import { roberta, xlmRoberta } from './encoders/roberta.js'
import { siglip, siglipText, siglipVision } from './siglip.js'
import { mt5, t5, umt5 } from './t5.js'
import { vit } from './vit.js'

export const architectures: Architecture[] = [
  llama,
  qwen2,
  qwen3,
  mistral,
  ministral,
  mixtral,
  qwen2Moe,
  qwen3Moe,
  gpt2,
  gptNeox,
  opt,
  falcon,
  gemma,
  gemma2,
  gemma3Text,
  gemma3,
  phi3,
  olmo2,
  olmo3,
  smollm3,
  granite,
  exaone,
  internlm3,
  iquestcoder,
  bert,
  roberta,
  xlmRoberta,
  distilbert,
  electra,
  deberta,
  modernbert,
  t5,
  mt5,
  umt5,
  siglip,
  siglipVision,
  siglipText,
  vit,
  {
    name: 'clip',
    classes: [
      'CLIPModel',
      'CLIPForImageClassification',
      'CLIPVisionModelWithProjection',
      'CLIPTextModelWithProjection',
    ],
    make: clip,
    cite: 'Radford et al. 2021 (arXiv 2103.00020)',
  },
  {
    name: 'clip_vision_model',
    classes: ['CLIPVisionModel', 'CLIPVisionModelWithProjection'],
    make: clip,
    cite: 'the image tower of clip alone',
  },
  {
    name: 'clip_text_model',
    classes: ['CLIPTextModel', 'CLIPTextModelWithProjection'],
    make: clip,
    cite: 'the text tower of clip alone',
  },
]
