// What people type from other tools (mergekit, peft, transformers, lm-evaluation-harness, git), and what is true of it here.

/** Words of one habit, with spaces between, and the answer. A word stands for all its spellings: `max-rank`, `max_rank`, `maxRank`. */
type Habit = readonly [words: string, answer: string]

const COMMANDS: readonly Habit[] = [
  ['diff stats analyze analyse', 'deltalab inspect <base> <post> shows what a delta looks like'],
  ['mergekit mergekit-yaml merge-models', 'deltalab merge reads the YAML files of mergekit'],
  ['moe mergekit-moe', "mergekit's moe builds a mixture of experts; deltalab merges weights only"],
  [
    'evolve mergekit-evolve',
    'there is no evolutionary search; deltalab sweep tries lists of options, and deltalab soup chooses models',
  ],
  [
    'tokensurgeon mergekit-tokensurgeon',
    'tokenizers are joined by deltalab merge alone, as tokenizer_source in the merge file says',
  ],
  ['mergekit-legacy', 'deltalab merge reads a file: write merge_method, base_model, models and parameters into it'],
  ['mergekit-pytorch', 'deltalab merge reads folders with pytorch_model.bin; name those in the merge file'],
  [
    'bakllama',
    'layer_slices of bakllama are slices here: merge_method: passthrough, slices: [{sources: [{model: …, layer_range: [start, end]}]}]',
  ],
  [
    'multi mergekit-multi',
    'a merge file is one merge: call deltalab merge once for each, and name the folder that one makes as a model of the next',
  ],
  ['layershuffle mergekit-layershuffle', 'layers are stacked by slices in a merge file: deltalab merge'],
  ['lora extract-lora mergekit-extract-lora', 'deltalab extract <base> <post> writes the delta as a LoRA adapter'],
  [
    'merge-lora merge-adapter merge-and-unload',
    'an adapter stands in the place of <post>: deltalab edit <base> <adapter> --editor expo --alpha 0 --out <folder> writes the whole model',
  ],
  ['svd', 'truncated SVDs are made by deltalab extract (an adapter) and by deltalab edit --editor lowrank (weights)'],
  [
    'prune pruning sparsify',
    'deltalab edit <base> <post> --editor magnitude --drop 0.5 --out <folder> prunes the delta',
  ],
  ['drop dropout', 'deltalab edit <base> <post> --editor dare --drop 0.9 --out <folder> drops entries at random'],
  [
    'quantize quantise quantization',
    'deltalab edit quantises the delta with --editor quantise, --editor bitdelta or --editor delta_come',
  ],
  ['run start experiment launch', 'deltalab sweep <config> runs an experiment'],
  ['evaluate evaluation lm-eval harness score benchmark test', 'deltalab eval <model> --task <task> measures a model'],
  ['perplexity ppl', 'deltalab eval <model> --text <file> measures perplexity'],
  [
    'kl kl-divergence divergence distance',
    'deltalab eval <edited> --post <post> --text <file> measures how far an edit is from its model',
  ],
  ['finetune sft tune', 'deltalab train <config> fine-tunes a model'],
  [
    'generate chat serve infer predict',
    'deltalab does not generate text; the folders that it writes load in transformers, and deltalab eval scores answers',
  ],
  [
    'upload push push-to-hub share publish',
    "deltalab uploads nothing; a folder that it writes is a repository for Hugging Face's hf upload",
  ],
  [
    'download pull login',
    'a model is named as org/name and downloaded when it is first used; the token of `hf auth login`, or HF_TOKEN, opens those that are gated',
  ],
  ['list ls', 'deltalab editors, deltalab mergers, deltalab tasks and deltalab models are lists'],
  ['show results summary', 'deltalab table <results> prints the table of a results folder'],
  ['visualize visualise graph chart figure draw', 'deltalab plot <results> draws the figures of a results folder'],
  ['check validate lint dry-run', 'deltalab plan checks an experiment; deltalab merge and edit have --dry-run'],
  ['resume continue retry', 'give the same command again: it goes on where it stopped'],
  ['new create scaffold project', 'deltalab init <folder> starts a project'],
  ['version', 'deltalab --version'],
  ['info env environment', 'deltalab doctor shows backend, versions, threads and memory'],
  [
    'convert export save',
    'deltalab edit, extract and merge write safetensors; --dtype, or dtype in a merge file, is their format',
  ],
  [
    'patch',
    'deltalab edit applies an edit; deltalab apply a delta file; deltalab rebuild a delta of seeds and scalars',
  ],
  ['decompress unpack', 'deltalab apply <base> <delta> writes the model that a delta file stores'],
  ['fisher gram', 'deltalab information <model> --kind fisher (or gram) --task <task> --out <folder>'],
]

