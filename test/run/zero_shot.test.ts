// Zero-shot CLIP from folders: a card of images with names and templates, evaluated and swept; the head is the base's text
// features, and a fine-tune may be its image tower alone.
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { encode } from 'fast-png'
import { openCheckpoint, writeCheckpoint } from '../../src/checkpoint/index.js'
import { loadExperiment } from '../../src/config/index.js'
import { editorNamed } from '../../src/editors/index.js'
import { disposeInputs, forward, imageBatch, makeInputs, type Weights } from '../../src/models/index.js'
import { readResults } from '../../src/record/index.js'
import { attributeEdit, measureModel, namedEdit } from '../../src/run/index.js'
import { openModels } from '../../src/sources/index.js'
import { runSweep } from '../../src/sweep/index.js'
import { type BackendInfo, setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'
import { FIXTURES, type Fixture, openFixture } from '../models/fixture.js'

/** Pictures of 32 × 32 that need no resizing, so that the values the model is given are known. */
const SIDE = 32
const NAMES = [0, 1, 2, 3].map((label) => `kind_${label}`)
const pictures = NAMES.flatMap((_, label) =>
  [0, 1, 2].map((copy) => ({
    label,
    bytes: Uint8Array.from(
      { length: 3 * SIDE * SIDE },
      (_, i) => (i * (7 + 13 * label) + ((i * i) >> (2 + copy)) * 31 + copy * 50) % 256,
    ),
  })),
)

let folder: string
let clip: Fixture
let backend: BackendInfo
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'zero-shot-'))
  backend = await setBackend(BACKEND)
  clip = await openFixture('clip')
  for (const side of ['base', 'post']) {
    cpSync(join(FIXTURES, 'clip', side), join(folder, side), { recursive: true })
    writeFileSync(
      join(folder, side, 'preprocessor_config.json'),
      JSON.stringify({ feature_extractor_type: 'CLIPFeatureExtractor', size: SIDE, crop_size: SIDE }),
    )
    writeFileSync(join(folder, side, 'tokenizer_config.json'), '{"eos_token": "t95", "bos_token": "t94"}')
    writeFileSync(join(folder, side, 'tokenizer.json'), JSON.stringify(words()))
  }
  const post = await openCheckpoint(join(folder, 'post'))
  const plan = [...post.tensors.values()]
    .filter(({ name }) => name.startsWith('vision_model.'))
    .map(({ name, shape }) => ({ name, shape, dtype: 'F32' as const }))
  async function* tensors() {
    for (const { name } of plan) yield { name, values: await post.read(name) }
  }
  await writeCheckpoint(join(folder, 'tower'), { plan, tensors: tensors() })
  const tower = {
    ...(post.config!.vision_config as object),
    model_type: 'clip_vision_model',
    architectures: ['CLIPVisionModel'],
  }
  writeFileSync(join(folder, 'tower/config.json'), JSON.stringify(tower))
  await post.close()
  for (const [i, { label, bytes }] of pictures.entries()) {
    mkdirSync(join(folder, 'images', NAMES[label]!), { recursive: true })
    writeFileSync(
      join(folder, 'images', NAMES[label]!, `${i}.png`),
      encode({ width: SIDE, height: SIDE, channels: 3, depth: 8, data: bytes }),
    )
  }
  writeCard(sentences())
})
after(() => rmSync(folder, { recursive: true }))

/** Words t0 … t95; begin- and end-of-text around a text, as CLIP's tokenizer does. */
function words() {
  return {
    added_tokens: [],
    normalizer: null,
    decoder: null,
    pre_tokenizer: { type: 'WhitespaceSplit' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [
        { SpecialToken: { id: 't94', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: 't95', type_id: 0 } },
      ],
      pair: [],
      special_tokens: Object.fromEntries(
        [94, 95].map((id) => [`t${id}`, { id: `t${id}`, ids: [id], tokens: [`t${id}`] }]),
      ),
    },
    model: {
      type: 'WordLevel',
      vocab: Object.fromEntries(Array.from({ length: 96 }, (_, id) => [`t${id}`, id])),
      unk_token: 't0',
    },
  }
}

