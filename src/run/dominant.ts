// The tensors that dominate a delta, and the norms of what is left without them. In a real delta one tensor (the pooler of a BERT) can
// hold a third of the squared norm: the relative error of an edit then says mostly what the edit did to that tensor.

/** What is summed of one tensor: squared norms. */
interface Squares {
  /** Of the delta, post − base. */
  delta: number
  /** Of the change F(Δ) − Δ. */
  change: number
}

/** A tensor dominates if it holds more than this share of the squared norm of the delta. So at most nine do. */
const DOMINATES = 0.1

/** The dominating tensors, and norms over the others. */
export interface Rest {
  /** Share of the squared norm of the delta that each dominating tensor holds, by name; the largest first. */
  dominant: Record<string, number>
  /** Norm of the delta over the other tensors. */
  deltaNorm: number
  /** Norm of the change F(Δ) − Δ over the other tensors. */
  editNorm: number
}

/** Which tensors dominate is decided by the delta alone, so that it is the same for all edits of the same tensors. */
export function withoutDominant(tensors: ReadonlyMap<string, Squares>): Rest {
  const total = [...tensors.values()].reduce((sum, { delta }) => sum + delta, 0)
  const dominant = [...tensors]
    .filter(([, { delta }]) => delta > DOMINATES * total)
    .sort(([, a], [, b]) => b.delta - a.delta)
  const names = new Set(dominant.map(([name]) => name))
  const rest = [...tensors].filter(([name]) => !names.has(name))
  const norm = (part: keyof Squares) => Math.sqrt(rest.reduce((sum, [, squares]) => sum + squares[part], 0))
  return {
    dominant: Object.fromEntries(dominant.map(([name, { delta }]) => [name, delta / total])),
    deltaNorm: norm('delta'),
    editNorm: norm('change'),
  }
}
