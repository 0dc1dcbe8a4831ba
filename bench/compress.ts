// Delta files against other lossless tools, on the same pairs of files in the same run: bytes, and megabytes a second both ways; and each
// codec with loss against the floor. The environment variable PYTHON names a Python with pip, and with those of zipnn, lmzip, z4ai, hexz,
// zstandard and numpy that are to be measured; without it deltalab is measured alone, on the random pairs.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Comparison } from './compare.js'
import { type BenchPair, PAIRS } from './compress-pairs.js'
import { bestOf, type Made, storeCompress } from './compress-results.js'
import { deltalab, measureProgram } from './processes.js'

/** Megabytes a second, there and back. */
const RATES = { deltalab: [150, 300], 'deltalab --fast': [400, 800] } as const
const LEVELS = { deltalab: ['--lossless'], 'deltalab --fast': ['--lossless', '--fast'] }

/** The codecs with loss as options of `compress`. */
const LOSSY = {
  dense: ['--values', 'bf16'],
  bitmask: ['--editor', 'dare', '--drop', '0.9', '--seed', '1'],
  index: ['--editor', 'magnitude', '--drop', '0.99'],
  sign: [],
  bits: ['--bits', '4', '--group', '128'],
  low_rank: ['--rank', '16'],
}
type Codec = keyof typeof LOSSY

const note = (text: string): void => void process.stdout.write(`${text}\n`)
const weightsOf = (folder: string): string => join(folder, 'model.safetensors')

export async function* run({ rows, small }: { rows: string[]; small: boolean }): AsyncGenerator<Comparison> {
  const python = process.env.PYTHON
  if (!python) note('PYTHON names no interpreter: the real pairs and the other tools are left out')
  for (const { make, ...named } of PAIRS) {
    if (rows.length && !rows.includes(named.name)) continue
    const root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'deltalab-bench-'))
    try {
      const made = await make(root, python, small)
      if (made) yield* comparePair({ ...named, ...made }, { root, python, small })
    } finally {
      rmSync(root, { recursive: true, force: true })
    }
  }
}

interface Place {
  root: string
  python: string | undefined
  small: boolean
}

async function* comparePair(pair: BenchPair, { root, python, small }: Place): AsyncGenerator<Comparison> {
  const { size } = statSync(weightsOf(pair.post))
  const ours: Made[] = []
  if (pair.what === 'loss')
    for (const codec of Object.keys(LOSSY) as Codec[]) ours.push(await measureLossy(pair, codec, root))
  else
    for (const [level, words] of Object.entries(LEVELS)) {
      const rates = pair.what === 'speed' && { rates: RATES[level as keyof typeof LEVELS] }
      ours.push({ name: level, ...(await measure(pair, words, root)), ...rates })
    }
  const files = [weightsOf(pair.base), weightsOf(pair.post)]
  const { versions, rows } = python && pair.what === 'bytes' ? peersOn(files, root, python) : { versions: {}, rows: [] }
  const all = [...ours, ...rows]
  const parameters = size / (pair.name.includes('BF16') ? 2 : 4)
  if (!small)
    storeCompress(
      {
        name: pair.name,
        date: new Date().toISOString().slice(0, 10),
        bytes: size,
        parameters,
        goal: pair.goal,
        rows: all,
      },
      versions,
    )
  note(`${pair.name}: ${(size / 1e6).toFixed(1)} MB`)
  for (const { name, bytes, compress, apply, exact, error, floor } of all) {
    const rate = (seconds: number): string => `${(size / 1e6 / seconds).toFixed(0)} MB/s`
    const back = floor === undefined ? (exact ? '' : ', NOT EXACT') : `, ${(apply / floor).toFixed(1)} × the floor`
    note(
      error
        ? `  ${name}: ${error}`
        : `  ${name}: ${(bytes / size).toFixed(4)}, ${rate(compress)}, back ${rate(apply)}${back}`,
    )
  }
  const [mine, theirs] = [ours[0]!.bytes / 1e6, bestOf(rows) / 1e6]
  if (!Number.isFinite(theirs)) return
  const ratio = theirs / mine
  yield {
    name: `${pair.name}: bytes of the delta`,
    ratio,
    ours: mine,
    theirs,
    unit: 'MB',
    goal: pair.goal,
    met: ratio >= pair.goal,
  }
}

/** Whole processes with their start: the shortest time of each, and the largest peak. */
async function measure(
  { base, post }: BenchPair,
  words: readonly string[],
  root: string,
  rounds = 3,
): Promise<Omit<Made, 'name'>> {
  const [delta, out] = [join(root, 'ours.delta'), join(root, 'ours')]
  let [compress, apply, peak] = [Infinity, Infinity, 0]
  for (let round = 0; round < rounds; round++) {
    rmSync(delta, { force: true })
    rmSync(out, { recursive: true, force: true })
    const first = await measureProgram(deltalab('compress', base, post, ...words, '--out', delta))
    const second = await measureProgram(deltalab('apply', base, delta, '--out', out))
    compress = Math.min(compress, first.seconds)
    apply = Math.min(apply, second.seconds)
    peak = Math.max(peak, first.peak ?? 0, second.peak ?? 0)
  }
  const exact = spawnSync('cmp', ['-s', weightsOf(post), weightsOf(out)]).status === 0
  return { bytes: statSync(delta).size, compress, apply, exact, peak: peak || null }
}

async function measureLossy(pair: BenchPair, codec: Codec, root: string): Promise<Made> {
  const words = ['--codec', codec, ...LOSSY[codec], '--include', 'linear']
  // Singular vectors need the whole matrix, and more memory.
  const small = codec === 'low_rank' ? null : await measure(pair, [...words, '--memory', '300MB'], root, 1)
  const made = await measure(pair, words, root, 1)
  const [delta, copy] = [join(root, 'ours.delta'), join(root, 'copy')]
  const script = `cat "${weightsOf(pair.base)}" "${delta}" > /dev/null; cp "${weightsOf(pair.post)}" "${copy}"`
  const { seconds } = await measureProgram({ command: 'sh', words: ['-c', script] })
  rmSync(copy)
  return { name: codec, ...made, exact: false, floor: seconds, small: small?.peak ?? null }
}

function peersOn(
  files: readonly string[],
  root: string,
  python: string,
): { versions: Record<string, string>; rows: Made[] } {
  const script = fileURLToPath(new URL('../../bench/compress_peers.py', import.meta.url))
  const said = execFileSync(python, [script, ...files, root], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const lines = said.split('\n').flatMap((each) => (each.startsWith('{') ? [JSON.parse(each)] : []))
  const [versions, ...rows] = lines as [Record<string, string>, ...Made[]]
  return { versions, rows }
}
