// Writes the family's generated data: what the trainer reads, and the task files that ship with the package.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { Item } from '../src/tasks/task.js'
import { corpus } from './corpus.js'
import { writeLines } from './lines.js'
import { SKILLS } from './skills/index.js'
import { itemsOf } from './skills/skill.js'
import { buildVocabulary, tokenizerConfig, tokenizerJson } from './vocabulary.js'

/** Documents that the vocabulary is counted on, from seed 0 whatever the corpus: all models of the family share one tokenizer. */
const VOCABULARY_SAMPLE = { documents: 60_000, seed: 0 }

/** Longest sequence that the family's models are trained on. */
const POSITIONS = 64

const HELD_OUT = { count: 512, seed: 0, split: 'test' } as const

/** corpus.jsonl ({text} per line), <skill>.train.jsonl ({id, prompt, target, …} per line) and the two tokenizer files. */
export function writeFamilyData(
  folder: string,
  options: { seed: number; documents: number; trainItems: number },
): void {
  mkdirSync(folder, { recursive: true })
  writeLines(join(folder, 'corpus.jsonl'), corpus(options), (text) => ({ text }))
  for (const skill of Object.values(SKILLS)) {
    const items = itemsOf(skill, { count: options.trainItems, seed: options.seed, split: 'train' })
    writeLines(join(folder, `${skill.name}.train.jsonl`), items, flat)
  }
  writeTokenizer(folder)
}

/** tokenizer.json and tokenizer_config.json of the family, always the same. */
export function writeTokenizer(folder: string): void {
  mkdirSync(folder, { recursive: true })
  const vocabulary = buildVocabulary(corpus(VOCABULARY_SAMPLE))
  writeFileSync(join(folder, 'tokenizer.json'), `${JSON.stringify(tokenizerJson(vocabulary), null, 1)}\n`)
  writeFileSync(join(folder, 'tokenizer_config.json'), `${JSON.stringify(tokenizerConfig(POSITIONS), null, 1)}\n`)
}

/** The first training items of `code`, which configs/zeroth-order.yaml tunes on. */
const SHIPPED_TRAINING = { count: 2048, seed: 1, split: 'train' } as const

/** <skill>.jsonl with 512 held-out items and <skill>.yaml, its card; and code.train.jsonl with training items. */
export function writeTaskFiles(folder: string): void {
  mkdirSync(folder, { recursive: true })
  for (const skill of Object.values(SKILLS)) {
    const { name, version, description, metric, maxNewTokens } = skill
    const items = itemsOf(skill, HELD_OUT)
    writeLines(join(folder, `${name}.jsonl`), items, flat)
    const card = { name, version, description, metric, max_new_tokens: maxNewTokens, data: `${name}.jsonl` }
    writeFileSync(join(folder, `${name}.yaml`), stringify(card))
  }
  writeLines(join(folder, 'code.train.jsonl'), itemsOf(SKILLS.code, SHIPPED_TRAINING), flat)
}

const flat = ({ fields, ...item }: Item) => ({ ...item, ...fields })
