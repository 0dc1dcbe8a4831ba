// The files of the encoder family: documents and tokenizers of the bases, training items, and the tasks that ship.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { writeLines } from '../lines.js'
import { buildByteLevel, byteLevelConfig, byteLevelJson } from './byte_level.js'
import { documentsOf, ENCODER_TASKS, toldOf } from './tasks.js'
import { buildWordPieces, wordPieceConfig, wordPieceJson } from './vocabulary.js'

/** Documents that the vocabulary is counted on, whatever the corpus. */
const VOCABULARY_SAMPLE = { count: 20_000, seed: 0 }

/** Longest sequence of the models; the longest pair has 48 tokens. */
const POSITIONS = 64

const HELD_OUT = { count: 512, seed: 0 }

function* textsOf(options: { count: number; seed: number }): Generator<string> {
  for (const { text, pair } of documentsOf(options)) {
    yield text
    if (pair) yield pair
  }
}

/** documents.jsonl, <task>.train.jsonl and the tokenizers in wordpiece/ and byte-level/: what the recipes of configs/family read. */
export function writeEncoderData(
  folder: string,
  options: { seed: number; documents: number; trainItems: number },
): void {
  mkdirSync(folder, { recursive: true })
  const { seed } = options
  writeLines(join(folder, 'documents.jsonl'), documentsOf({ count: options.documents, seed }), (document) => document)
  for (const task of ENCODER_TASKS) {
    writeLines(
      join(folder, `${task.name}.train.jsonl`),
      toldOf(task, { count: options.trainItems, seed, split: 'train' }),
      (told) => told,
    )
  }
  const sample = [...textsOf(VOCABULARY_SAMPLE)]
  const pieces = buildWordPieces(sample)
  writeTokenizer(join(folder, 'wordpiece'), wordPieceJson(pieces), wordPieceConfig(POSITIONS))
  const bytes = buildByteLevel(sample)
  writeTokenizer(join(folder, 'byte-level'), byteLevelJson(bytes), byteLevelConfig(bytes, POSITIONS))
}

function writeTokenizer(folder: string, tokenizer: object, config: object): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'tokenizer.json'), `${JSON.stringify(tokenizer, null, 1)}\n`)
  writeFileSync(join(folder, 'tokenizer_config.json'), `${JSON.stringify(config, null, 1)}\n`)
}

/** For each task 512 held-out items and a card. */
export function writeEncoderTasks(folder: string): void {
  mkdirSync(folder, { recursive: true })
  for (const task of ENCODER_TASKS) {
    const { name, description, metrics } = task
    const told = toldOf(task, { ...HELD_OUT, split: 'test' })
    writeLines(join(folder, `${name}.jsonl`), told.entries(), ([index, item]) => ({
      id: `${name}-test-${index}`,
      ...item,
    }))
    const pairs = told[0]!.pair === undefined ? {} : { pair: '{{pair}}' }
    const card = {
      name,
      version: 1,
      description,
      kind: 'classify',
      metric: metrics,
      data: `${name}.jsonl`,
      prompt: '{{text}}',
      ...pairs,
      label: '{{label}}',
    }
    writeFileSync(join(folder, `${name}.yaml`), stringify(card))
  }
}
