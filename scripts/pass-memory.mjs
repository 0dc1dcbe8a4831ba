// What passes keep of a token's values, of attention scores and of logits: the factors of src/models/plan.ts, measured again on Llamas of
// random weights, on any backend (DELTALAB_BACKEND). Needs a build. Each is how much more tensors take at their most for more rows, for
// each byte that the plan counts of these rows. A pass over blocks one by one is `gradient` and `divergence`; over the whole chain, `tape`.
import { performance } from 'node:perf_hooks'
import { anyBatch, randomLlama } from '../dist/bench/random-llama.js'
import { divergenceOf } from '../dist/src/divergence/index.js'
import { lossOf, pullBack, pullCurvature, pullDivergence } from '../dist/src/loss/index.js'
import { holding } from '../dist/src/models/index.js'
import { keyOf, setBackend, tf } from '../dist/src/tensor/index.js'

const SIZES = {
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  vocab_size: 64,
  max_position_embeddings: 1024,
}
/** Models of which nearly all is one of the three, and how many of its bytes the plan counts for a row. */
const PROBES = {
  activations: {
    sizes: { ...SIZES, hidden_size: 512, intermediate_size: 1408 },
    columns: 32,
    // The width, and both sides of q, k, v, o and of three matrices of the gated layer.
    bytes: ({ hidden_size: width, intermediate_size: inner }, columns) =>
      4 * columns * (width + 4 * 2 * width + 3 * (width + inner)),
  },
  scores: {
    sizes: { ...SIZES, num_attention_heads: 16 },
    columns: 512,
    bytes: ({ num_attention_heads: heads }, columns) => 4 * heads * columns ** 2,
  },
  logits: {
    sizes: { ...SIZES, vocab_size: 16_000 },
    columns: 64,
    bytes: ({ vocab_size: words }, columns) => 4 * words * (columns - 1),
  },
}
const ROWS = [4, 8]

/** Bytes of all tensors at their most while work is done, beyond those before; a clone shares its values. */
async function mostBytes(work) {
  const engine = tf.engine()
  const sizes = new WeakMap()
  let [now, most] = [0, 0]
  const { trackTensor, removeDataId } = engine
  engine.trackTensor = function (tensor, backend) {
    const isNew = !this.state.tensorInfo.has(tensor.dataId)
    trackTensor.call(this, tensor, backend)
    if (!isNew) return
    sizes.set(tensor.dataId, 4 * tensor.size)
    now += 4 * tensor.size
    most = Math.max(most, now)
  }
  engine.removeDataId = function (id, backend) {
    now -= sizes.get(id) ?? 0
    removeDataId.call(this, id, backend)
  }
  try {
    await work()
    return most
  } finally {
    Object.assign(engine, { trackTensor, removeDataId })
  }
}

/** What the factors are of, by the names of plan.ts; `curvature` is a gradient, too. */
function passesOf(model, post, moved) {
  const names = new Set(Object.keys(model.shapes))
  const sink = () => {}
  const apart = (weights) =>
    holding(
      model,
      weights,
      model.blocks.map((block) => ({ blocks: [block], parts: [null] })),
    )
  return {
    forward: (batch) => lossOf(model, apart(moved), [batch]),
    comparison: (batch) => divergenceOf(model, { post: apart(post), edited: apart(moved) }, [batch]),
    gradient: (batch) => pullBack(model, apart(moved), [batch], { names, sink }),
    curvature: (batch) => pullCurvature(model, apart(moved), [batch], { names, sink, key: keyOf('memory') }),
    divergence: (batch) =>
      pullDivergence(model, { still: apart(post), points: [{ source: apart(moved), sink }] }, [batch], names),
    tape: (batch) => pullBack(model, holding(model, moved), [batch], { names, sink }),
  }
}

process.stdout.write(`${(await setBackend()).package}\n\n| | ${Object.keys(PROBES).join(' | ')} |\n|---|---|---|---|\n`)
const started = performance.now()
const table = {}
for (const [probe, { sizes, columns, bytes }] of Object.entries(PROBES)) {
  const [{ model, weights: post }, { weights: moved }] = [randomLlama(sizes), randomLlama(sizes)]
  for (const [name, pass] of Object.entries(passesOf(model, post, moved))) {
    const most = []
    for (const rows of ROWS) most.push(await mostBytes(() => pass(anyBatch(rows, columns, sizes.vocab_size))))
    // Of a whole chain the tape of every layer is kept.
    const layers = name === 'tape' && probe !== 'logits' ? sizes.num_hidden_layers : 1
    const factor = (most[1] - most[0]) / ((ROWS[1] - ROWS[0]) * layers * bytes(sizes, columns))
    ;(table[name] ??= []).push(factor.toFixed(1))
  }
  tf.dispose([post, moved])
}
for (const [name, factors] of Object.entries(table)) process.stdout.write(`| ${name} | ${factors.join(' | ')} |\n`)
process.stdout.write(`\n${((performance.now() - started) / 1e3).toFixed(0)} s\n`)
