// The YAML of zeroth-order tuning: one base, its training items, and the runs that are compared.
import { z } from 'zod'
import { type JsonSchema, jsonSchemaOf, section } from '../schema/index.js'

const count = z.number().int().positive()
const rate = z.number().positive()

const shared = {
  name: z
    .string()
    .regex(/^[\w-]+$/, 'must be letters, digits, dashes and underscores')
    .describe('Name of the run and of the file of its delta.'),
  learning_rate: rate.describe('Factor of the projected gradient; constant, so that a direction used twice adds up.'),
  epsilon: rate.default(1e-3).describe('Distance from the weights at which the two losses of a step are taken.'),
  seed: z.number().int().nonnegative().default(0).describe('Keys the directions and the order of the data.'),
}

const mezo = section({
  method: z.literal('mezo'),
  ...shared,
  steps: count.describe('Steps, each with a direction of its own.'),
})

const fedkseed = section({
  method: z.literal('fedkseed'),
  ...shared,
  pool: count.default(4096).describe('K: the directions that all clients draw from; one scalar each is stored.'),
  clients: count.default(20).describe('Parts that the items are split into.'),
  participants: count.default(2).describe('Clients of a round.'),
  rounds: count.describe('Rounds of local steps and averaging.'),
  local_steps: count.default(20).describe('Steps of a client in a round.'),
}).refine((r) => r.participants <= r.clients, { message: 'must be at most clients', path: ['participants'] })

export const zerothSchema = section({
  name: z
    .string()
    .regex(/^[\w-]+$/, 'must be letters, digits, dashes and underscores')
    .describe('Name of the results folder.'),
  title: z.string().optional().describe('One line for people.'),
  plugins: z
    .array(z.string().min(1))
    .optional()
    .describe('Modules (TypeScript or JavaScript, relative to this file) that add tasks; their code runs.'),
  from: z.string().min(1).describe('The base: folder, relative to this file, or org/name[@revision] of the hub.'),
  items: z
    .string()
    .min(1)
    .describe(
      'Training items: JSONL file of {prompt, target}, relative to this file, or the name of a task of a plugin.',
    ),
  training_items: count.default(2048).describe('Items trained on, from the first; all where there are fewer.'),
  batch: count.default(32).describe('Items of a step.'),
  task: z.string().min(1).describe('Task whose held-out items give loss and score before and after.'),
  held_out: count.default(128).describe('Held-out items, from the first; all where there are fewer.'),
  runs: z.array(z.discriminatedUnion('method', [mezo, fedkseed])).min(1),
}).refine((r) => new Set(r.runs.map(({ name }) => name)).size === r.runs.length, {
  message: 'two runs have one name',
  path: ['runs'],
})

/** The JSON Schema of such a recipe. */
export const zerothJsonSchema = (): JsonSchema => jsonSchemaOf(zerothSchema)

export type ZerothRecipe = z.infer<typeof zerothSchema>
export type MezoRun = z.infer<typeof mezo>
export type FedKSeedRun = z.infer<typeof fedkseed>
export type ZerothRun = MezoRun | FedKSeedRun

/** Steps that a run makes; those of all clients together. */
export const stepsOf = (run: ZerothRun): number =>
  run.method === 'mezo' ? run.steps : run.rounds * run.participants * run.local_steps
