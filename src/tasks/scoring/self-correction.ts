// Intrinsic self-correction (Han et al. 2024, arXiv 2401.07301): one text that holds an answer, the model's own judgement of it and,
// where it rejects the answer, a correction. What the first answer is, what the final one, and what became of it.

/** The texts by which a model judges its answers. */
export interface Judgements {
  /** Confirms the answer before it, which is then final. */
  confirmed: string
  /** Rejects the answer before it; the correction follows. */
  rejected: string
}

/** A generated text in its parts. */
export interface SelfCorrected {
  /** What stands before the first judgement; the whole text where there is none. */
  first: string
  /** The answer that counts: the first that is not rejected. Empty where the last one is rejected and nothing follows. */
  final: string
  /** The first judgement; null where there is none. */
  judgement: keyof Judgements | null
}

/**
 * Reads the text from left to right. A judgement is of the answer before it. A confirmed answer is final, and what follows it does not
 * count. A rejected one is replaced by what follows, up to the next judgement. Half a judgement is part of an answer.
 */
export function readSelfCorrection(text: string, { confirmed, rejected }: Judgements): SelfCorrected {
  const next = (rest: string): { answer: string; judgement: keyof Judgements | null; rest: string } => {
    const [yes, no] = [rest.indexOf(confirmed), rest.indexOf(rejected)]
    if (yes < 0 && no < 0) return { answer: rest, judgement: null, rest: '' }
    const rejects = yes < 0 || (no >= 0 && no < yes)
    const at = rejects ? no : yes
    return {
      answer: rest.slice(0, at),
      judgement: rejects ? 'rejected' : 'confirmed',
      rest: rest.slice(at + (rejects ? rejected : confirmed).length),
    }
  }
  const start = next(text)
  let last = start
  while (last.judgement === 'rejected') last = next(last.rest)
  return { first: start.answer, final: last.answer, judgement: start.judgement }
}

/** The scores of self-correction by name, each a share of the items, with what they say. */
export const SELF_CORRECTION_SCORES = {
  first: 'the score of the first answers, before correction',
  right_right: 'share of the items whose first and final answer are right',
  wrong_right: 'share whose first answer is wrong and whose final answer is right: corrected',
  right_wrong: 'share whose first answer is right and whose final answer is wrong: spoilt',
  wrong_wrong: 'share whose first and final answer are wrong',
  judged: 'share whose first answer the model judges',
  judged_well: 'share whose first answer the model judges, and truly: right ones confirmed, wrong ones rejected',
} as const

type ScoreName = keyof typeof SELF_CORRECTION_SCORES

/**
 * What one item adds to each score.
 * @param first score of its first answer, @param final of its final one; 1 is right, and whatever is below is wrong
 */
export function selfCorrectionScores(
  { judgement }: Pick<SelfCorrected, 'judgement'>,
  { first, final }: { first: number; final: number },
): Record<ScoreName, number> {
  const [before, after] = [first === 1, final === 1]
  return {
    first,
    right_right: Number(before && after),
    wrong_right: Number(!before && after),
    right_wrong: Number(before && !after),
    wrong_wrong: Number(!before && !after),
    judged: Number(judgement !== null),
    judged_well: Number(judgement === (before ? 'confirmed' : 'rejected')),
  }
}
