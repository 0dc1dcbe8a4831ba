// The adapters that `extract` writes for models of many architectures, against those that peft loaded (test/fixtures/extract/check.py): at full
// rank its model gave the post-trained model's outputs to 2e-5 of their size, unmerged, merged, and merged and saved.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pairCheckpoints, readHeader } from '../../src/checkpoint/index.js'
import { extractAdapter } from '../../src/edit/index.js'
import { openModels } from '../../src/sources/index.js'
import { keyOf, normals, setBackend } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { writeModel } from '../checkpoint/adapters.js'
import { assertClose } from '../close.js'
import { compatible } from './row.js'

interface Case {
  config: { architectures: string[] }
  /** Shapes of the model's tensors and of the adapter's. */
  base: Record<string, number[]>
  tensors: Record<string, number[]>
  adapter: Record<string, unknown>
}
const cases = JSON.parse(readFileSync('test/fixtures/extract/adapters.json', 'utf8')) as Record<string, Case>

const values = (shape: readonly number[], seed: number, scale: number): number[] =>
  [
    ...normals(
      shape.reduce((product, side) => product * side, 1),
      keyOf(seed),
    ),
  ].map((value) => Math.fround(scale * value))

/** No training changes it. */
const BUFFER = /final_logits_bias$/

/** A pair of folders whose tensors all differ, and its adapter of full rank. */
async function extracted(
  { config, base: shapes }: Case,
  check: (
    adapter: string,
    summary: Awaited<ReturnType<typeof extractAdapter>>,
    base: string,
    post: string,
  ) => Promise<void>,
) {
  await setBackend(BACKEND)
  const root = mkdtempSync(join(tmpdir(), 'extracted-'))
  try {
    const [base, post] = ['base', 'post'].map((name, at) =>
      writeModel(
        join(root, name),
        Object.fromEntries(
          Object.entries(shapes).map(([tensor, shape], i) => [
            tensor,
            [shape, values(shape, BUFFER.test(tensor) ? i : 2 * i + at, 0.3)],
          ]),
        ),
        config,
      ),
    )
    const opened = await openModels(base!, post!)
    const summary = await extractAdapter(await pairCheckpoints(...opened), join(root, 'adapter'), {
      rank: 64,
      vectors: true,
      baseModel: base!,
    })
    await Promise.all(opened.map((each) => each.close()))
    await check(join(root, 'adapter'), summary, base!, post!)
  } finally {
    rmSync(root, { recursive: true })
  }
}

/** The adapter opened as a model is the post-trained one but for what it says it leaves out. */
async function isPost(adapter: string, left: ReadonlySet<string>, base: string, post: string): Promise<void> {
  const [[ground, applied], [before, after]] = [await openModels(base, adapter), await openModels(base, post)]
  for (const name of after.tensors.keys()) {
    const [given, wanted] = [await applied.read(name), await (left.has(name) ? before : after).read(name)]
    assertClose(wanted, given, { tolerance: 1e-5 })
  }
  await Promise.all([applied, ground, before, after].map((each) => each.close()))
}

const LOADED = 'peft 0.21.0 with transformers 5.18.0 and 5.24.0'
/** What of these a user should know. */
const NOTES: Record<string, string> = {
  'llama-tied':
    'the tied embedding is stored whole: factors of it are right in peft either unmerged or merged, never both',
  vit: 'the modules have the names of transformers 5; version 4 does not find them',
  t5: 'the task type is none: peft 0.21 has no SEQ_2_SEQ_LM under transformers 5',
  'qwen2-moe': 'without the experts, whose share is said: peft has no adapter for them',
  phimoe: 'without the experts, whose share is said: peft has no adapter for them',
}
for (const [name, row] of Object.entries(cases)) {
  const what = `\`extract\`: ${row.config.architectures[0]}${name.includes('-') ? ` (${name})` : ''}`
  compatible({ what, outcome: 'read', like: LOADED, ...(NOTES[name] ? { note: NOTES[name] } : {}) }, () =>
    extracted(row, async (adapter, { left, energy }, base, post) => {
      const { base_model_name_or_path: named, ...config } = JSON.parse(
        readFileSync(join(adapter, 'adapter_config.json'), 'utf8'),
      ) as Record<string, unknown>
      assert.equal(named, base)
      assert.deepEqual(config, row.adapter)
      const { entries } = await readHeader(join(adapter, 'adapter_model.safetensors'))
      assert.deepEqual(
        Object.fromEntries(entries.map((entry) => [entry.name, entry.shape]).sort()),
        Object.fromEntries(Object.entries(row.tensors).sort()),
      )
      assert.ok(left.every(({ why }) => why.startsWith('peft has no adapter for the experts')))
      assertClose(energy + left.reduce((sum, { share }) => sum + share, 0), 1, { tolerance: 1e-4 })
      await isPost(adapter, new Set(left.map((each) => each.name)), base, post)
    }),
  )
}
