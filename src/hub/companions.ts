// What belongs to a model besides its weights: configuration, tokenizer, code, parts of a pipeline, licence. A rule by paths
// alone, for repositories of the hub and folders of this machine: everything that is not of one of the kinds below.

/** Weights in any format, and the indices of weights in several files. */
const WEIGHTS =
  /\.(safetensors|bin|pt|pth|h5|hdf5|keras|msgpack|onnx|onnx_data|gguf|ggml|tflite|ot|npz|pkl|pickle|pdparams|mlmodel|nemo|mar|engine|delta)$|\.index\.json$|\.ckpt(\.|$)|(^|\/)openvino_/i

/** What trainers leave beside a model; `loss.csv` is ours. */
const TRAINING =
  /^(trainer_state\.json|training_args\..*|(all|train|eval|test|predict)_results\.json|zero_to_fp32\.py|latest|loss\.csv)$|(^|\/)events\.out\.tfevents/
const FOLDERS = /^(checkpoint-\d+|global_step\d+|runs|wandb|logs?|original|__pycache__)\/|(^|\/)__pycache__\//

/** The model card and mergekit's recipe, which are written anew; adapters; and how weights are stored, which the weights that are written say themselves. */
const REPLACED = /^(README\.md|mergekit_config\.yml|adapter_config\.json|(quantize|quant|hf_quant)_config\.json)$/

/** A step of a pipeline of sentence-transformers, such as 1_Pooling; some have small weights of their own, which no edit changes. */
const STEP = /^\d+_\w+\//

/**
 * The paths, with / between their parts, of the files that belong to a model. A folder in it that holds weights is another
 * model, or the same one in another format, and stays out.
 */
export function chooseCompanions(paths: readonly string[]): string[] {
  const folderOf = (path: string) => path.slice(0, path.indexOf('/') + 1)
  const others = new Set(
    paths
      .filter((path) => WEIGHTS.test(path) && !STEP.test(path))
      .map(folderOf)
      .filter(Boolean),
  )
  return paths.filter((path) => {
    const isHidden = path.split('/').some((part) => part.startsWith('.'))
    if (isHidden || TRAINING.test(path) || FOLDERS.test(path) || REPLACED.test(path) || others.has(folderOf(path)))
      return false
    return STEP.test(path) || !WEIGHTS.test(path)
  })
}

const TOKENIZER =
  /^((tokenizer|vocab|merges|special_tokens_map|added_tokens|chat_template|spiece|sentencepiece)[\w.-]*\.(json|txt|model|jinja)|tekken\.json|tokenization_\w+\.py|[\w.-]+\.(model|tiktoken|spm|vocab|bpe|codes)|additional_chat_templates\/.*)$/
const SETTINGS = /^((generation_config|(\w+_)?preprocessor_config|processor_config)\.json|LICENSE.*)$/

/** Whether a file is a part of the tokenizer. */
export const isTokenizerFile = (path: string): boolean => TOKENIZER.test(path)

/** Whether a file says how a model is used: what comes along with a tokenizer, where that is taken from another model. */
export const isSettingsFile = (path: string): boolean => SETTINGS.test(path)