const OPTIONS: readonly Habit[] = [
  [
    'cuda gpu device gpu-rich read-to-gpu multi-gpu device-map',
    '--backend chooses what computes losses (webgpu, or tensorflow after deltalab native install); edits and merges use the cores alone',
  ],
  [
    'cuda gpu device gpu-rich read-to-gpu multi-gpu device-map',
    '--jobs is the number of cores; no other device is used',
  ],
  ['async-write', 'tensors are always written while others are computed'],
  ['write-threads', '--jobs is the number of threads'],
  ['lazy-unpickle', 'weights are always read in parts, and no code in a file is run'],
  ['low-cpu-memory low-cpu-mem-usage max-memory', '--memory bounds the memory, for example --memory 2GB'],
  ['allow-crimes', 'there is nothing to allow: models are merged if the names and shapes of their tensors agree'],
  ['copy-tokenizer', 'the tokenizer is always copied'],
  ['out-shard-size max-shard-size', '--shard-size is the largest weight file, in GB'],
  [
    'trust-remote-code',
    'no code of a model is ever run; deltalab models lists the architectures that have losses and scores',
  ],
  ['clone-tensors', 'a layer may stand several times in slices without it'],
  ['transformers-cache cache-dir hf-home', 'set HF_HOME or HF_HUB_CACHE: the cache is that of the hub'],
  ['lora-merge-cache', 'adapters are added to their base while weights are read, and nothing is kept'],
  ['lora-merge-dtype', 'adapters are added to their base in float32'],
  ['write-model-card', 'a model card is always written'],
  ['safe-serialization', 'weights are always written as safetensors'],
  ['random-seed manual-seed', '--seed is the seed of random draws'],
  ['seed random-seed manual-seed', 'the seed stands in the YAML file, or in the card of the task'],
  ['num-threads threads num-workers n-jobs num-proc', '--jobs is the number of threads'],
  ['num-threads threads num-workers n-jobs num-proc jobs', '--workers is the number of threads'],
  ['max-rank r lora-r lora-rank', '--rank is the number of singular values that are kept'],
  ['lora-alpha', 'the factors are scaled so that alpha is the rank'],
  [
    'target-modules include-regex modules layers',
    '--include takes names of tensors with *, role:<role>, or linear (the matrices of layers)',
  ],
  ['exclude-regex exclude-modules', '--exclude takes names of tensors with *, role:<role>, or linear'],
  ['modules-to-save save-module embed-lora', '--vectors stores what is not a matrix; --include chooses the matrices'],
  [
    'output output-dir output-path out-path out-dir output-folder output-model save-path save-dir dest destination',
    '--out (-o) is where the output goes',
  ],
  ['out output output-dir output-path out-path out-dir save-path save-dir', 'the result is printed; > file keeps it'],
  [
    'model models model-name model-path model-id model-name-or-path pretrained-model-name-or-path model-args pretrained checkpoint ckpt base-model finetuned-model ft-model',
    'models are arguments: deltalab eval <model>, deltalab edit <base> <post>; those of a merge stand in its file',
  ],
  ['adapter adapter-path peft-model lora', 'an adapter is given in the place of <post>'],
  ['yaml config-file config-path recipe', 'the file is an argument without a name'],
  ['density', '--drop is what a density leaves: --drop 0.9 keeps 0.1'],
  ['density', 'a density is a parameter of a model in the merge file'],
  [
    'sparsity drop-prob drop-out prune-ratio weight-mask-rate mask-rate p',
    '--drop is the fraction of entries that is dropped',
  ],
  ['method merge-method merger', '--editor names the edit'],
  ['method merge-method merger', 'the method stands in the merge file: merge_method (of mergekit) or merger'],
  ['task-name dataset dataset-name', '--task names a task or its file'],
  [
    'weight weights lambda t normalize tokenizer-source chat-template scaling-coefficient parameters',
    'this stands in the merge file, as in mergekit',
  ],
  ['num-fewshot fewshot n-shot num-shots shots', '--task gsm8k:5 puts five examples before each prompt'],
  [
    'batch-size per-device-eval-batch-size max-batch-size',
    'deltalab chooses the batches; a recipe of deltalab train has the key batch',
  ],
  ['limit max-examples max-samples num-samples num-examples samples', '--items is the number of items'],
  ['log-samples write-out show-config', '--json prints all that is measured; answers are not kept'],
  ['apply-chat-template', '--chat puts prompts through the chat template'],
  ['system-instruction system-prompt', '--system is the system message; give --chat with it'],
  ['fewshot-as-multiturn', 'examples and question form one user message'],
  [
    'gen-kwargs temperature top-p top-k do-sample max-new-tokens max-gen-toks num-beams',
    'answers are greedy; the card of the task and generation_config.json say the rest',
  ],
  ['include-path', '--task mine.yaml is a task by its path'],
  ['confirm-run-unsafe-code', '--allow-code-execution lets tasks run the programs of a model'],
  ['verbosity log-level v', '--verbose prints each step, --quiet no progress'],
  ['v', '--version prints the version'],
  ['metric metrics', 'the card of a task names its metrics'],
  [
    'fp16 bf16 fp32 half torch-dtype precision out-dtype',
    '--dtype is the format that is written; all is computed in float32',
  ],
  [
    'fp16 bf16 fp32 half torch-dtype dtype precision out-dtype',
    'dtype in the merge file or the recipe is the format that is written; all is computed in float32',
  ],
  ['load-in-4bit load-in-8bit bnb-4bit', 'quantised folders are read as they are; opening a model quantises nothing'],
  [
    'learning-rate lr epochs num-train-epochs max-steps per-device-train-batch-size gradient-accumulation-steps weight-decay warmup-steps',
    'this stands in the recipe of deltalab train',
  ],
  ['overwrite-output-dir force f', '--overwrite replaces what deltalab wrote'],
  ['resume resume-from-checkpoint continue', 'give the same command again: it goes on where it stopped'],
  ['token hf-token use-auth-token auth-token', 'set HF_TOKEN, or log in with `hf auth login`'],
  ['revision', 'write it behind the name: org/name@revision'],
  ['local-files-only offline', 'set HF_HUB_OFFLINE=1'],
]

