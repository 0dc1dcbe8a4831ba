// Greedy soup: which models to average, chosen by a score on held-out items. The average itself is the merger `average`.

export interface Soup {
  /** Indices of the chosen models, in the order they were taken. */
  chosen: number[]
  /** Score of the soup of `chosen`. */
  score: number
  /** Score with each candidate added, in the order they were tried. */
  tried: { model: number; score: number; taken: boolean }[]
}

/**
 * Wortsman et al. 2022 (Model Soups), arXiv 2203.05482, recipe 1: from the best model on, each next one stays if the score of
 * the average is strictly higher with it.
 * @param scores of the single models, higher is better; among equal ones the LATER index comes first, as in the authors' code
 * @param score score of the plain average of some of the models
 */
export async function chooseSoup(
  scores: readonly number[],
  score: (models: number[]) => Promise<number>,
): Promise<Soup> {
  const order = Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]! || b - a)
  const soup: Soup = { chosen: [order[0]!], score: scores[order[0]!]!, tried: [] }
  for (const model of order.slice(1)) {
    const reached = await score([...soup.chosen, model])
    const taken = reached > soup.score
    soup.tried.push({ model, score: reached, taken })
    if (!taken) continue
    soup.chosen.push(model)
    soup.score = reached
  }
  return soup
}
