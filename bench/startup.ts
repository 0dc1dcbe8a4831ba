// `deltalab --help`, whole process, against a Node that does nothing.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { compare, type Ratio } from './ratio.js'

const main = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))

export async function run(): Promise<Ratio[]> {
  const node = (...words: string[]) => spawnSync(process.execPath, words)
  return [
    await compare(
      'deltalab --help (milliseconds, at most 300), against an empty Node',
      0,
      () => node(main, '--help'),
      () => node('-e', '0'),
      9,
    ),
  ]
}
