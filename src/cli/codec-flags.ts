// `--codec`, what goes with it, and what it means: a codec with its options, and the editors before it.
import { lossyCodecs } from '../codecs/index.js'
import { codecNames, type ParsedChoice, parseChoice } from '../compress/index.js'
import { UserError, unknown } from '../errors/index.js'
import type { Registry } from '../registry/index.js'
import { flagOf, givenOptions, readSteps } from './editor-flags.js'
import { VALUES } from './options.js'

const editors = lossyCodecs.flatMap(({ name, editor }) => (editor ? [`${name} (${editor})`] : []))

export const CODEC = {
  fast: {
    type: 'boolean',
    describe:
      'Store what is lossless in about half of the time and a seventh more bytes; weights are checked by checksums of pieces, without SHA-256',
  },
  codec: {
    type: 'string',
    describe: `How to store the tensors: ${codecNames.join(', ')}. ${editors.join(', ')} store what that editor makes, with its options; dense, bitmask and index the result of any --editor; seeds a file of deltalab zeroth`,
  },
  bitdelta: {
    type: 'boolean',
    describe:
      "Write BitDelta's own file, such as diff.pt: signs and a scale for each --include (default linear), other tensors that moved as they are",
  },
  values: {
    ...VALUES,
    describe:
      'Format of what is stored; weight (bitmask, index, drawn): the weights that edit writes. float32 and weight give what edit writes',
  },
  restore: {
    type: 'boolean',
    describe: 'Entries that the editor leaves alone are those of post to the bit, as edit writes them; default true',
  },
  include: {
    type: 'string',
    array: true,
    nargs: 1,
    default: [] as string[],
    describe:
      'Tensors to store by --codec: names with *, role:<role>, or linear (the matrices of layers); repeatable; default all; the others lossless',
  },
  exclude: {
    type: 'string',
    array: true,
    nargs: 1,
    default: [] as string[],
    describe: 'Tensors to leave out of the included ones; repeatable',
  },
} as const

/**
 * Whether tensors are stored by a codec with loss.
 * @throws UserError where how they are stored is missing, or said twice
 */
export function readLoss(
  {
    codec,
    lossless,
    bitdelta,
  }: { codec?: string | undefined; lossless?: boolean | undefined; bitdelta?: boolean | undefined },
  hasBudget: boolean,
): boolean {
  const isLossy = codec !== undefined && codec !== 'lossless'
  if (bitdelta && (hasBudget || lossless || codec !== undefined))
    throw new UserError('--bitdelta writes a file of signs; leave out --lossless, --codec and --budget', {
      exitCode: 2,
    })
  if (!bitdelta && !hasBudget && (lossless === isLossy || (lossless === undefined && codec === undefined)))
    throw new UserError(
      isLossy
        ? '--lossless stores every tensor exactly; leave out --codec'
        : 'say how to store the tensors: --lossless, --codec NAME, --budget SIZE, --target-loss NATS or --bitdelta',
      { exitCode: 2 },
    )
  return isLossy
}

/** @param taken of the options of codecs those that `how` takes, too @throws UserError (usage) for others, and for those of editors */
export function checkBare(
  how: string,
  args: Record<string, unknown>,
  { registry, taken = [] }: { registry: Registry; taken?: readonly string[] },
): void {
  const options = ['fast', 'values', 'restore', 'include', 'exclude', 'editor', 'jobs'].filter(
    (name) => !taken.includes(name),
  )
  const isGiven = (name: string) => args[name] !== undefined && (args[name] as string[]).length !== 0
  const stray = [...options, ...givenOptions(args, registry).map(flagOf)].find(isGiven)
  if (stray) throw new UserError(`${how} takes no --${stray}; leave it out`, { exitCode: 2 })
}

interface CodecArgs {
  codec?: string | undefined
  lossless?: boolean | undefined
  budget?: string | undefined
  editor?: string[] | undefined
  seed: number
  [flag: string]: unknown
}

/** The option that says how tensors are stored. */
const wayOf = ({ codec, lossless, budget }: CodecArgs): string => {
  if (codec !== undefined) return `--codec ${codec}`
  if (lossless) return '--lossless'
  return budget === undefined ? '--target-loss' : '--budget'
}

/** @throws UserError as parseChoice and readSteps, and (usage) for options that a codec without loss does not take */
export function readCodec(args: CodecArgs, registry: Registry): ParsedChoice {
  const { codec: name = 'lossless', seed } = args
  if (name.includes(':'))
    throw new UserError(
      `--codec ${name}: options of a codec are given by themselves, as in --codec low_rank --rank 16`,
      {
        exitCode: 2,
      },
    )
  if (!codecNames.includes(name)) throw unknown('codec', name, codecNames)
  const own = lossyCodecs.find((codec) => codec.name === name)
  if (!own)
    checkBare(wayOf(args), args, {
      registry,
      taken: ['fast', 'jobs', ...(name === 'raw' ? ['include', 'exclude'] : [])],
    })
  const options = Object.fromEntries(
    ['values', 'restore'].flatMap((key) => (args[key] === undefined ? [] : [[key, args[key]]])),
  )
  const fallback = own?.editor ?? (givenOptions(args, registry).length ? 'magnitude' : null)
  const editor = args.editor?.length ? args.editor : fallback ? [fallback] : []
  return parseChoice({ codec: name, options }, { steps: readSteps({ ...args, editor }, registry), seed, registry })
}
