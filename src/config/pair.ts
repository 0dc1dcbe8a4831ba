// A base and a post-trained checkpoint as an experiment names them, and the tasks they are measured on.
import { modelName } from '../hub/index.js'

export interface ModelPair {
  /** Pairs may share a name (the skills of one model) where their tasks differ. */
  readonly name: string
  /** Folders as the YAML gives them: this is how records name them. */
  readonly base: string
  readonly post: string
  /** The same folders, absolute; `org/name` of the hub as it is, until its files are downloaded. */
  readonly baseFolder: string
  readonly postFolder: string
  /** Folder of the tokenizer where that of `post` is not meant: absolute, or `org/name` of the hub. */
  readonly tokenizerFolder?: string | undefined
  /** Patterns of the tensors that belong to the task: taken from post, never edited. */
  readonly head?: readonly string[] | undefined
  /** Tensors without a partner are treated as those of `head`; otherwise they are an error. */
  readonly ignoreUnmatched?: boolean | undefined
  /** Codes without scales, which are no weights, are no error. */
  readonly keepsCodes?: boolean | undefined
  /** Prompts go through the chat template of `post`; with an instruction in the system message. */
  readonly chat?: true | { readonly system?: string | undefined } | undefined
  readonly tasks: readonly TaskSource[]
}

export interface TaskSource {
  /** As the YAML gives it: the name of a shipped task, or a path. */
  readonly given: string
  /** What `loadTask` takes: the name, or the absolute path. */
  readonly source: string
}

/** What a fine-tune is called in a merge: the last part of its folder, or of its name on the hub. */
export const postName = (pair: ModelPair): string => modelName(pair.postFolder)
