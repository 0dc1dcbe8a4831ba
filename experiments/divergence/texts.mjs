// Writes the held-out texts of this experiment: of each skill the last items of its task, question and answer as one text, and
// documents of the kind that the bases were pre-trained on, from a seed of their own. Run it after a build.
import { readFileSync, writeFileSync } from 'node:fs'
import { corpus } from '../../dist/family/index.js'

const TEXTS = 64
const write = (name, texts) =>
  writeFileSync(
    new URL(`${name}.jsonl`, import.meta.url),
    texts.map((text) => `${JSON.stringify({ text })}\n`).join(''),
  )

write('plain', [...corpus({ documents: TEXTS, seed: 15 })])
for (const skill of ['math', 'code', 'instruct']) {
  const items = readFileSync(new URL(`../../checkpoints/tasks/${skill}.jsonl`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  write(
    skill,
    items.slice(-TEXTS).map(({ prompt, target }) => prompt + target),
  )
}
