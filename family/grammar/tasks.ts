// The tasks of the encoder family, and the text that its base is trained on: the same relations in words, without labels.
import { type Random, randomFrom } from '../random.js'
import { isHeldOut } from '../skills/skill.js'
import {
  agreements,
  drawEntailment,
  drawParaphrase,
  drawSimilarity,
  type Related,
  type Told,
  tell,
} from './relations.js'
import { drawMeaning, say } from './sentence.js'
import { drawAcceptability, drawReview, drawSentiment } from './single.js'

export interface EncoderTask {
  name: string
  description: string
  /** The first is the task's score. */
  metrics: string[]
  /** Classes; 1 where a value is told. */
  labels: number
  draw(random: Random): Told
}

const told = (draw: (random: Random) => Related) => (random: Random) => tell(random, draw(random))

export const ENCODER_TASKS: readonly EncoderTask[] = [
  {
    name: 'acceptability',
    description: 'whether words are a sentence, in the manner of CoLA',
    metrics: ['matthews', 'acc'],
    labels: 2,
    draw: drawAcceptability,
  },
  {
    name: 'sentiment',
    description: 'whether a review is kind, with negations and concessions, in the manner of SST-2',
    metrics: ['acc'],
    labels: 2,
    draw: drawSentiment,
  },
  {
    name: 'entailment',
    description: 'whether a sentence follows, is left open or is ruled out, in the manner of MNLI',
    metrics: ['acc'],
    labels: 3,
    draw: told(drawEntailment),
  },
  {
    name: 'similarity',
    description: 'how many of five parts two sentences share, in the manner of STS-B',
    metrics: ['pearson', 'spearman'],
    labels: 1,
    draw: told(drawSimilarity),
  },
]

/** Told items of one split. A text (or pair) is held out by its own hash, one in eight; the held-out ones are all different. */
export function toldOf(
  task: EncoderTask,
  { count, seed, split }: { count: number; seed: number; split: 'train' | 'test' },
): Told[] {
  const random = randomFrom('told', task.name, split, seed)
  const seen = new Set<string>()
  return Array.from({ length: count }, () => {
    for (;;) {
      const told = task.draw(random)
      const words = `${told.text}\t${told.pair ?? ''}`
      if (isHeldOut(words) !== (split === 'test') || (split === 'test' && seen.has(words))) continue
      seen.add(words)
      return told
    }
  })
}

/** Two sentences, the second after what is said of its five parts: `same other same same same : …`. */
function compare(random: Random, draw: (random: Random) => Related): { text: string; pair: string } {
  const related = draw(random)
  const { text, pair } = tell(random, related)
  return {
    text,
    pair: `${agreements(related)
      .map((agrees) => (agrees ? 'same' : 'other'))
      .join(' ')} : ${pair}`,
  }
}

/** Kinds of documents with their shares, which add up to 1. */
const MIXTURE: readonly { share: number; write(random: Random): { text: string; pair?: string } }[] = [
  { share: 0.05, write: (random) => ({ text: say(random, drawMeaning(random)) }) },
  {
    share: 0.15,
    write(random) {
      const { text, kind } = drawReview(random)
      return { text, pair: `people ${kind ? 'loved' : 'hated'} it .` }
    },
  },
  {
    share: 0.3,
    write(random) {
      const { text, pair, label } = tell(random, drawEntailment(random))
      return { text, pair: `${['so', 'perhaps', 'never :'][label]} ${pair}` }
    },
  },
  { share: 0.25, write: (random) => compare(random, drawParaphrase) },
  { share: 0.25, write: (random) => compare(random, drawSimilarity) },
]

/** The base's documents; the same seed with more begins with the same ones. */
export function* documentsOf({
  count,
  seed,
}: {
  count: number
  seed: number
}): Generator<{ text: string; pair?: string }> {
  const random = randomFrom('documents', seed)
  for (let index = 0; index < count; index++) {
    let left = random.uniform()
    yield (MIXTURE.find(({ share }) => (left -= share) < 0) ?? MIXTURE[0]!).write(random)
  }
}