/** The fixture's texts without begin and end: the names of the classes. */
function sentences(): string[] {
  const { text_input_ids: ids } = clip.expected.cases.main!.inputs
  return ids!.map((row) =>
    row
      .slice(1, row.indexOf(95))
      .map((id) => `t${id}`)
      .join(' '),
  )
}

const writeCard = (classes: string[], templates = ['{{ class }}']) =>
  writeFileSync(
    join(folder, 'card.yaml'),
    JSON.stringify({
      name: 'kinds',
      version: 1,
      description: 'd',
      kind: 'images',
      metric: 'acc',
      data: 'images',
      classes,
      templates,
    }),
  )

/** Accuracy and mean loss by one forward pass under the fixture's own text features. */
async function measure(weights: Weights) {
  const [mean, deviation] = [
    [0.48145466, 0.4578275, 0.40821073],
    [0.26862954, 0.26130258, 0.27577711],
  ]
  const pixels = Float32Array.from({ length: pictures.length * 3 * SIDE * SIDE }, (_, i) => {
    const [picture, channel, at] = [
      Math.floor(i / (3 * SIDE * SIDE)),
      Math.floor(i / (SIDE * SIDE)) % 3,
      i % (SIDE * SIDE),
    ]
    return (pictures[picture]!.bytes[3 * at + channel]! / 255 - mean[channel]!) / deviation[channel]!
  })
  const batch = imageBatch(
    pixels,
    pictures.map(({ label }) => label),
    { classes: clip.reference('fixed_text_features') },
  )
  const wanted = Int32Array.from(pictures, (_, i) => i * clip.model.sequence!)
  const inputs = makeInputs(clip.model, batch, { wanted })
  const outputs = tf.tidy(() => forward(clip.model, weights, inputs))
  const logits = (await outputs.array()) as number[][]
  outputs.dispose()
  disposeInputs(inputs)
  const losses = pictures.map(
    ({ label }, i) => Math.log(logits[i]!.reduce((sum, x) => sum + Math.exp(x), 0)) - logits[i]![label]!,
  )
  const right = pictures.filter(({ label }, i) => logits[i]!.indexOf(Math.max(...logits[i]!)) === label)
  return { score: right.length / pictures.length, loss: losses.reduce((a, b) => a + b) / losses.length }
}

const near = (found: number | null, expected: number) => assertClose(found ?? Number.NaN, expected, { tolerance: 1e-5 })

test('eval: the text features of its own classes, held and streamed', async () => {
  const expected = await measure(clip.base)
  for (const memory of [undefined, 50e6, 2.4e6]) {
    const found = await measureModel(join(folder, 'base'), join(folder, 'card.yaml'), { memory })
    assert.deepEqual([found.metric, found.items, found.score], ['acc', pictures.length, expected.score])
    near(found.loss, expected.loss)
  }
})

for (const [post, head] of [
  ['post', ['text_model.*', 'text_projection.*', 'logit_scale']],
  ['tower', ['text_model.*', 'text_projection.*', 'visual_projection.*', 'logit_scale']],
  ['post', undefined],
] as const) {
  test(`sweep of ${post} ${head ? 'with the text side as head' : 'as a whole'}`, async () => {
    const file = join(folder, 'x.yaml')
    writeFileSync(
      file,
      JSON.stringify({
        name: 'x',
        models: [{ name: 'clip', base: 'base', post, ...(head && { head }), tasks: ['card.yaml'] }],
        editors: [
          { editor: 'dare', drop_rate: 0 },
          { editor: 'magnitude', drop_rate: 0.5 },
        ],
        loss: { items: 12, rule: 'midpoint', steps: 2 },
        score: { items: 12 },
      }),
    )
    const out = join(folder, `results-${post}-${head ? 1 : 0}`)
    await runSweep(await loadExperiment(file), { folder: out, jobs: 1, backend: { asked: BACKEND, found: backend } })
    const { rows } = await readResults(out)
    const tuned: Weights = Object.fromEntries(
      Object.keys(clip.shapes).map((name) => [
        name,
        (post === 'post' || name.startsWith('vision_model.') ? clip.post : clip.base)[name]!,
      ]),
    )
    const [before, at] = [await measure(clip.base), await measure(tuned)]
    assert.deepEqual(
      rows.map(({ status, error }) => [status, error]),
      [
        ['ok', null],
        ['ok', null],
      ],
    )
    for (const row of rows) {
      near(row.loss_pre, before.loss)
      near(row.loss_post, at.loss)
      assert.deepEqual([row.score_pre, row.score_post], [before.score, at.score])
      assert.equal(
        row.tensors,
        Object.keys(clip.shapes).filter((name) => !head?.some((pattern) => name.startsWith(pattern.replace('*', ''))))
          .length,
      )
    }
    near(rows[0]!.loss_edited, at.loss)
    assert.ok(Math.abs(rows[1]!.loss_change!) > 1e-3)
  })
}

