// Where the numbers of a results folder come from: meta.json beside the rows.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { packageRoot, packageVersion } from '../files/index.js'

export const environmentSchema = z.strictObject({
  deltalab: z.string(),
  commit: z
    .string()
    .nullable()
    .describe('Git commit of the project ("+changes" when the tree differed); null outside a checkout.'),
  node: z.string(),
  tfjs: z.string(),
  platform: z.string(),
  cpu: z.string(),
  cores: z.number().int(),
})

export const backendSchema = z.strictObject({ name: z.string(), package: z.string() })

export const metaSchema = z.strictObject({
  experiment: z.string(),
  config_hash: z
    .string()
    .describe('SHA-256 of the ids of the planned runs, which hash everything in the config that determines a row.'),
  inputs: z
    .record(z.string(), z.string())
    .describe('SHA-256 of every weight, tokenizer and task file, by the path in the config.'),
  tasks: z.record(z.string(), z.strictObject({ version: z.number(), items: z.number().int() })),
  backend: backendSchema,
  environment: environmentSchema,
  jobs: z.number().int(),
  runs: z.number().int().describe('Number of runs planned.'),
  failed: z.number().int(),
  started: z.string(),
  finished: z.string().nullable().describe('Empty until every planned run has its row.'),
})

export type Environment = z.infer<typeof environmentSchema>
/** Provenance of a results folder: meta.json. */
export type Meta = z.infer<typeof metaSchema>

/** This machine and this checkout, as far as they can change a number or a time. */
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
