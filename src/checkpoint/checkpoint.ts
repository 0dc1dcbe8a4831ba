// An open checkpoint: its config, its tensor names and shapes, and its weights, read one tensor at a time. Adapters, merges and decoded
// models are views of this interface.
import { countEntries, type Interval } from '../kernels/index.js'
import type { TensorEntry } from './header.js'

/** Shows a folder of peft. */
export const ADAPTER_CONFIG = 'adapter_config.json'
export const SINGLE = 'model.safetensors'
export const INDEX = 'model.safetensors.index.json'
/** Weights of torch.save, one file or the index of several: read where there is no safetensors file. */
export const TORCH_SINGLE = 'pytorch_model.bin'
export const TORCH_INDEX = 'pytorch_model.bin.index.json'
/** Each of them shows a folder with whole weights. */
export const WEIGHT_FILES = [SINGLE, INDEX, TORCH_SINGLE, TORCH_INDEX] as const

/** Bytes of a tensor in a file. */
export interface StoredPlace {
  /** Path of the file. */
  file: string
  /** Position of the first byte in the file. */
  begin: number
  /** As safetensors names it. */
  dtype: string
}

/** An open model folder: its config and headers, and its weights when they are asked for. */
export interface Checkpoint {
  /** Path of the folder. */
  folder: string
  /** config.json without its quantisation entries; null when the folder has none. */
  config: Record<string, unknown> | null
  /** Its text, in which numbers are spelled as its writer did. */
  configText: string | null
  /** Stored copies of tied weights → the tensor they copy. */
  tied: ReadonlyMap<string, string>
  /** Sentences for the user on how the files were understood, where that is not plain. */
  notes: readonly string[]
  /** Tensors by name, as the headers describe them. */
  tensors: ReadonlyMap<string, TensorEntry>
  /** The weights as float32, row-major. Throws a UserError for a non-floating tensor, and for NaN or Inf. */
  read(name: string): Promise<Float32Array>
  /**
   * The same for entries from … to − 1 (all when null), and no more of it in memory. Stored ones are asked for in one request: the
   * bytes arrive while the caller computes.
   */
  readEntries(name: string, entries: Interval | null): Promise<Float32Array>
  /** The stored bytes, as they are. */
  readBytes(name: string): Promise<Uint8Array>
  /**
   * Where the bytes of a tensor lie, if its weights are what is stored there; null for weights that are computed.
   * @param made whether the file may be one that is made when it is read (`madeFile`)
   */
  place(name: string, made?: boolean): StoredPlace | null
  /**
   * SHA-256 of config.json and of every weight file, by file name.
   * @param hash finds it for the path of a file; by default by reading the file
   */
  hashes(hash?: (path: string) => Promise<string>): Promise<Record<string, string>>
  /** Closes the files. */
  close(): Promise<void>
  /** Tensors that this model or its base alone has, or with another shape, by the way it was made: they are no mismatch, and have no delta. */
  apart?: ReadonlySet<string> | undefined
  /** Folder of what the model needs besides its weights, where that is another one. */
  home?: string | undefined
  /** Paths of the files that it is made of, where folder and home are not those. */
  sources?: readonly string[] | undefined
  /** Paths of the base that these files stand on, where it was opened with them. */
  under?: readonly string[] | undefined
  /** Folder of config.json and the tokenizer, where that is another one. */
  companions?: string | undefined
  /** Why there is no config, where the weights' own file describes one that is not known. */
  configFault?: string | undefined
  /** Why there is no tokenizer, where the weights' own file describes one that is not read. */
  tokenizerFault?: string | undefined
  /** For a quantised folder: how many weights are decoded, and from what. */
  decoded?: string | undefined
}

/** How a folder is opened. */
export interface OpenFolderOptions {
  /** Codes without scales are no weights: they are kept as they are, and are an error otherwise. */
  keepsCodes?: boolean | undefined
}

/** The weights of rows from … to − 1 of the first axis (all when null). */
export function weightRows(checkpoint: Checkpoint, name: string, rows: Interval | null): Promise<Float32Array> {
  const { shape = [] } = checkpoint.tensors.get(name) ?? {}
  const stride = countEntries(shape.slice(1))
  return checkpoint.readEntries(name, rows && { from: rows.from * stride, to: rows.to * stride })
}

/** The class of transformers that config.json names first; '' where it names none. */
export function classNameOf(config: Checkpoint['config']): string {
  const [first] = [config?.architectures].flat()
  return typeof first === 'string' ? first : ''
}

/** A tensor of an open checkpoint. */
export interface TensorAt {
  checkpoint: Checkpoint
  name: string
}
