// What a model folder says of generation: where an answer ends, and what is not generated however likely it is. As transformers
// reads it (4.57 and 5.18 agree): generation_config.json by itself, and only without that file the same words in config.json.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { checkValue, readObject, showValue } from '../schema/index.js'

const id = z.int().min(0)
const ids = z.array(id).nullish()
const count = z.int().min(0).nullish()

/** The words that change a greedy answer. Those of sampling and beams (temperature, top_p, length_penalty …) do not. */
const Words = z.object({
  eos_token_id: z
    .union([id, z.array(id)], {
      error: (issue) => `must be a token id or a list of them; got ${showValue(issue.input)}`,
    })
    .nullish(),
  max_new_tokens: z.int().min(1).nullish(),
  decoder_start_token_id: id.nullish(),
  min_length: count,
  min_new_tokens: count,
  repetition_penalty: z.number().gt(0).nullish(),
  no_repeat_ngram_size: count,
  suppress_tokens: ids,
  begin_suppress_tokens: ids,
  bad_words_ids: z.array(z.array(id).min(1)).nullish(),
})
export type GenerationConfig = z.infer<typeof Words> & {
  /** The file that says it. */
  file: string
  /** Words of the file that would change answers, and that generation here does not know. */
  unknown: string[]
}

/** Words that change greedy answers in transformers, or that it refuses, with the values that change nothing. */
const FOREIGN: Readonly<Record<string, readonly unknown[]>> = {
  num_beams: [1],
  guidance_scale: [1],
  sequence_bias: [],
  exponential_decay_length_penalty: [],
  forced_bos_token_id: [],
  forced_eos_token_id: [],
  penalty_alpha: [0],
  dola_layers: [],
  watermarking_config: [],
  stop_strings: [],
  constraints: [],
  force_words_ids: [],
  token_healing: [false],
  num_return_sequences: [1],
  max_time: [],
  encoder_repetition_penalty: [1],
  encoder_no_repeat_ngram_size: [0],
  is_assistant: [false],
  use_mtp: [false],
  // All but `quantized`, which rounds keys and values.
  cache_implementation: [
    'dynamic',
    'static',
    'offloaded',
    'offloaded_static',
    'hybrid',
    'hybrid_chunked',
    'offloaded_hybrid',
    'offloaded_hybrid_chunked',
    'sliding_window',
  ],
}

/** Nothing, for a folder with neither file. @throws UserError: not a JSON object, or a value of another type or range */
export function readGenerationConfig(folder: string): GenerationConfig {
  const file = ['generation_config.json', 'config.json']
    .map((name) => join(folder, name))
    .find((path) => existsSync(path))
  if (file === undefined) return { file: join(folder, 'generation_config.json'), unknown: [] }
  const value = readObject(file)
  const changes = (key: string) =>
    value[key] !== undefined && value[key] !== null && !FOREIGN[key]!.includes(value[key])
  return { ...checkValue(Words, value, file), file, unknown: Object.keys(FOREIGN).filter(changes) }
}

/** Ids after which an answer ends. */
export const endsOf = ({ eos_token_id: ends }: GenerationConfig): number[] =>
  typeof ends === 'number' ? [ends] : (ends ?? [])

/** The words that make answers others than the likeliest tokens up to the task's limit, with their values. */
export function describeGeneration({
  file,
  unknown,
  eos_token_id,
  decoder_start_token_id,
  ...words
}: GenerationConfig): Record<string, unknown> {
  const idle: Record<string, unknown> = {
    repetition_penalty: 1,
    no_repeat_ngram_size: 0,
    min_length: 0,
    min_new_tokens: 0,
  }
  return Object.fromEntries(
    Object.entries(words).filter(
      ([key, value]) =>
        value !== undefined && value !== null && value !== idle[key] && !(Array.isArray(value) && value.length === 0),
    ),
  )
}
