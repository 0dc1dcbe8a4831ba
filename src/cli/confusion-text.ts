// What became of the first answers of a model that corrects itself, as a table of text.

/** Names of the scores by first answer (right, wrong) and final answer. */
const CONFUSION = [
  ['right_right', 'right_wrong'],
  ['wrong_right', 'wrong_wrong'],
]

/** Whether the table holds the score of this name. */
export const isOfConfusion = (name: string): boolean => CONFUSION.flat().includes(name)

/** Lines of the table, in percent of the items; none for a task without self-correction. */
export function confusionLines(scores: Readonly<Record<string, number>>): string[] {
  if (scores.right_right === undefined) return []
  const line = (head: string, cells: readonly string[]) =>
    head.padEnd(14) + cells.map((cell) => cell.padStart(15)).join('')
  const percent = (name: string) => `${(100 * (scores[name] ?? 0)).toFixed(1)} %`
  return [
    line('first answer', ['finally right', 'finally wrong']),
    ...CONFUSION.map((row, i) => line(['right', 'wrong'][i]!, row.map(percent))),
  ]
}
