// ViT and CLIP as they are published, with tiny sizes.
import { type Config, counting, type Layout, shapesOf, tokenizerFiles } from './layout.js'
import { EMPTY, labels, pooler, tinyEncoder, trainer } from './parts.js'

const vitConfig: Config = {
  architectures: ['ViTModel'],
  attention_probs_dropout_prob: 0.0,
  hidden_act: 'gelu',
  hidden_dropout_prob: 0.0,
  ...tinyEncoder,
  image_size: 16,
  initializer_range: 0.02,
  layer_norm_eps: 1e-12,
  model_type: 'vit',
  num_channels: 3,
  patch_size: 4,
  qkv_bias: true,
  transformers_version: '4.13.0.dev0',
}
const beans = {
  ...vitConfig,
  architectures: ['ViTForImageClassification'],
  ...labels('angular_leaf_spot', 'bean_rust', 'healthy'),
  torch_dtype: 'float32',
  transformers_version: '4.9.1',
}
const preprocessor = (more: object) => ({
  do_normalize: true,
  do_resize: true,
  image_mean: [0.5, 0.5, 0.5],
  image_std: [0.5, 0.5, 0.5],
  resample: 2,
  size: 16,
  ...more,
})
const vit: Layout = {
  task: 'images',
  base: {
    repo: 'google/vit-base-patch16-224-in21k',
    config: vitConfig,
    shapes: { ...shapesOf(vitConfig), ...pooler('vit.') },
    storage: [{ kind: 'safetensors' }, { kind: 'bin' }],
    spell: (name) => name.replace('vit.', ''),
    files: {
      'preprocessor_config.json': preprocessor({ feature_extractor_type: 'ViTFeatureExtractor' }),
      'flax_model.msgpack': EMPTY,
      'tf_model.h5': EMPTY,
    },
  },
  post: {
    repo: 'nateraw/vit-base-beans',
    config: beans,
    shapes: shapesOf(beans),
    storage: [{ kind: 'safetensors' }, { kind: 'bin' }],
    files: {
      'preprocessor_config.json': preprocessor({
        feature_extractor_type: 'ViTFeatureExtractor',
        size: { height: 16, width: 16 },
      }),
      ...trainer,
    },
  },
}

const vision = {
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  image_size: 16,
  patch_size: 4,
  hidden_act: 'quick_gelu',
  layer_norm_eps: 1e-5,
  model_type: 'clip_vision_model',
  projection_dim: 16,
}
const text = {
  hidden_size: 24,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  hidden_act: 'quick_gelu',
  layer_norm_eps: 1e-5,
  model_type: 'clip_text_model',
  vocab_size: 865,
  max_position_embeddings: 77,
  eos_token_id: 2,
  projection_dim: 16,
}
const clipConfig: Config = {
  architectures: ['CLIPModel'],
  initializer_factor: '1.0f',
  logit_scale_init_value: 2.6592,
  model_type: 'clip',
  projection_dim: 16,
  text_config: text,
  text_config_dict: null,
  transformers_version: null,
  vision_config: vision,
  vision_config_dict: null,
}
const clipPreprocessor = {
  crop_size: 16,
  do_center_crop: true,
  do_normalize: true,
  do_resize: true,
  feature_extractor_type: 'CLIPFeatureExtractor',
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
  resample: 3,
  size: 16,
}
const clipShapes = {
  ...shapesOf(clipConfig),
  ...shapesOf({ ...clipConfig, architectures: ['CLIPTextModelWithProjection'] }),
}
const tower = {
  ...vision,
  architectures: ['CLIPVisionModel'],
  dropout: 0.0,
  initializer_factor: '1.0f',
  torch_dtype: 'float32',
  transformers_version: '4.38.2',
}
const clip: Layout = {
  task: 'images',
  base: {
    repo: 'openai/clip-vit-base-patch32',
    config: clipConfig,
    shapes: clipShapes,
    storage: [{ kind: 'safetensors' }, { kind: 'bin' }],
    more: [counting('text_model.embeddings.position_ids', 77), counting('vision_model.embeddings.position_ids', 17)],
    files: {
      ...tokenizerFiles('roberta-bpe'),
      'vocab.json': '{}',
      'merges.txt': '',
      'special_tokens_map.json': '{}',
      'preprocessor_config.json': clipPreprocessor,
      'flax_model.msgpack': EMPTY,
      'tf_model.h5': EMPTY,
    },
  },
  post: {
    repo: 'tanganke/clip-vit-base-patch32_sun397',
    config: tower,
    shapes: shapesOf(tower),
    storage: [{ kind: 'safetensors' }],
    files: {},
  },
}

export const images: readonly Layout[] = [vit, clip]
