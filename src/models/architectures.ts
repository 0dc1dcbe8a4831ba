// The architectures that can be run, by the words that config.json uses.
import type { Architecture } from './architecture.js'
import { bert, distilbert, electra, roberta, xlmRoberta } from './bert.js'
import { clip } from './clip.js'
import { deberta } from './deberta.js'
import { falcon } from './decoders/falcon.js'
import { gemma, gemma2, gemma3 } from './decoders/gemma.js'
import { gptNeox } from './decoders/gpt-neox.js'
import { gpt2 } from './decoders/gpt2.js'
import { granite } from './decoders/granite.js'
import { llama, ministral, mistral } from './decoders/llama.js'
import { olmo2, olmo3 } from './decoders/olmo.js'
import { opt } from './decoders/opt.js'
import { phi3 } from './decoders/phi3.js'
import { qwen2, qwen3 } from './decoders/qwen.js'
import { smollm3 } from './decoders/smollm3.js'
import { modernbert } from './modernbert.js'
import { mt5, t5, umt5 } from './t5.js'
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
  gemma,
  gemma2,
  gemma3,
  phi3,
  olmo2,
  olmo3,
  smollm3,
  granite,
  {
    name: 'bert',
    ...encoderClasses('Bert', 'BertForPreTraining', 'BertForNextSentencePrediction'),
    make: bert,
    cite: 'Devlin et al. 2019 (arXiv 1810.04805)',
  },
  {
    name: 'roberta',
    ...encoderClasses('Roberta'),
    make: roberta,
    cite: 'Liu et al. 2019 (arXiv 1907.11692)',
  },
  {
    name: 'xlm-roberta',
    ...encoderClasses('XLMRoberta'),
    make: xlmRoberta,
    cite: 'Conneau et al. 2020 (arXiv 1911.02116)',
  },
  t5,
  mt5,
  umt5,
  {
    name: 'distilbert',
    ...encoderClasses('DistilBert'),
    make: distilbert,
    cite: 'Sanh et al. 2019 (arXiv 1910.01108)',
  },
  {
    name: 'electra',
    ...encoderClasses('Electra', 'ElectraForPreTraining'),
    make: electra,
    cite: 'Clark et al. 2020 (arXiv 2003.10555)',
  },
  {
    name: 'deberta-v2',
    ...encoderClasses('DebertaV2'),
    make: deberta,
    cite: 'He et al. 2021 (arXiv 2006.03654; arXiv 2111.09543)',
  },
  {
    name: 'modernbert',
    ...encoderClasses('ModernBert'),
    make: modernbert,
    cite: 'Warner et al. 2024 (arXiv 2412.13663)',
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
