// A user's own folder: the fixture's base and post-trained model with a small tokenizer, and a task file of six items.
import { cpSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../src/files/index.js'

const VOCABULARY = 160

/** Every number is a token; ids 0, 1, 2 are special. */
const tokenizer = {
  version: '1.0',
  truncation: null,
  padding: null,
  normalizer: null,
  post_processor: null,
  decoder: null,
  added_tokens: [
    { id: 2, content: '</s>', single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
  ],
  pre_tokenizer: { type: 'WhitespaceSplit' },
  model: {
    type: 'WordLevel',
    unk_token: '<unk>',
    vocab: Object.fromEntries(
      Array.from({ length: VOCABULARY }, (_, i) => [['<unk>', '<s>', '</s>'][i] ?? `w${i}`, i]),
    ),
  },
}

export const items = [
  'w5 w6 w7|w8 w9',
  'w10 w11|w12',
  'w20 w21 w22 w23 w24|w25 w26 w27',
  'w30|w31 w32',
  'w40 w41|w42 w43',
  'w50 w51 w52|w53',
].map((line) => ({ prompt: line.split('|')[0], target: line.split('|')[1] }))

/** Writes the folder of a fixture of models and returns its path: base/, post/, items.jsonl. */
export function makePair(fixture = 'llama3'): string {
  const folder = mkdtempSync(join(tmpdir(), 'pair-'))
  for (const side of ['base', 'post']) {
    cpSync(join(packageRoot, 'test', 'fixtures', 'models', fixture, side), join(folder, side), { recursive: true })
    writeFileSync(join(folder, side, 'tokenizer.json'), JSON.stringify(tokenizer))
    writeFileSync(
      join(folder, side, 'tokenizer_config.json'),
      JSON.stringify({ eos_token: '</s>', model_max_length: 128, tokenizer_class: 'PreTrainedTokenizerFast' }),
    )
  }
  writeFileSync(join(folder, 'items.jsonl'), items.map((item) => `${JSON.stringify(item)}\n`).join(''))
  return folder
}
