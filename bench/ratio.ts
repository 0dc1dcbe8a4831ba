// What every benchmark returns, and how it measures: in turn, in one process, medians.

export interface Ratio {
  name: string
  /** How many times as fast as the comparison. */
  ratio: number
  /** The least ratio that we ask of ourselves. */
  goal: number
  milliseconds: number
  comparison: number
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]

/** Runs ours and theirs in turn, one warm-up and then `rounds` times. */
export async function compare(
  name: string,
  goal: number,
  ours: () => unknown,
  theirs: () => unknown,
  rounds = 5,
): Promise<Ratio> {
  const times: number[][] = [[], []]
  for (let round = 0; round <= rounds; round++) {
    for (const [i, run] of [ours, theirs].entries()) {
      const start = performance.now()
      await run()
      if (round > 0) times[i]!.push(performance.now() - start)
    }
  }
  const [milliseconds, comparison] = times.map(median)
  return { name, goal, ratio: comparison! / milliseconds!, milliseconds: milliseconds!, comparison: comparison! }
}
