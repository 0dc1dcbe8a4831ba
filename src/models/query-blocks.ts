// Attention of a long causal text, some queries at a time: its scores would be most of what a pass takes.
import { gradsWithin, isDerivedTwice, type Tensor, tf } from '../tensor/index.js'
import type { Rows } from './source.js'

/** Queries that are taken at a time. */
export const QUERIES = 128

/** Tokens of a longer text have their scores made again for a derivative, which takes a fifth more time; those of a shorter one are kept. */
export const KEPT = 1024

/** Each [tokens, its heads * headDim]. */
type Heads = readonly [q: Tensor, k: Tensor, v: Tensor]

const rowsAt = (x: Tensor, { from, to }: Rows): Tensor => x.slice([from, 0], [to - from, -1])

/** Queries from … to − 1, and the keys and values up to the last of them. */
const cut = ([q, k, v]: Heads, { from, to }: Rows): Heads => [
  rowsAt(q, { from, to }),
  rowsAt(k, { from: 0, to }),
  rowsAt(v, { from: 0, to }),
]

type Attend = (tokens: Heads, mask: Tensor) => Tensor

/**
 * Causal attention of texts of one length, block by block of each, with the keys up to a block's last query. That spares half of the scores.
 * Above `KEPT` tokens, and where the masks of blocks would be gone, the derivative makes those of a block again, and none are kept for it.
 * @param mask [1 or rows, 1, columns, columns]; it has no derivative
 * @param attend the attention of some queries, by the mask of these
 */
export function attendInBlocks(tokens: Heads, mask: Tensor, rows: number, attend: Attend): Tensor {
  const near = (row: number, { from, to }: Rows) =>
    mask.slice([mask.shape[0] === 1 ? 0 : row, 0, from, 0], [1, -1, to - from, to])
  const attendRow = (row: number, heads: Heads) => attendText(heads, (block) => near(row, block), attend)
  if (rows === 1) return attendRow(0, tokens)
  const [q, k, v] = tokens.map((x) => tf.split(x, rows, 0)) as [Tensor[], Tensor[], Tensor[]]
  return tf.concat(
    q.map((queries, row) => attendRow(row, [queries, k[row]!, v[row]!])),
    0,
  )
}

/** Of one text. @param near the mask of these queries */
function attendText(tokens: Heads, near: (block: Rows) => Tensor, attend: Attend): Tensor {
  const count = tokens[0].shape[0]!
  const blocks = Array.from({ length: Math.ceil(count / QUERIES) }, (_, i): Rows => {
    const from = i * QUERIES
    return { from, to: Math.min(count, from + QUERIES) }
  })
  const attendAll = (heads: Heads) =>
    tf.concat(
      blocks.map((block) => tf.tidy(() => attend(cut(heads, block), near(block)))),
      0,
    )
  if (count <= KEPT && !isDerivedTwice()) return attendAll(tokens)
  return tf.customGrad((...given) => {
    const save = given.pop() as unknown as (tensors: Tensor[]) => void
    const heads = given as unknown as Heads
    save([...heads])
    return {
      value: attendAll(heads),
      gradFunc: (dy: Tensor, saved: Tensor[]) => tf.tidy(() => pull(saved as unknown as Heads, dy)),
    }
  })(...tokens)

  /** The gradients. No earlier block has the keys of a block's own queries: theirs are done once the block is. */
  function pull(heads: Heads, dy: Tensor): Tensor[] {
    const done: Tensor[][] = [[], [], []]
    let carried: Tensor[] | null = null
    for (const block of blocks.toReversed()) {
      const { from } = block
      const [dq, ...own] = tf.tidy(() => {
        // Made before: a derivative of this one reads it when all that is made within is gone.
        const mask = near(block)
        const attended = (...xs: Tensor[]) => attend(xs as unknown as Heads, mask)
        return gradsWithin(attended, [...cut(heads, block)], rowsAt(dy, block))
      })
      const sums: Tensor[] = own.map((each, i) => (carried ? each.add(carried[i]!) : each))
      done[0]!.unshift(dq!)
      for (const [i, sum] of sums.entries()) done[i + 1]!.unshift(rowsAt(sum, block))
      const before = sums.map((sum) => rowsAt(sum, { from: 0, to: from }))
      tf.dispose([own, sums, carried ?? []])
      carried = before
    }
    return done.map((parts) => tf.concat(parts, 0))
  }
}
