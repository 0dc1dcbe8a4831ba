// How every benchmark measures: ours and the alternative in turn, in one process, so that the load of the machine falls on both.

/** One benchmark: what is measured against what, and the goal. */
export interface Contest {
  name: string
  ours: () => unknown
  theirs: () => unknown
  /** The least ratio that we ask of ourselves: how many times as fast as theirs. */
  goal: number
  /** Rounds that count, after one warm-up. Default 5. */
  rounds?: number
}

/** What a benchmark measured: times, medians over its rounds, or memory. */
export interface Comparison {
  name: string
  /** How many times as fast as theirs, or how many times less memory. */
  ratio: number
  ours: number
  theirs: number
  /** Of ours and theirs. Default ms. */
  unit?: 'ms' | 'MB'
  goal: number
  /**
   * False when the goal is missed by more than noise: when even the favourable end of the one-sided 95 % confidence interval over
   * the rounds misses it. Undefined for a single round, which has no measured noise.
   */
  met: boolean | undefined
}

/** Fewest rounds that measure noise well enough for a goal to be enforced. */
const CHECKED_ROUNDS = 3

/** True when goals are enforced: `npm run bench -- --check`. */
const checked = process.argv.includes('--check')

/** Runs ours and theirs in turn. */
export async function compare({ name, ours, theirs, goal, rounds = 5 }: Contest): Promise<Comparison> {
  const times: { ours: number; theirs: number }[] = []
  for (let round = 0; round <= (checked ? Math.max(rounds, CHECKED_ROUNDS) : rounds); round++) {
    const time = { ours: await timeOf(ours), theirs: await timeOf(theirs) }
    if (round > 0) times.push(time)
  }
  const [mine, other] = [median(times.map((time) => time.ours)), median(times.map((time) => time.theirs))]
  return { name, ratio: other / mine, ours: mine, theirs: other, goal, met: isMet(goal, times) }
}

/** Milliseconds. */
export async function timeOf(run: () => unknown): Promise<number> {
  const start = performance.now()
  await run()
  return performance.now() - start
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!

function isMet(goal: number, times: readonly { ours: number; theirs: number }[]): boolean | undefined {
  if (times.length < 2) return undefined
  // Logarithms: times spread by factors, and a ratio and its inverse are then treated alike.
  return upperBound(times.map((time) => Math.log(time.theirs / time.ours))) >= Math.log(goal)
}

/** Student's t at 95 %, one-sided, for 1 to 9 degrees of freedom. */
const STUDENT = [6.314, 2.92, 2.353, 2.132, 2.015, 1.943, 1.895, 1.86, 1.833]

/** Upper end of the one-sided 95 % confidence interval of the mean. */
function upperBound(values: readonly number[]): number {
  const n = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1)
  return mean + STUDENT[Math.min(n - 1, STUDENT.length) - 1]! * Math.sqrt(variance / n)
}
