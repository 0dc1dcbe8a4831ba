// The columns that have the same measure of the post-trained and the base model.
import { otherScore } from '../record/index.js'

const ENDS: Readonly<Record<string, [post: string, base: string]>> = {
  score_edited: ['score_post', 'score_pre'],
  loss_edited: ['loss_post', 'loss_pre'],
}

/** Columns of the post-trained and the base model for a measure of the edited one; none where there are none. */
export function endColumns(name: string): readonly string[] {
  const other = otherScore(name)
  if (other?.column === 'others_edited') return [`others_post.${other.score}`, `others_pre.${other.score}`]
  return ENDS[name] ?? []
}