test('attribute, held and within a bound, on the base and its image tower', async () => {
  const step = { editor: editorNamed('magnitude'), options: { drop_rate: 0.5 } }
  const edit = namedEdit([step], {
    on: 'delta',
    tensors: { include: ['visual_projection.*', 'vision_model.*'], exclude: [] },
  })
  const options = {
    task: join(folder, 'card.yaml'),
    items: 12,
    rule: 'midpoint' as const,
    steps: 2,
    seed: 1,
    clock: () => 0,
  }
  const [held, bounded] = [
    await attributeEdit(join(folder, 'base'), join(folder, 'post'), edit, options),
    await attributeEdit(join(folder, 'base'), join(folder, 'post'), edit, {
      ...options,
      memory: { bytes: 60e6, scratch: folder },
    }),
  ]
  near(held.row.loss_post, (await measure(clip.post)).loss)
  near(bounded.row.loss_edited, held.row.loss_edited!)
  near(bounded.row.riemann_sum, held.row.riemann_sum!)
  // The divergence of the distributions over the classes that texts name.
  const kl = { ...options, loss: 'kl' as const, rule: 'gauss' as const, steps: 3 }
  const [free, within] = [
    await attributeEdit(join(folder, 'base'), join(folder, 'post'), edit, kl),
    await attributeEdit(join(folder, 'base'), join(folder, 'post'), edit, {
      ...kl,
      memory: { bytes: 60e6, scratch: folder },
    }),
  ]
  assert.ok(free.row.loss_edited! > 0)
  near(within.row.loss_edited, free.row.loss_edited!)
  near(within.row.riemann_sum, free.row.riemann_sum!)
  assert.ok(Math.abs(free.row.riemann_sum! / free.row.loss_edited! - 1) < 1e-2)
})

test('an image tower stands for its base but for what it holds', async () => {
  const [base, tower] = await openModels(join(folder, 'base'), join(folder, 'tower'))
  assert.deepEqual([...tower.tensors.keys()].sort(), [...base.tensors.keys()].sort())
  assert.deepEqual(await tower.read('visual_projection.weight'), await base.read('visual_projection.weight'))
  assert.deepEqual(
    [...(await tower.read('vision_model.post_layernorm.weight'))],
    [...clip.values.post.get('vision_model.post_layernorm.weight')!],
  )
  assert.equal(tower.config!.model_type, 'clip')
  await Promise.all([base.close(), tower.close()])
})

test('refused: names that do not go with the folders, a template of something else, a tower by itself', async () => {
  const evaluate = (model: string) => measureModel(join(folder, model), join(folder, 'card.yaml'))
  await assert.rejects(evaluate('tower'), /needs a model that classifies/)
  writeCard(['one', 'two'])
  await assert.rejects(evaluate('base'), /card\.yaml:1:\d+: classes: 2 names for the 4 folders of images/)
  writeCard(['a', 'b', 'c', 'd'], ['a photo of a {{ name }}'])
  await assert.rejects(evaluate('base'), /card\.yaml:1:\d+: templates: unknown column "name"/)
  writeCard(sentences())
})
