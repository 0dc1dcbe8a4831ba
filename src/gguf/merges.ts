// The merges of a sentencepiece vocabulary, which GGUF files of that kind do not list: every way to cut a token into two, the best token
// first (generate_merges of transformers 5.18.0).

export type TokenPair = [left: string, right: string]

/** @param tokens by id @param scores of the tokens by place: a higher one merges earlier */
export function mergesOf(tokens: readonly string[], scores: readonly number[]): TokenPair[] {
  const ids = new Map(tokens.map((token, id) => [token, id]))
  const scoreOf = new Map(tokens.map((token, place) => [token, scores[place]!]))
  const merges: { pair: TokenPair; score: number; sides: [number, number] }[] = []
  for (const [token, score] of scoreOf) {
    const letters = [...token]
    const own: { pair: TokenPair; order: [number, number]; sides: [number, number] }[] = []
    for (let at = 1; at < letters.length; at++) {
      const pair: TokenPair = [letters.slice(0, at).join(''), letters.slice(at).join('')]
      const [left, right] = [ids.get(pair[0]), ids.get(pair[1])]
      if (left !== undefined && right !== undefined)
        own.push({ pair, order: [left, right], sides: [at, letters.length - at] })
    }
    own.sort((a, b) => a.order[0] - b.order[0] || a.order[1] - b.order[1])
    for (const { pair, sides } of own) merges.push({ pair, score, sides })
  }
  merges.sort((a, b) => b.score - a.score || b.sides[0] - a.sides[0] || b.sides[1] - a.sides[1])
  return merges.map(({ pair }) => pair)
}
