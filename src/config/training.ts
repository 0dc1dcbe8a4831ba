// The schema of a training recipe: the YAML file of `deltalab train`.
import { z } from 'zod'
import { section } from '../schema/index.js'

const path = z.string().min(1)
const positive = z.number().positive()
const count = z.number().int().positive()
/** Of 1 a moment would never move. */
const share = z.number().min(0).lt(1)
const tokens = z.number().int().min(0).max(512)

/** Kinds of data, one to a run. */
const DATA = ['corpus', 'items', 'masked', 'labelled', 'images'] as const

/** What training changes. */
const TUNINGS = ['full', 'lora', 'bitfit', 'prompt', 'palt'] as const

/** Entries of some tunings alone, and whether these need them. */
const OWN: readonly (readonly [key: 'lora' | 'prompt' | 'palt', tunings: readonly string[], needed: boolean])[] = [
  ['lora', ['lora'], true],
  ['prompt', ['prompt', 'palt'], true],
  ['palt', ['palt'], false],
]

export const trainingSchema = section({
  name: z
    .string()
    .regex(/^[\w-]+$/, 'must be letters, digits, dashes and underscores')
    .describe('name of the run'),
  out: path.describe('checkpoint folder to write, relative to this file'),
  from: path
    .optional()
    .describe(
      'model to start from: a folder, or org/name[@revision] on the hub; without it, weights are drawn at random',
    ),
  model: z
    .record(z.string(), z.unknown())
    .optional()
    .describe(
      'config.json of a new model; with `from`, keys that replace those of its config.json (missing tensors, and those of another shape, are drawn at random)',
    ),
  tokenizer: path.optional().describe('folder with tokenizer.json, or a model on the hub'),
  preprocessor: path.optional().describe('folder with preprocessor_config.json, or a model on the hub; for images'),
  corpus: path.optional().describe('JSONL of {text}: documents joined by end-of-text; training uses random windows'),
  items: path
    .optional()
    .describe(
      'JSONL of {prompt, target}: the loss is that of target and end-of-text; a target may be in parts, {prompt, first, judgement, correction}: the first answer, the judgement of it, and, where it is wrong, the right one',
    ),
  mask: z
    .literal('partial_answer')
    .optional()
    .describe('of `items` in parts: the loss leaves out the tokens of first answers that have a correction'),
  masked: path.optional().describe('JSONL of {text, pair}: masked language modelling'),
  labelled: path.optional().describe('JSONL of {text, pair, label}: the class or value of a text or a pair'),
  images: path.optional().describe('JSONL of {image, crop, label}: the class of an image'),
  tuning: z
    .enum(TUNINGS)
    .default('full')
    .describe(
      'what is trained. `full`: all weights; `lora`: factors of the matrices of attention and MLP layers; `bitfit`: the biases; `prompt`: tokens put into the text; `palt`: the parameter-lite encoder of PALT',
    ),
  lora: section({ rank: count.describe('rank of each change; alpha is the rank') })
    .optional()
    .describe('with `tuning: lora`'),
  prompt: z
    .tuple([tokens, tokens, tokens])
    .optional()
    .describe(
      'with `tuning: prompt` or `palt`: trained tokens after [CLS], at the end of the first text, and at the end of the second',
    ),
  palt: section({
    prompt_inner: count
      .max(2 ** 16)
      .default(512)
      .describe('width of the trained vectors, before the two layers that make tokens of them'),
    layers: z
      .array(z.number().int().nonnegative())
      .min(1)
      .refine((layers) => new Set(layers).size === layers.length, 'names a layer twice')
      .optional()
      .describe(
        'layers of the encoder, from 0, with a calibration layer after their attention; unless given the one in the middle and the last',
      ),
  })
    .optional()
    .describe('with `tuning: palt`'),
  mask_rate: z.number().gt(0).max(1).default(0.15).describe('fraction of the tokens to predict, for `masked`'),
  window: count.default(64).describe('tokens in a window of the corpus'),
  batch: count.describe('windows or items in a step'),
  micro_batches: count
    .default(4)
    .describe(
      'parts of a step; their gradients are added in a fixed order, so the result does not depend on the number of workers',
    ),
  steps: count.describe('optimiser steps'),
  learning_rate: positive.describe('peak learning rate'),
  schedule: z
    .enum(['cosine', 'linear', 'constant', 'plateau'])
    .default('cosine')
    .describe('learning rate after the warm-up; `plateau` is constant, then linear in the last fifth of the steps'),
  final: z.number().min(0).max(1).default(0).describe('fraction of the peak rate at the last step'),
  warmup: z.number().int().nonnegative().default(0).describe('steps of linear warm-up'),
  weight_decay: z.number().nonnegative().default(0).describe('decoupled decay of matrices'),
  betas: z.tuple([share, share]).default([0.9, 0.98]).describe('AdamW moments'),
  clip: positive.default(1).describe('largest global norm of the gradient'),
  seed: z.number().int().nonnegative().default(0).describe('seed of the random weights and of the order of the data'),
  dtype: z.enum(['float32', 'bfloat16', 'float16']).default('float32').describe('format of the written weights'),
  save_every: count.default(100).describe('steps between the states from which an interrupted run resumes'),
  snapshots: z
    .array(
      section({
        step: count.describe('step after which it is written'),
        out: path.describe('folder to write, relative to this file'),
      }),
    )
    .default([])
    .describe('checkpoints to write during training'),
})
  .refine((r) => r.from !== undefined || r.model !== undefined, 'give `from`, `model` or both')
  .refine(
    (r) => DATA.filter((kind) => r[kind] !== undefined).length === 1,
    `give exactly one of ${DATA.map((kind) => `\`${kind}\``).join(', ')}`,
  )
  .superRefine((r, context) => {
    const fault = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message })
    if (r.tuning !== 'full' && (r.from === undefined || r.model !== undefined))
      fault(
        ['tuning'],
        `\`${r.tuning}\` leaves the model as it is: give \`from\`, a model with its head, without \`model\``,
      )
    for (const [key, tunings, needed] of OWN) {
      if (r[key] === undefined) {
        if (needed && tunings.includes(r.tuning)) fault([key], `\`tuning: ${r.tuning}\` needs it`)
      } else if (!tunings.includes(r.tuning))
        fault([key], `is for \`tuning: ${tunings.join('` or `')}\`, and this is \`${r.tuning}\``)
    }
    const late = r.snapshots.findIndex(({ step }) => step > r.steps)
    if (late >= 0)
      context.addIssue({
        code: 'custom',
        path: ['snapshots', late, 'step'],
        message: `comes after the last of ${r.steps} steps`,
      })
    if (r.prompt?.every((each) => each === 0))
      fault(['prompt'], 'must have a token: with none nothing of the text is trained')
  })
  .refine((r) => r.mask === undefined || r.items !== undefined, {
    path: ['mask'],
    message:
      'is of `items`: other data has no first answers to leave out of the loss (how much `masked` hides is set by `mask_rate`)',
  })
  .refine(
    (r) => (r.images === undefined ? r.tokenizer : r.preprocessor) !== undefined,
    '`images` need a `preprocessor`; texts need a `tokenizer`',
  )

export type Training = z.infer<typeof trainingSchema>
