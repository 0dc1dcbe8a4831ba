// The results folder of zeroth-order runs: losses.csv and summary.json, written again after each run.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { UserError } from '../errors/index.js'
import { writeWhole } from '../files/index.js'
import type { readEnvironment } from '../record/index.js'
import { checkValue, parseJson } from '../schema/index.js'
import type { Entry } from './journal.js'
import type { ZerothRecipe } from './recipe.js'

/** One run as summary.json has it. */
export interface ZerothResult {
  name: string
  /** SHA-256 of all that determines the run. A run with the same hash is not repeated. */
  identity: string
  method: string
  /** Scalars stored, those that are not 0, and bytes of the file. */
  scalars: number
  used: number
  bytes: number
  /** Parameters of the model, all of them tuned. */
  parameters: number
  /** Held-out loss, nats per token, and score, of the base and of the rebuilt model. */
  loss_before: number
  loss_after: number
  score_before: number
  score_after: number
  /** Whether the weights rebuilt from the file are those of the trainer, bit for bit. */
  rebuilt_exactly: boolean
  /** Package of the backend, versions and machine. */
  backend: string
  environment: ReturnType<typeof readEnvironment>
}

/** The runs that are finished, in the order of the recipe. */
export interface ZerothResults {
  results: ZerothResult[]
  /** Takes over a run that an earlier start finished. @returns whether there was one */
  reuse(name: string, identity: string): Promise<boolean>
  /** A line of losses.csv, which is written with the result of its run. */
  note(name: string, entry: Entry): void
  save(result: ZerothResult): Promise<void>
}

/**
 * @param base identity of the weights that the runs start from
 * @throws UserError for a folder without a run of this command that holds files of the names it writes
 */
export async function openResults(out: string, recipe: ZerothRecipe, base: string): Promise<ZerothResults> {
  checkFolder(out, recipe)
  const earlier = await readEarlier(out)
  const lines = ['run,step,loss']
  const results: ZerothResult[] = []
  const save = async (result: ZerothResult) => {
    results.push(result)
    await writeWhole(join(out, 'losses.csv'), [...lines, ''].join('\n'))
    const summary = { name: recipe.name, recipe, base, results }
    await writeWhole(join(out, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`)
  }
  return {
    results,
    save,
    note: (name, { step, loss }) => void lines.push(`${name},${step},${loss.toPrecision(7)}`),
    async reuse(name, identity) {
      const known = earlier.results.find((result) => result.name === name && result.identity === identity)
      if (!known) return false
      lines.push(...earlier.lines.filter((line) => line.startsWith(`${name},`)))
      await save(known)
      return true
    },
  }
}

function checkFolder(out: string, { runs }: ZerothRecipe): void {
  if ([...runs.map(({ name }) => `${name}.steps.jsonl`), 'summary.json'].some((name) => existsSync(join(out, name))))
    return
  const found = ['config.yaml', 'losses.csv', ...runs.map(({ name }) => `${name}.safetensors`)].find((name) =>
    existsSync(join(out, name)),
  )
  if (found !== undefined)
    throw new UserError(`${out} holds a ${found} and no summary.json, so deltalab did not write it: give another --out`)
}

const Earlier = z.looseObject({ results: z.array(z.looseObject({ name: z.string(), identity: z.string() })) })

/** Results and lines of losses that an earlier start left in the folder. */
async function readEarlier(out: string): Promise<{ results: ZerothResult[]; lines: string[] }> {
  const read = (file: string) => readFile(join(out, file), 'utf8').catch(() => null)
  const [summary, losses] = [await read('summary.json'), await read('losses.csv')]
  if (summary === null || losses === null) return { results: [], lines: [] }
  const file = join(out, 'summary.json')
  const { results } = checkValue(Earlier, parseJson(summary, file), file)
  return { results: results as unknown as ZerothResult[], lines: losses.split('\n') }
}
