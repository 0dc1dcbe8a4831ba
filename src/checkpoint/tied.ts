// Tied weights: output tensors that are the input embedding. One rule for every reader, that of transformers 5: what a file
// does not hold is the tensor that it is tied to; of a pair that it holds twice, equal tensors are one and different ones are two.
import { UserError } from '../errors/index.js'
import { countEntries } from '../kernels/index.js'
import { isBuffer, isPassedOver } from '../naming/index.js'
import type { Checkpoint } from './checkpoint.js'
import { isFloating } from './dtype.js'
import type { TensorEntry } from './header.js'
import { renamed } from './renamed.js'
import { saysTied, saysTiedInVersion4, scalesDecoder, untiedConfig } from './tie-defaults.js'
import { DECODER, isOutput, keepsName, SHARED, tiedName, tieSource } from './tie-names.js'

/** Stored outputs → the stored tensors that they may be tied to. */
function storedTies({ tensors }: Checkpoint): Map<string, string> {
  return new Map(
    [...tensors.keys()].flatMap((name) => {
      const source = tieSource(name, tensors.keys())
      return source === null ? [] : [[name, source] as const]
    }),
  )
}

async function same(checkpoint: Checkpoint, one: string, two: string): Promise<boolean> {
  const [a, b] = [one, two].map((name) => checkpoint.tensors.get(name)!)
  if (String(a!.shape) !== String(b!.shape)) return false
  if (a!.dtype === b!.dtype && isFloating(a!.dtype))
    return Buffer.compare(await checkpoint.readBytes(one), await checkpoint.readBytes(two)) === 0
  const [values, others] = [await checkpoint.read(one), await checkpoint.read(two)]
  return values.every((value, i) => value === others[i])
}

/** The tensors that stand under the name of an output alone, or of several that are equal, get the name of what they are tied to. */
async function atHome(file: Checkpoint): Promise<Checkpoint> {
  const names = [...file.tensors.keys()]
  const lost = new Map<string, string[]>()
  for (const name of names) {
    const isLost = tieSource(name, names) === null && !keepsName(name, file.config)
    const home = isLost ? tiedName(name, names) : null
    if (home !== null && !names.includes(home)) lost.set(home, [...(lost.get(home) ?? []), name])
  }
  const found = new Map<string, string>()
  for (const [home, [first, ...others]] of lost) {
    const equal = await Promise.all(others.map((other) => same(file, other, first!)))
    if (equal.every(Boolean)) found.set(home, first!)
  }
  return found.size ? renamed(file, found) : file
}

/**
 * A checkpoint as transformers 5 understands its file. Tied, and only the output is stored: it is the embedding. Both are
 * stored: equal, they are one (`tied`); different, they are two, and the config says so (a note where version 4 would tie them). The bias
 * of an untied head for masked tokens that is stored under its old name alone has both names. Without a config nothing changes
 * but that equal tensors are one.
 */
export async function followTies(file: Checkpoint): Promise<Checkpoint> {
  const tie = file.config === null || saysTied(file.config)
  const names = [...file.tensors.keys()]
  if (!tie) {
    const decoders = names.filter((name) => DECODER.test(name) && name.endsWith('.weight'))
    return decoders.length ? withOutputs(file, decoders) : file
  }
  const checkpoint = file.config ? await atHome(file) : file
  const tied = new Map<string, string>()
  const own: [string, string][] = []
  for (const [copy, source] of storedTies(checkpoint)) {
    if (await same(checkpoint, copy, source)) tied.set(copy, source)
    else own.push([copy, source])
  }
  if (!own.length || !checkpoint.config) return { ...checkpoint, tied }
  const notes = (saysTiedInVersion4(checkpoint.config) ? own : []).map(
    ([copy, source]) =>
      `${file.folder}: ${copy} differs from ${source}, to which config.json ties it: they are two tensors, as in transformers 5 (version 4 ties them)`,
  )
  return untie(
    { ...checkpoint, tied, notes: [...checkpoint.notes, ...notes] },
    own.map(([copy]) => copy),
  )
}

/** The checkpoint with the outputs that it lacks, as copies of what they are tied to. */
function withOutputs(checkpoint: Checkpoint, outputs: readonly string[]): Checkpoint {
  const all = outputs.flatMap((name) =>
    DECODER.test(name) ? ['weight', 'bias'].map((leaf) => name.replace(/\w+$/, leaf)) : [name],
  )
  const missing = new Map<string, string>()
  for (const name of all) {
    const source = checkpoint.tensors.has(name) ? null : tieSource(name, checkpoint.tensors.keys())
    if (source !== null) missing.set(name, source)
  }
  return missing.size ? renamed(checkpoint, missing, true) : checkpoint
}

/** The same model with these outputs as tensors of their own; its config says that nothing is tied (that of an encoder-decoder cannot). */
export function untie(checkpoint: Checkpoint, outputs: readonly string[]): Checkpoint {
  const view = withOutputs(checkpoint, outputs)
  const tied = new Map([...checkpoint.tied].filter(([copy]) => !outputs.includes(copy)))
  const sides = [...view.tensors.keys()].some((name) => SHARED.test(name))
  if (!view.config || sides || !saysTied(view.config)) return { ...view, tied }
  return { ...view, tied: new Map(), config: untiedConfig(view.config) }
}

