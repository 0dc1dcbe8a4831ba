// The options of mergekit-yaml (0.1.5), which `deltalab merge` takes too: obeyed, or answered with what they come to here. They stand
// in docs/mergers.md and not in the help.
import type { Argv } from 'yargs'
import { answerTo, UserError } from '../errors/index.js'
import type { LocatedMerge } from '../merge/index.js'
import { note, setMessages } from './messages.js'

const hidden = { hidden: true } as const
const flag = { ...hidden, type: 'boolean' } as const
const text = { ...hidden, type: 'string' } as const
const number = { ...hidden, type: 'number' } as const

/** Options that are obeyed. */
const OBEYED = {
  'copy-tokenizer': { ...flag, default: true },
  'write-model-card': { ...flag, default: true },
  'allow-crimes': { ...flag, default: false },
  'unsafe-truncate-embeddings': { ...flag, default: false },
  'out-shard-size': text,
  'random-seed': number,
  'num-threads': { ...number, alias: 'j' },
  'transformers-cache': text,
  verbosity: { ...hidden, type: 'count', alias: 'v' },
} as const

/** Options without effect, and the value that says so: the others are what is done anyway. */
const ANSWERED = {
  'safe-serialization': { ...flag, default: true },
  'lora-merge-cache': text,
  'lora-merge-dtype': text,
  cuda: flag,
  device: text,
  'low-cpu-memory': flag,
  'lazy-unpickle': flag,
  'clone-tensors': flag,
  'trust-remote-code': flag,
  'read-to-gpu': flag,
  'multi-gpu': flag,
  'gpu-rich': flag,
  'async-write': flag,
  'write-threads': number,
} as const

export const withMergekitFlags = <T>(cli: Argv<T>) => cli.options({ ...OBEYED, ...ANSWERED })

/** Says what the options come to that have no effect, sets what is set for the whole process, and gives what the merge is told. */
export function applyFlags(given: Record<string, unknown>) {
  if (Number(given.verbosity) > 0) setMessages({ ...given, verbose: true })
  // As HF_HUB_CACHE, for this call.
  if (typeof given['transformers-cache'] === 'string') process.env.HF_HUB_CACHE = given['transformers-cache']
  for (const [name, option] of Object.entries(ANSWERED)) {
    const usual = 'default' in option ? option.default : false
    if (given[name] === undefined || given[name] === usual) continue
    const written = given[name] === false ? `--no-${name}` : `--${name}`
    note(`${written} has no effect: ${answerTo('option', name, ['backend', 'jobs', 'memory'])}`)
  }
  const size = given['out-shard-size']
  return {
    open: { allowCrimes: given['allow-crimes'] === true, truncate: given['unsafe-truncate-embeddings'] === true },
    write: {
      card: given['write-model-card'] !== false,
      copyTokenizer: given['copy-tokenizer'] !== false,
      ...(typeof size === 'string' && { shardSize: readShardSize(size) / 1e9 }),
    },
  }
}

/** The file without a chat template that would stand beside no tokenizer: as in mergekit, a line says that it is not written. */
export function withoutLoneTemplate(located: LocatedMerge, copyTokenizer: boolean): LocatedMerge {
  const { chat_template: template, ...value } = located.value
  if (copyTokenizer || template === undefined || value.tokenizer || value.tokenizer_source !== undefined) return located
  const note = 'chat_template is not written: --no-copy-tokenizer leaves no tokenizer beside it, as in mergekit'
  return { ...located, value, notes: [...located.notes, note] }
}

const THOUSANDS: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, b: 1e9 }

/** `5B`, `200M`, `4000` → bytes, as mergekit counts them; 0 sets no bound. @throws UserError (usage) */
function readShardSize(words: string): number {
  const [, digits, unit = ''] = /^(\d+)([kmb])?$/i.exec(words) ?? []
  if (digits === undefined)
    throw new UserError(
      `--out-shard-size must be a whole number of bytes, perhaps with K, M or B (5B is 5 GB); got ${JSON.stringify(words)}`,
      { exitCode: 2 },
    )
  return Number(digits) * (THOUSANDS[unit.toLowerCase()] ?? 1) || Infinity
}
