// The provenance of a results folder: meta.json beside the rows.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { packageRoot, packageVersion } from '../files/index.js'

const environmentSchema = z.strictObject({
  deltalab: z.string().describe('Version of deltalab.'),
  commit: z
    .string()
    .nullable()
    .describe('Git commit of deltalab, with "+changes" if the working tree differed; null outside a checkout.'),
  node: z.string().describe('Version of Node.'),
  tfjs: z.string().describe('Version of TensorFlow.js.'),
  platform: z.string().describe('Operating system and processor architecture.'),
  cpu: z.string().describe('Model of the processor.'),
  cores: z.number().int().describe('Number of logical processors.'),
})

const backendSchema = z.strictObject({
  name: z.string().describe('Name of the backend.'),
  package: z.string().describe('Package and version that it comes from.'),
})

const pluginSchema = z.strictObject({
  name: z.string().describe('File name of the module, or `code` for an object given in code.'),
  sha256: z.string().describe('SHA-256 of the module and every local file that it imports.'),
  editors: z
    .record(z.string(), z.strictObject({ axis: z.string().nullable().describe('Option for the x axis of a plot.') }))
    .describe('Its editors by name.'),
  mergers: z.array(z.string()).describe('Names of its mergers.'),
  tasks: z.array(z.string()).describe('Names of its tasks.'),
})

export const metaSchema = z.strictObject({
  experiment: z.string().describe('Name of the experiment.'),
  config_hash: z
    .string()
    .describe('SHA-256 of the ids of the planned runs. They hash everything in the config that determines a row.'),
  inputs: z
    .record(z.string(), z.string())
    .describe('SHA-256 of every weight, tokenizer and task file, by its path in the config.'),
  tasks: z
    .record(
      z.string(),
      z.strictObject({
        version: z.number().describe('Version of the task, as its card says.'),
        items: z.number().int().describe('Number of items that the task has.'),
      }),
    )
    .describe('Tasks by name.'),
  definitions: z
    .record(z.string(), z.number().int())
    .optional()
    .describe(
      'Methods that give other numbers than in the first version, each with the number of its definition. Absent before 0.3.',
    ),
  backend: backendSchema.describe('TensorFlow.js backend that computed the rows.'),
  environment: environmentSchema.describe('Machine and versions that made the rows.'),
  earlier: z
    .array(environmentSchema)
    .optional()
    .describe('Other machines and versions that made rows at earlier starts; absent where there are none.'),
  jobs: z.number().int().describe('Number of worker threads.'),
  runs: z.number().int().describe('Number of runs planned.'),
  whole: z
    .number()
    .int()
    .optional()
    .describe('Number of runs of the whole plan, where this folder is a shard of it; absent otherwise.'),
  failed: z.number().int().describe('Number of runs that failed.'),
  plugins: z
    .array(pluginSchema)
    .optional()
    .describe('Plugins and what they add, in the order in which they were given; absent where there are none.'),
  started: z.string().describe('When the sweep was started, ISO 8601.'),
  latest: z
    .strictObject({
      started: z.string().describe('When it was, ISO 8601.'),
      found: z.number().int().describe('Number of runs that had a row then.'),
    })
    .optional()
    .describe('The latest start; absent once every planned run has a row.'),
  finished: z.string().nullable().describe('Null until every planned run has a row.'),
})

/** The machine and the versions that made the rows. */
export interface Environment extends z.infer<typeof environmentSchema> {}
/** Provenance of a results folder: meta.json. */
export interface Meta extends z.infer<typeof metaSchema> {}

/** What can change a number or a time: versions and machine. */
export function readEnvironment(): Environment {
  const cpus = os.cpus()
  return {
    deltalab: packageVersion(),
    commit: gitCommit(),
    node: process.version,
    tfjs: (createRequire(import.meta.url)('@tensorflow/tfjs/package.json') as { version: string }).version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
  }
}

function gitCommit(): string | null {
  if (!existsSync(join(packageRoot, '.git'))) return null
  const git = (...words: string[]) =>
    execFileSync('git', words, { cwd: packageRoot, stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .trim()
  try {
    return git('rev-parse', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') ? '+changes' : '')
  } catch {
    return null
  }
}
