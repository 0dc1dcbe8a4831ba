// `deltalab --help`, whole process, against a Node that does nothing.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Comparison, compare } from './compare.js'

const main = fileURLToPath(new URL('../bundle/cli/main.js', import.meta.url))

export async function run(): Promise<Comparison[]> {
  const node = (...words: string[]) => spawnSync(process.execPath, words)
  return [
    await compare({
      name: 'deltalab --help, against an empty Node',
      // At most five times as long: about 200 ms where Node takes 40.
      goal: 0.2,
      ours: () => node(main, '--help'),
      theirs: () => node('-e', '0'),
      rounds: 9,
    }),
  ]
}
