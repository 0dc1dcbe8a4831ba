// What other forms of a model's logits than float32 would lose of a divergence: f16, and the likeliest k with the mass of the rest.
// The table is in docs/decisions/0023-hidden-states-in-place-of-logits.md. Needs a build.
import { readLogits } from '../dist/src/divergence/rows.js'

const [TOKENS, POSITIONS, SPREAD] = [32_000, 20, 3]

/** Normal numbers, the same in every run. */
function normal(seed, count) {
  let state = seed
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (((state ^ (state >>> 15)) >>> 0) + 0.5) / 2 ** 32
  }
  return Float64Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  )
}

function toHalf(x) {
  const step = 2 ** (Math.floor(Math.log2(Math.abs(x) || 1)) - 10)
  return Math.round(x / step) * step
}

function divergence(a, b) {
  const reader = readLogits(1, a.length)
  reader.add(0, { a, b, from: 0, right: 0 })
  return reader.finish(0).kl
}

/** The logits at `top`, and one for all others together. */
function gather(logits, top) {
  const chosen = new Set(top)
  const rest = logits.reduce((sum, x, i) => (chosen.has(i) ? sum : sum + Math.exp(x)), 0)
  return Float32Array.from([...top.map((i) => logits[i]), Math.log(rest)])
}

for (const sigma of [1e-4, 1e-3, 0.01, 0.1, 1]) {
  const sums = [0, 0, 0, 0]
  for (let position = 0; position < POSITIONS; position++) {
    const noise = normal(1000 + position, TOKENS)
    const post = Float32Array.from(normal(1 + position, TOKENS), (x) => SPREAD * x)
    const edited = post.map((x, i) => x + sigma * noise[i])
    const order = [...post.keys()].sort((i, j) => post[j] - post[i])
    const found = [
      divergence(post, edited),
      divergence(post.map(toHalf), edited),
      ...[64, 1024].map((k) => divergence(gather(post, order.slice(0, k)), gather(edited, order.slice(0, k)))),
    ]
    for (const [i, kl] of found.entries()) sums[i] += kl / POSITIONS
  }
  process.stdout.write(`| ${sigma} | ${sums.map((kl) => kl.toPrecision(2)).join(' | ')} |\n`)
}
