// The merge command on the reference cases of test/fixtures/merge: pico Llama models, mergekit's configs and its outputs.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { handler } from '../../src/cli/commands/merge.js'
import { BACKEND } from '../backend.js'
import type { Case } from '../mergers/meant.js'

export const root = fileURLToPath(new URL('../../../test/fixtures/merge/', import.meta.url))
const main = fileURLToPath(new URL('../../bundle/cli/main.js', import.meta.url))
export const scratch = mkdtempSync(join(tmpdir(), 'deltalab-merge-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))

export interface Run {
  code: number
  stdout: string
  stderr: string
}

/** Runs the command line in the folder of the fixtures: a process of its own, a second each. */
export function spawnMerge(...words: string[]): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'merge', ...words], {
    cwd: root,
    encoding: 'utf8',
  })
  return { code: status ?? -1, stdout, stderr: stderr.trimEnd() }
}

/** The command in this process, in the folder of the fixtures; its words go to the output of the test. */
export async function merge(
  config: string,
  out: string,
  more: { seed?: number; overwrite?: boolean } = {},
): Promise<void> {
  const here = process.cwd()
  process.chdir(root)
  const args = {
    plugin: [],
    config,
    out,
    dryRun: false,
    shardSize: 5,
    overwrite: false,
    backend: BACKEND,
    json: true,
    ...more,
  }
  await handler(args as unknown as Parameters<typeof handler>[0]).finally(() => process.chdir(here))
}

let files = 0

/** Writes a YAML text to a file of its own. */
export function yaml(text: string): string {
  const file = join(scratch, `${++files}.yml`)
  writeFileSync(file, text)
  return file
}

/** A copy of one of the models whose files may be changed. */
export function copyModel(name: string): string {
  const folder = join(scratch, `${name}-copy-${++files}`)
  cpSync(join(root, 'models', name), folder, { recursive: true })
  return folder
}

/** Raw 16- or 32-bit words and float32 values of every tensor of a safetensors file. */
export function readWords(
  file: string,
): Map<string, { dtype: string; shape: number[]; words: Uint16Array | Uint32Array; values: Float32Array }> {
  const bytes = readFileSync(file)
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >
  const tensors = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => {
        const { buffer } = Uint8Array.from(bytes.subarray(start + from, start + to))
        const words = dtype === 'BF16' ? new Uint16Array(buffer) : new Uint32Array(buffer)
        const values =
          dtype === 'BF16'
            ? new Float32Array(Uint32Array.from(words, (word) => word << 16).buffer)
            : new Float32Array(buffer)
        return [name, { dtype, shape, words, values }] as const
      },
    )
  return new Map(tensors)
}

/** A reference case of the command line. */
export type CommandCase = Case & { config: string; expected_config: string; layers: number }

/** Order of the words of a 16-bit float: steps between two values. */
const place = (word: number): number => (word & 0x8000 ? -(word & 0x7fff) : word)

/** Runs a case; the worst difference from mergekit's weights, and the largest share of what is allowed. */
export async function runCommand({ id, config, expected, tolerance }: CommandCase) {
  const out = join(scratch, id)
  await merge(config.replace(/^cli\//, ''), out, { overwrite: true })
  const [own, wanted] = [
    readWords(join(out, 'model.safetensors')),
    readWords(join(root, expected.replace(/^cli\//, ''))),
  ]
  assert.deepEqual([...own.keys()].sort(), [...wanted.keys()].sort())
  const outcome = { worst: 0, share: 0, where: '', out }
  const note = (share: number, where: string): void =>
    void (share > outcome.share && Object.assign(outcome, { share, where }))
  let [entries, different] = [0, 0]
  for (const [name, { dtype, shape, words, values }] of wanted) {
    const actual = own.get(name)!
    assert.deepEqual([actual.dtype, actual.shape], [dtype, shape])
    for (let i = 0; i < values.length; i++) {
      const error = Math.abs(actual.values[i]! - values[i]!)
      outcome.worst = Math.max(outcome.worst, error)
      entries++
      if (tolerance.kind === 'close')
        note(error / (tolerance.rtol * Math.abs(values[i]!) + tolerance.atol), `${name}[${i}]`)
      else if (actual.words[i] !== words[i]) {
        different++
        note(Math.abs(place(actual.words[i]!) - place(words[i]!)) / tolerance.max_ulp, `${name}[${i}]`)
      }
    }
  }
  if (tolerance.kind === 'ulp')
    note(different / (tolerance.max_fraction * entries), `${different} of ${entries} entries`)
  return outcome
}
