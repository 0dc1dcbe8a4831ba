// A sweep by four workers against one, whole process each, on the shipped models.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Comparison, compare } from './compare.js'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

function sweep(jobs: number) {
  const folder = mkdtempSync(join(tmpdir(), 'deltalab-bench-'))
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      at('../bundle/cli/main.js'),
      'sweep',
      at('../../configs/quickstart.yaml'),
      '--jobs',
      String(jobs),
      '--out',
      join(folder, 'out'),
    ],
    { encoding: 'utf8' },
  )
  rmSync(folder, { recursive: true })
  if (status !== 0) throw new Error(stderr)
}

export async function run(): Promise<Comparison[]> {
  const cores = availableParallelism()
  if (cores < 4) return []
  return [
    await compare({
      name: 'sweep of configs/quickstart.yaml by 4 workers, against 1',
      goal: 3,
      ours: () => sweep(4),
      theirs: () => sweep(1),
      rounds: 1,
    }),
  ]
}
