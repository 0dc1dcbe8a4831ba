// The architectures that can be run, by the words that config.json uses.
import type { Architecture } from './architecture.js'
import { bert } from './bert.js'
import { clip } from './clip.js'
import { falcon } from './decoders/falcon.js'
import { gptNeox } from './decoders/gpt-neox.js'
import { gpt2 } from './decoders/gpt2.js'
import { llama, ministral, mistral } from './decoders/llama.js'
import { opt } from './decoders/opt.js'
import { qwen2, qwen3 } from './decoders/qwen.js'
import { vit } from './vit.js'

const encoderClasses = (start: string, ...more: string[]) => ({
  classes: [`${start}ForSequenceClassification`, `${start}ForMaskedLM`, ...more, `${start}Model`],
  bare: `${start}Model`,
  named: true,
})

export const architectures: Architecture[] = [
  llama,
  qwen2,
  qwen3,
  mistral,
  ministral,
  gpt2,
  gptNeox,
  opt,
  falcon,
  {
    name: 'bert',
    ...encoderClasses('Bert', 'BertForPreTraining', 'BertForNextSentencePrediction'),
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
