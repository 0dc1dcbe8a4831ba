// The words of the Mersenne Twister (Matsumoto & Nishimura 1998, MT19937).

export const STATE_WORDS = 624
const MIDDLE = 397

/** The state that a seed of 32 bits starts with. */
export function startState(seed: number): Uint32Array {
  const state = new Uint32Array(STATE_WORDS)
  state[0] = seed
  for (let i = 1; i < STATE_WORDS; i++) state[i] = Math.imul(1812433253, state[i - 1]! ^ (state[i - 1]! >>> 30)) + i
  return state
}

/** @returns draws the next word: a whole number from 0 to 2^32 − 1 */
export function drawWords(state: Uint32Array): () => number {
  let at = STATE_WORDS
  return () => {
    if (at === STATE_WORDS) {
      twist(state)
      at = 0
    }
    let y = state[at++]!
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    y ^= y >>> 18
    return y >>> 0
  }
}

function twist(state: Uint32Array): void {
  for (let i = 0; i < STATE_WORDS; i++) {
    const y = (state[i]! & 0x80000000) | (state[(i + 1) % STATE_WORDS]! & 0x7fffffff)
    state[i] = state[(i + MIDDLE) % STATE_WORDS]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0)
  }
}
