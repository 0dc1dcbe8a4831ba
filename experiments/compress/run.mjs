// Stores pairs by every codec, counts the bytes of the files, and measures what they keep. Results: results/compress.
//   node experiments/compress/run.mjs   (after a build)
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { compress, evaluate } from '../../dist/bundle/index.js'
import { drawFrontier } from './frontier.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const out = join(root, 'results/compress')
const { models, editors, seeds, loss } = parse(readFileSync(join(root, 'configs/compress.yaml'), 'utf8'))
const at = (path) => (path.startsWith('.') ? resolve(root, 'configs', path) : path)
const { items } = loss

/** The codecs that store the result of an editor. */
const CODECS = { bitdelta: ['sign'], magnitude: ['bitmask', 'index'], dare: ['index'] }

/** Every form of a file: a codec with its options, and the seed of a random one. */
function forms() {
  const found = [{ codec: 'lossless', options: {}, seed: null }]
  for (const { editor, ...options } of editors)
    for (const [key, values] of Object.entries(options))
      for (const value of values)
        for (const codec of CODECS[editor])
          for (const seed of editor === 'dare' ? Array.from({ length: seeds }, (_, i) => i + 1) : [null])
            found.push({
              codec,
              options: { ...(codec !== 'sign' && { editor }), [key]: value },
              seed,
            })
  return found
}

const scratch = mkdtempSync(join(tmpdir(), 'deltalab-experiment-'))
const results = []
try {
  for (const { name: family, base: baseGiven, post: postGiven, tasks } of models) {
    const [base, post, task] = [at(baseGiven), at(postGiven), at(tasks[0])]
    const of = await evaluate(post, { task, items })
    for (const { codec, options, seed } of forms()) {
      const file = join(scratch, 'model.delta')
      const asked = codec === 'lossless' ? {} : { codec: { codec, options }, seed: seed ?? 0 }
      const report = await compress(base, post, { out: file, overwrite: true, ...asked })
      const found = await evaluate(`${base}+${file}`, { task, items })
      const paired = report.tensors.filter((tensor) => tensor.base !== null)
      const parameters = paired.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)
      const stored = paired.reduce((sum, tensor) => sum + tensor.stored, 0)
      const { editor = codec === 'sign' ? 'bitdelta' : 'none', ...rest } = options
      results.push({
        ...{ family, task: found.task, codec, editor, ...rest, seed },
        ...{ bytes: report.stored, bits_per_parameter: (8 * stored) / parameters },
        ...{ loss: found.loss, loss_post: of.loss, loss_change: found.loss - of.loss },
        ...{ score: found.score, score_post: of.score },
      })
      process.stdout.write(`${JSON.stringify(results.at(-1))}\n`)
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
mkdirSync(out, { recursive: true })
writeFileSync(join(out, 'summary.json'), `${JSON.stringify({ items, results }, null, 1)}\n`)
await drawFrontier(results, out)
