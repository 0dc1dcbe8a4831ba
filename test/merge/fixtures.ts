// The merge command on the reference cases of test/fixtures/merge: pico Llama models, mergekit's configs and its outputs.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { handler } from '../../src/cli/merge.js'

export const root = fileURLToPath(new URL('../../../test/fixtures/merge/', import.meta.url))
const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
export const scratch = mkdtempSync(join(tmpdir(), 'deltalab-merge-'))
after(() => rmSync(scratch, { recursive: true, force: true }))

export interface Run {
  code: number
  stdout: string
  stderr: string
}

/** Runs the command line in the folder of the fixtures: a process of its own, a second each. */
export function spawnMerge(...words: string[]): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'merge', ...words], { cwd: root, encoding: 'utf8' })
  return { code: status ?? -1, stdout, stderr: stderr.trimEnd() }
}

/** The command in this process, in the folder of the fixtures; its words go to the output of the test. */
export async function merge(config: string, out: string, more: { seed?: number; overwrite?: boolean } = {}): Promise<void> {
  process.chdir(root)
  const args = { config, out, dryRun: false, shardSize: 5, overwrite: false, backend: 'wasm', json: true, ...more }
  await handler(args as unknown as Parameters<typeof handler>[0])
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
          dtype === 'BF16' ? new Float32Array(Uint32Array.from(words, (word) => word << 16).buffer) : new Float32Array(buffer)
        return [name, { dtype, shape, words, values }] as const
      },
    )
  return new Map(tensors)
}
