// The keys of the YAML files of experiments and of training recipes as Markdown, from the sentences of the schemas: docs/config.md, docs/training.md.
import { tablesOf } from '../schema/index.js'
import { experimentSchema } from './schema.js'
import { trainingSchema } from './training.js'

/** A heading and a table for the experiment and for every section in it. */
export const describeConfig = (): string => tablesOf('## Experiment', experimentSchema, ['chain'])

/** A heading and a table for the recipe and for every section in it. */
export const describeTraining = (): string => tablesOf('## Recipe', trainingSchema)