const EDITORS: readonly Habit[] = [
  ['svd truncated-svd lora rank pca', 'the editor lowrank keeps the leading singular triplets'],
  ['prune pruning trim topk sparsify magnitude-prune', 'the editor magnitude drops the entries of least magnitude'],
  [
    'drop dropout random random-drop drop-only',
    'the editor dare drops entries at random; rescale: false (--no-rescale) drops only',
  ],
  ['int8 int4 nf4 rtn round', 'the editor quantise rounds to even levels; bits is their number'],
  ['gptq', 'the editor delta_come has the option quantiser: gptq'],
  ['sign one-bit 1bit binarize', 'the editor bitdelta keeps signs'],
  ['scale extrapolate lambda', 'the editor expo multiplies the delta by 1 + alpha'],
  ['identity none copy', 'the editor expo with alpha 0 leaves the delta as it is'],
  ['della della-linear', 'the drop of DELLA is the editor magprune'],
  ['dare-ties dare-linear', 'the drop is the editor dare; the merge is a method of deltalab merge'],
]

const MOE: Habit = ['moe', "mergekit's moe builds a mixture of experts; deltalab merges weights only"]

const MERGERS: readonly Habit[] = [
  MOE,
  [
    'linear mean avg weighted-average soup model-soup uniform-soup',
    'the merger average is the mean, plain or weighted',
  ],
  [
    'dare-ties dare-linear della della-linear breadcrumbs-ties',
    'this is a method of mergekit: merge_method in a merge file; in a sweep, the merger ties or task_arithmetic with an edit (dare, magprune, breadcrumbs)',
  ],
  ['adamerging pcb-merging tall-masks zipit git-rebasin', 'this method is not implemented'],
  [
    'cat svd ties-svd dare-ties-svd dare-linear-svd magnitude-prune-svd',
    "peft's combinations of adapters are not made on the factors: merge the models, then deltalab extract --rank",
  ],
]

