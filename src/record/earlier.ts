// What a results folder holds from earlier starts, and whether a sweep may write to it.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import { readText } from '../schema/index.js'
import { type Results, readMeta, readRuns, readTerms, resultPaths } from './folder.js'
import type { Meta } from './meta.js'
import { type StorePlan, succeeded } from './reuse.js'

/** Files that only a model has. */
const MODEL = ['config.json', 'model.safetensors', 'pytorch_model.bin', 'adapter_config.json']

/** @throws UserError for the folder of a model: results among its files would be taken for a part of it */
export function checkNoModel(folder: string): void {
  const model = MODEL.find((name) => existsSync(join(folder, name)))
  if (model) throw new UserError(`${folder} is the folder of a model (it holds ${model}): give another --out`)
}

/** The provenance of a folder; undefined in a new one. @throws UserError if a sweep of this experiment must not write to it */
export function checkResults(folder: string, { meta, config }: Pick<StorePlan, 'meta' | 'config'>): Meta | undefined {
  const paths = resultPaths(folder)
  if (!existsSync(paths.meta)) {
    checkNoModel(folder)
    if (existsSync(paths.runs))
      throw new UserError(`${folder} holds a runs.csv without a meta.json: give another --out, or delete it`)
    if (existsSync(paths.config) && readText(paths.config) !== config)
      throw new UserError(
        `${folder} holds a config.yaml but no meta.json, so deltalab did not write it: give another --out`,
      )
    return undefined
  }
  const earlier = readMeta(folder)
  if (earlier.experiment !== meta.experiment)
    throw new UserError(
      `${folder} holds the experiment ${earlier.experiment}, and this one is ${meta.experiment}: give another folder with --out, or delete this one`,
    )
  return earlier
}

/** What the folder holds, with `retryFailed` without failed rows; undefined in a new one. */
export function readEarlier(folder: string, plan: StorePlan, retryFailed = false): Results | undefined {
  const meta = checkResults(folder, plan)
  if (!meta) return undefined
  const { config } = resultPaths(folder)
  const rows = readRuns(folder)
  return {
    folder,
    rows: retryFailed ? rows.filter(succeeded) : rows,
    terms: readTerms(folder),
    meta,
    config: existsSync(config) ? readText(config) : plan.config,
  }
}
