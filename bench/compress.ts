// Delta files against other lossless tools, on the same pairs of files in the same run: bytes, and megabytes a second both ways. The real
// pairs are those of PyPI's rxnfp 0.1.0, as they are and in bf16; the other one is a random model whose every weight moved a little. The
// environment variable PYTHON names a Python with pip, and with those of zipnn, lmzip, z4ai, zstandard and numpy that are to be measured;
// without it deltalab is measured alone, on the random pair.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openCheckpoint, writeCheckpoint } from '../src/checkpoint/index.js'
import type { Comparison } from './compare.js'
import { deltalab, measureProgram } from './processes.js'

const PACKAGE = 'rxnfp==0.1.0'
/** How many times smaller than the best of the others; of the real pairs, which did not move everywhere alike, by format. */
const GOALS = { random: 1.1, F32: 1.03, BF16: 1.1 }
const RANDOM = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 1024,
  intermediate_size: 2816,
  num_attention_heads: 16,
  vocab_size: 8000,
  max_position_embeddings: 256,
  tie_word_embeddings: true,
}

interface BenchPair {
  name: string
  goal: number
  base: string
  post: string
}

/** What a tool made of a pair. */
interface Made {
  name: string
  bytes: number
  compress: number
  apply: number
  exact: boolean
  error?: string
}

const note = (text: string): void => void process.stdout.write(`${text}\n`)

export async function* run({ small }: { small: boolean }): AsyncGenerator<Comparison> {
  const root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'deltalab-bench-'))
  const python = process.env.PYTHON
  try {
    const pairs = [await randomPair(root, small), ...(python ? await realPairs(root, python) : [])]
    if (!python) note('PYTHON names no interpreter: the real pairs and the other tools are left out')
    for (const pair of pairs) yield* comparePair(pair, root, python)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

async function* comparePair(pair: BenchPair, root: string, python: string | undefined): AsyncGenerator<Comparison> {
  const weights = (folder: string): string => join(folder, 'model.safetensors')
  const { size } = statSync(weights(pair.post))
  const ours = await measureOurs(pair, root)
  const others = python ? peersOn([weights(pair.base), weights(pair.post)], root, python) : []
  note(`${pair.name}: ${(size / 1e6).toFixed(1)} MB`)
  for (const { name, bytes, compress, apply, exact, error } of [ours, ...others]) {
    const rate = (seconds: number): string => `${(size / 1e6 / seconds).toFixed(0)} MB/s`
    note(
      error
        ? `  ${name}: ${error}`
        : `  ${name}: ${(bytes / size).toFixed(4)}, ${rate(compress)}, back ${rate(apply)}${exact ? '' : ', NOT EXACT'}`,
    )
  }
  const best = Math.min(...others.filter(({ exact }) => exact).map(({ bytes }) => bytes))
  if (!Number.isFinite(best)) return
  const [mine, theirs] = [ours.bytes / 1e6, best / 1e6]
  yield {
    name: `${pair.name}: bytes of the delta`,
    ratio: theirs / mine,
    ours: mine,
    theirs,
    unit: 'MB',
    goal: pair.goal,
    met: theirs / mine >= pair.goal,
  }
}

/** The second of two runs, whole processes with their start. */
async function measureOurs({ base, post }: BenchPair, root: string): Promise<Made> {
  const [delta, out] = [join(root, 'ours.delta'), join(root, 'ours')]
  let [compress, apply, peak] = [0, 0, 0]
  for (let round = 0; round < 2; round++) {
    rmSync(delta, { force: true })
    rmSync(out, { recursive: true, force: true })
    const first = await measureProgram(deltalab('compress', base, post, '--lossless', '--out', delta))
    const second = await measureProgram(deltalab('apply', base, delta, '--out', out))
    ;[compress, apply, peak] = [first.seconds, second.seconds, Math.max(first.peak ?? 0, second.peak ?? 0)]
  }
  const exact = readFileSync(join(post, 'model.safetensors')).equals(readFileSync(join(out, 'model.safetensors')))
  const name = `deltalab, all files of the folder, peak ${(peak / 1e6).toFixed(0)} MB`
  return { name, bytes: statSync(delta).size, compress, apply, exact }
}

function peersOn(files: readonly string[], root: string, python: string): Made[] {
  const script = fileURLToPath(new URL('../../bench/compress_peers.py', import.meta.url))
  const said = execFileSync(python, [script, ...files, root], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return said.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Made] : []))
}

async function randomPair(root: string, small: boolean): Promise<BenchPair> {
  const config = join(root, 'config.json')
  writeFileSync(config, JSON.stringify({ ...RANDOM, num_hidden_layers: small ? 2 : 12 }))
  const [base, post] = [join(root, 'random-base'), join(root, 'random-post')]
  const words = (seed: string, out: string) => [
    'random',
    config,
    '--dtype',
    'BF16',
    '--amount',
    '0.02',
    '--seed',
    seed,
    '--out',
    out,
  ]
  await measureProgram(deltalab(...words('0', base)))
  await measureProgram(deltalab(...words('1', post), '--near', base))
  return { name: 'random, bf16', goal: GOALS.random, base, post }
}

/** Base and fine-tunes of the package in safetensors, as they are and in bf16. */
async function realPairs(root: string, python: string): Promise<BenchPair[]> {
  const place = join(root, 'package')
  mkdirSync(place)
  execFileSync(python, ['-m', 'pip', 'download', '-q', '--no-deps', '-d', place, PACKAGE], { stdio: 'ignore' })
  execFileSync('sh', ['-c', `"${python}" -m zipfile -e "${place}"/*.whl "${place}"`])
  const from = join(place, 'rxnfp/models/transformers')
  const models = ['bert_pretrained', 'bert_ft_10k_25s', 'bert_ft']
  const written = async (dtype: 'F32' | 'BF16'): Promise<string[]> => {
    const folders: string[] = []
    for (const model of models) folders.push(await convert(join(from, model), join(root, `${model}-${dtype}`), dtype))
    return folders
  }
  const pairs: BenchPair[] = []
  for (const dtype of ['F32', 'BF16'] as const) {
    const [base, ...posts] = await written(dtype)
    pairs.push(...posts.map((post) => ({ name: basename(post), goal: GOALS[dtype], base: base!, post })))
  }
  return pairs
}

async function convert(from: string, to: string, dtype: 'F32' | 'BF16'): Promise<string> {
  const model = await openCheckpoint(from)
  const names = [...model.tensors.keys()].filter((name) => model.tensors.get(name)!.dtype === 'F32')
  async function* tensors() {
    for (const name of names) yield { name, values: await model.read(name) }
  }
  await writeCheckpoint(to, {
    plan: names.map((name) => ({ name, shape: model.tensors.get(name)!.shape, dtype })),
    tensors: tensors(),
    config: model.config,
    configText: model.configText,
  })
  await model.close()
  return to
}