/** Outputs that are tensors of their own. */
export const hasOutput = ({ tensors, tied }: Checkpoint): string[] =>
  [...tensors.keys()].filter((name) => isOutput(name) && !tied.has(name))

/** @throws UserError when the head of some reads a scaled output of the decoder, and that of others does not: their heads are no values of one kind */
function agreeOnScale(checkpoints: readonly Checkpoint[]): void {
  const [scaled, plain] = [true, false].map(
    (scale) => checkpoints.find((checkpoint) => scalesDecoder(checkpoint) === scale)?.folder,
  )
  if (scaled === undefined || plain === undefined) return
  throw new UserError(
    `the decoder's output is scaled by d_model^-0.5 in ${scaled} and not in ${plain} (scale_decoder_outputs in config.json, or else ` +
      'tie_word_embeddings), so their heads cannot be compared or mixed; take models that agree, or correct the config.json that is wrong',
  )
}

/** Models that differ in more tensors than this do so for other reasons than ties. */
const FEW = 64
/** Entries by which most pairs of tensors are told apart. */
const GLANCE = 256

const leafOf = (name: string): string => name.slice(name.lastIndexOf('.') + 1)
/** Whether the names differ in numbers alone: equal layers are no tied ones, as in a model that was made deeper. */
const areLayers = (one: string, two: string): boolean => one.replace(/\d+/g, '#') === two.replace(/\d+/g, '#')

/** Which of these tensors has the values of one, unless those are all equal, which shows nothing. */
async function copied(
  checkpoint: Checkpoint,
  name: string,
  likely: readonly TensorEntry[],
): Promise<string | undefined> {
  const glance = (each: string): Promise<Float32Array> => {
    const count = countEntries(checkpoint.tensors.get(each)!.shape)
    return checkpoint.readEntries(each, { from: 0, to: Math.min(count, GLANCE) })
  }
  const values = await glance(name)
  if (values.every((value) => value === values[0])) return undefined
  for (const { name: source } of likely) {
    const seen = await glance(source)
    if (seen.every((value, i) => value === values[i]) && (await same(checkpoint, name, source))) return source
  }
  return undefined
}

/**
 * The checkpoint in which a tensor that others lack is a copy of one that all have, where both hold the same values: files of older
 * versions store what the class ties (the patches of UDOP, the head of CTRL).
 */
async function withCopies(checkpoint: Checkpoint, others: readonly Checkpoint[]): Promise<Checkpoint> {
  const { tensors, tied, config } = checkpoint
  const isShared = (name: string): boolean => !tied.has(name) && others.every((other) => other.tensors.has(name))
  const alone = [...tensors.values()].filter(
    ({ name, shape }) => !tied.has(name) && !isShared(name) && !isBuffer(name, shape) && !isPassedOver(name, config),
  )
  if (alone.length > FEW) return checkpoint
  const likely = alone.map(({ name, shape, dtype }) =>
    [...tensors.values()].filter(
      (source) =>
        isFloating(dtype) &&
        source.dtype === dtype &&
        String(source.shape) === String(shape) &&
        leafOf(source.name) === leafOf(name) &&
        isShared(source.name) &&
        !areLayers(source.name, name),
    ),
  )
  // Models of which one has a tensor of its own do not fit together anyway.
  if (likely.some((sources) => !sources.length)) return checkpoint
  const copies = new Map<string, string>()
  for (const [i, { name }] of alone.entries()) {
    const source = await copied(checkpoint, name, likely[i]!)
    if (source !== undefined) copies.set(name, source)
  }
  if (!copies.size) return checkpoint
  const notes = [...copies].map(
    ([name, source]) =>
      `${checkpoint.folder}: ${name} holds the values of ${source}, and other files lack it: it counts as a copy`,
  )
  return { ...checkpoint, tied: new Map([...tied, ...copies]), notes: [...checkpoint.notes, ...notes] }
}

/**
 * Prepares models for comparison tensor by tensor. Where one model has an untied output, those that tie theirs get a copy (as mergekit
 * 0.1.5 reads them); what one stores twice and another once is one tensor.
 * @throws UserError when they scale what the head reads in different ways
 */
export async function agreeOnTies<const T extends readonly Checkpoint[]>(
  checkpoints: T,
): Promise<{ -readonly [I in keyof T]: T[I] }> {
  agreeOnScale(checkpoints)
  const own = new Set(checkpoints.flatMap(hasOutput))
  const agreed = checkpoints.map((checkpoint) => {
    const { tensors, tied, config } = checkpoint
    const wanted = [...own].filter(
      (name) => (!tensors.has(name) || tied.has(name)) && tieSource(name, tensors.keys()) !== null,
    )
    return wanted.length && config && saysTied(config) ? { ...checkpoint, ...untie(checkpoint, wanted) } : checkpoint
  })
  const counted = await Promise.all(
    agreed.map((each) =>
      withCopies(
        each,
        agreed.filter((other) => other !== each),
      ),
    ),
  )
  return counted as { -readonly [I in keyof T]: T[I] } // `map` gives an array of any length
}