const METHODS: readonly Habit[] = [MOE]

const CODECS: readonly Habit[] = [
  ['bitdelta 1bit', "the codec sign keeps signs and a scale; --bitdelta writes BitDelta's own file"],
  ['quantise quantize int8 int4', 'the codec bits stores what the editor quantise makes'],
  ['svd lora', 'the codec low_rank stores leading singular triplets'],
  ['delta-come', 'the codec bands stores what the editor delta_come makes'],
  ['xor bitx zstd zip', 'the codec lossless stores differences of bits behind an entropy coder'],
]

const KEYS: readonly Habit[] = [
  ['density', 'a density is what is kept: drop_rate is 1 − density'],
  ['sparsity drop-prob dropout mask-rate', 'drop_rate is the fraction of entries that is dropped'],
  ['limit num-samples max-samples', 'items is the number of items'],
  ['method', 'editor names an editor, merger a merger; merge_method is a key of merge files'],
  ['num-fewshot fewshot', 'the number stands behind the task: gsm8k:5'],
  [
    'stages stage steps pipeline edits',
    'edits that follow each other are a chain in an entry of editors: {chain: [{editor: …}, {editor: …}]}; other ones are further entries',
  ],
  ['output output-dir out results-dir', 'the output is given on the command line, as --out'],
]

/** Tables by the beginning of what `unknown` calls a word. */
export const HABITS: readonly (readonly [kind: string, habits: readonly Habit[]])[] = [
  ['command', COMMANDS],
  ['option of ', KEYS],
  ['parameter of ', KEYS],
  ['option', OPTIONS],
  ['key', KEYS],
  ['editor', EDITORS],
  ['merger', MERGERS],
  ['merge_method', METHODS],
  ['codec', CODECS],
]

/** The letters alone: `--drop-rate`, `drop_rate` and `dropRate` are the same. */
export const plain = (word: string): string => word.toLowerCase().replace(/[-_ ]/g, '')

/**
 * What is true here of a word of another tool; undefined for words that the tables do not have.
 * @param kind as in `unknown`
 * @param known an answer that begins with an option is given only where that option is known
 */
export function answerTo(kind: string, word: string, known: readonly string[]): string | undefined {
  const habits = HABITS.find(([start]) => kind.startsWith(start))?.[1] ?? []
  const holds = (answer: string) => {
    const option = /^--([a-z-]+)/.exec(answer)?.[1]
    return option === undefined || known.includes(option)
  }
  const isWord = (words: string) => words.split(' ').some((each) => plain(each) === plain(word))
  return habits.find(([words, answer]) => isWord(words) && holds(answer))?.[1]
}
