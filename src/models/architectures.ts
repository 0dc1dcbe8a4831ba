// The architectures that can be run, by the words that config.json uses.
import { bert } from './bert.js'
import { clip } from './clip.js'
import type { Config } from './config.js'
import { decoder } from './decoder.js'
import { gpt2 } from './gpt2.js'
import type { Model } from './model.js'
import { vit } from './vit.js'

export interface Architecture {
  /** The `model_type` of config.json. */
  name: string
  /** Classes of transformers (`architectures` of config.json) that are understood; the first is meant when none is named. */
  classes: string[]
  /** The one of them that has no head. */
  bare?: string
  /** The config must name its class, for there is no usual one. */
  named?: boolean
  cite: string
  make(config: Config): Model
}

/** A decoder's classes, from the start of their names. */
const decoderClasses = (start: string, causal = `${start}ForCausalLM`) => ({
  classes: [causal, `${start}ForSequenceClassification`, `${start}Model`],
  bare: `${start}Model`,
})

const encoderClasses = (start: string, ...more: string[]) => ({
  classes: [`${start}ForSequenceClassification`, `${start}ForMaskedLM`, ...more, `${start}Model`],
  bare: `${start}Model`,
  named: true,
})

export const architectures: Architecture[] = [
  {
    name: 'llama',
    ...decoderClasses('Llama'),
    make: decoder('llama'),
    cite: 'Touvron et al. 2023 (arXiv 2302.13971); Dubey et al. 2024 (arXiv 2407.21783)',
  },
  { name: 'qwen2', ...decoderClasses('Qwen2'), make: decoder('qwen2'), cite: 'Yang et al. 2024 (arXiv 2407.10671)' },
  { name: 'qwen3', ...decoderClasses('Qwen3'), make: decoder('qwen3'), cite: 'Yang et al. 2025 (arXiv 2505.09388)' },
  {
    name: 'mistral',
    ...decoderClasses('Mistral'),
    make: decoder('mistral'),
    cite: 'Jiang et al. 2023 (arXiv 2310.06825)',
  },
  { name: 'ministral', ...decoderClasses('Ministral'), make: decoder('mistral'), cite: 'Mistral AI 2024' },
  { name: 'gpt2', ...decoderClasses('GPT2', 'GPT2LMHeadModel'), make: gpt2, cite: 'Radford et al. 2019' },
  {
    name: 'bert',
    ...encoderClasses('Bert', 'BertForPreTraining'),
    make: bert('bert'),
    cite: 'Devlin et al. 2019 (arXiv 1810.04805)',
  },
  {
    name: 'roberta',
    ...encoderClasses('Roberta'),
    make: bert('roberta'),
    cite: 'Liu et al. 2019 (arXiv 1907.11692)',
  },
  {
    name: 'xlm-roberta',
    ...encoderClasses('XLMRoberta'),
    make: bert('roberta', 'xlm-roberta'),
    cite: 'Conneau et al. 2020 (arXiv 1911.02116)',
  },
  {
    name: 'vit',
    classes: ['ViTForImageClassification', 'ViTModel'],
    bare: 'ViTModel',
    make: vit,
    cite: 'Dosovitskiy et al. 2021 (arXiv 2010.11929)',
  },
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
