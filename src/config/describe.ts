// The keys of an experiment's YAML file as Markdown, from the sentences of the schema: docs/config.md.
import { tablesOf } from '../schema/index.js'
import { experimentSchema } from './schema.js'

/** A heading and a table for the experiment and for every section in it. */
export const describeConfig = (): string => tablesOf('## Experiment', experimentSchema, ['chain'])
