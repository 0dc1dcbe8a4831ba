// Self-correction data (Han et al. 2024, arXiv 2401.07301): answers that a model draws by itself, each with a judgement; what is
// wrong is corrected by the right answer, what is right is confirmed.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { companionsOf, homeOf } from '../src/checkpoint/index.js'
import { generate, loadText, type Sampling } from '../src/evaluate/index.js'
import { readWeights } from '../src/loss/index.js'
import { modelOf } from '../src/models/index.js'
import { openModel } from '../src/sources/index.js'
import { answerMetric } from '../src/tasks/index.js'
import type { Item } from '../src/tasks/task.js'
import { tf } from '../src/tensor/index.js'
import { writeLines } from './lines.js'
import { itemsOf, type Skill } from './skills/skill.js'

/** How an answer is judged: what follows it. The correction follows a rejection. Both are words that pre-training has shown. */
export const JUDGEMENTS = { confirmed: '\nNote: good', rejected: '\nNote: again' }

/** A target in its parts: without a correction the first answer is right. */
export interface Corrected {
  id: string
  prompt: string
  first: string
  judgement: string
  correction?: string
}

/** Answers of a model folder to the items' prompts, each drawn once. */
export async function drawAnswers(
  folder: string,
  items: readonly Item[],
  { maxNewTokens }: Pick<Skill, 'maxNewTokens'>,
  sampling: Sampling,
): Promise<string[]> {
  const checkpoint = await openModel(folder)
  const model = modelOf(checkpoint, folder)
  const weights = await readWeights(model, (name) => checkpoint.read(name))
  try {
    const tokenizer = await loadText(companionsOf(checkpoint), homeOf(checkpoint))
    const prompts = await tokenizer.encode(
      items.map(({ prompt }) => prompt),
      { special: true },
    )
    const ends = tokenizer.eos === undefined ? [] : [tokenizer.eos]
    const answers = await generate(model, weights, prompts, { maxNewTokens, ends, sampling })
    return answers.map((ids) => tokenizer.decode(ids.filter((id) => id !== tokenizer.eos)))
  } finally {
    tf.dispose(weights)
    await checkpoint.close()
  }
}

/** Wrong answers with their corrections and as many right ones, confirmed, in turn; empty answers are left out. */
export async function judgeAnswers(
  skill: Skill,
  items: readonly Item[],
  answers: readonly string[],
): Promise<Corrected[]> {
  const metric = answerMetric({ name: skill.name }, skill.metric)
  const [right, wrong]: [Corrected[], Corrected[]] = [[], []]
  for (const [i, item] of items.entries()) {
    const { id, prompt, target } = item
    const first = answers[i]!
    if (first.trim() === '') continue
    if ((await metric.score(first, item)) === 1) right.push({ id, prompt, first, judgement: JUDGEMENTS.confirmed })
    else wrong.push({ id, prompt, first, judgement: JUDGEMENTS.rejected, correction: target })
  }
  return wrong.slice(0, right.length).flatMap((row, i) => [row, right[i]!])
}

/** How answers are drawn: at temperature 1 a twelfth is wrong, here a fifth. */
const SAMPLING: Sampling = { temperature: 1.2, seed: 1 }

/** <skill>.isc.jsonl: judged answers of a model folder to training prompts of the skill. */
export async function writeCorrections(
  folder: string,
  { model, skill, items: count }: { model: string; skill: Skill; items: number },
): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const items = itemsOf(skill, { count, seed: 1, split: 'train' })
  const rows = await judgeAnswers(skill, items, await drawAnswers(model, items, skill, SAMPLING))
  writeLines(join(folder, `${skill.name}.isc.jsonl`), rows, (row) => row)
}

/** Held-out prompts that answers are drawn for, and the judged answers that are kept of them. */
const HELD_OUT = { drawn: 3072, kept: 512, seed: 0 }

/**
 * The tasks of a skill's self-correction: <skill>_isc, where a model answers, judges and corrects in one generation, on the items of
 * the skill; and <skill>_isc_given, where it judges and corrects answers that another model drew for held-out prompts.
 */
export async function writeCorrectionTasks(folder: string, model: string, skill: Skill): Promise<void> {
  const { name, metric, maxNewTokens } = skill
  const items = itemsOf(skill, { count: HELD_OUT.drawn, seed: HELD_OUT.seed, split: 'test' })
  const rows = await judgeAnswers(skill, items, await drawAnswers(model, items, skill, SAMPLING))
  writeLines(join(folder, `${name}_isc_given.jsonl`), rows.slice(0, HELD_OUT.kept), (row) => row)
  const card = {
    name: `${name}_isc`,
    version: 1,
    description: `${name} with self-correction: the answer, the model's judgement of it, and a correction, in one generation`,
    metric,
    max_new_tokens: 3 * maxNewTokens,
    data: `${name}.jsonl`,
    target: `{{target}}${JUDGEMENTS.confirmed}`,
    self_correction: JUDGEMENTS,
  }
  writeFileSync(join(folder, `${card.name}.yaml`), stringify(card))
  const given = {
    ...card,
    name: `${name}_isc_given`,
    description: `judgement and correction of answers to ${name} that the fine-tune drew, half of them wrong`,
    data: `${name}_isc_given.jsonl`,
    prompt: '{{prompt}}{{first}}',
    target: "{{judgement}}{{correction if correction is defined else ''}}",
    self_correction: { ...JUDGEMENTS, first: '{{first}}' },
  }
  writeFileSync(join(folder, `${given.name}.yaml`), stringify(given))
}
