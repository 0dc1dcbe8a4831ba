// Texts as windows of tokens, and windows as batches: for causal models, and for those that fill in masked tokens.
import { UserError } from '../errors/index.js'
import { type Batch, batchesOf, IGNORED } from '../models/index.js'
import { beginningOf, type TextItem, type TextTask, type TextWindow } from '../tasks/index.js'
import type { Reach } from './options.js'
import { type Reader, type TextReader, textFor } from './reader.js'
import { rollingWindows, slidingWindows, type WindowSize } from './windows.js'

/** Longest window, unless a task asks for longer ones. */
const LENGTH = 1024
/** Tokens that are read beyond those that are wanted: how a text goes on may change its last tokens. */
const MARGIN = 256
/** Letters of a token, about. */
const LETTERS = 6

/** What makes windows of texts. */
interface Cutter {
  tokenizer: TextReader
  size: WindowSize
  /** Whether special tokens are added to a whole text, as the tokenizer adds them; else they stand around every window. */
  special: boolean
  /** Tokens in front of every window, and behind it. */
  around: readonly [readonly number[], readonly number[]]
  cut(ids: readonly number[]): TextWindow[]
}

/** @throws UserError for windows that the model cannot read, and for a tokenizer without a token that they need */
async function cutterOf(task: TextTask, reader: Reader, reach: Reach): Promise<Cutter> {
  // The harness adds no second begin-of-text token to a text that has one, the guide does.
  const tokenizer = textFor(reader, { name: task.name, begun: !task.rolling }, reach)
  const masked = reach.objective === 'masked'
  const around = masked ? await specialsOf(task, tokenizer) : ([[], []] as const)
  const room = reach.positions - around[0].length - around[1].length
  const size = sizeOf(task, room)
  if (masked) return { tokenizer, size, special: false, around, cut: (ids) => slidingWindows(ids, size, 0) }
  const first = task.rolling ? firstToken(task, tokenizer) : undefined
  const cut = (ids: readonly number[]) =>
    first === undefined ? slidingWindows(ids, size) : rollingWindows(ids, size.length, first)
  return { tokenizer, size, special: true, around: [[], []], cut }
}

/** @param room tokens of a text that the model can read at once @throws UserError for windows that have no room */
export function sizeOf({ name, rolling, length, stride }: TextTask, room: number): WindowSize {
  if (length !== undefined && length > room)
    throw new UserError(`task ${name}: windows of ${length} tokens are longer than the model reads: ${room} at most`)
  const size = length ?? Math.min(room, rolling ? Infinity : LENGTH)
  if (stride !== undefined && stride > size)
    throw new UserError(
      `task ${name}: a stride of ${stride} tokens leaves some out between windows of ${size}; it must be at most that`,
    )
  return { length: size, stride: stride ?? size }
}

/** The tokens that a tokenizer puts around a text, such as [CLS] and [SEP]. */
async function specialsOf({ name }: TextTask, tokenizer: TextReader): Promise<readonly [number[], number[]]> {
  const [[bare], [whole]] = [await tokenizer.encode(['a']), await tokenizer.encode(['a'], { special: true })]
  const at = whole!.findIndex((_, i) => bare!.every((id, k) => whole![i + k] === id))
  if (at < 0) throw new UserError(`task ${name}: the tokenizer changes a text when it adds its special tokens`)
  return [whole!.slice(0, at), whole!.slice(at + bare!.length)]
}

function firstToken({ name }: TextTask, { bos, eos }: TextReader): number {
  const first = bos ?? eos
  if (first !== undefined) return first
  throw new UserError(
    `task ${name}: the tokenizer has no begin-of-text and no end-of-text token to put in front of a text`,
  )
}

/** The beginning of a text, at least so many letters, and whether that is all of it. */
function beginOf({ target, file }: TextItem, letters: number): { text: string; all: boolean } {
  if (file !== undefined) return beginningOf(file, letters)
  return letters < target.length ? { text: target.slice(0, letters), all: false } : { text: target, all: true }
}

/** The whole of a text. @throws UserError for one of more than is held at once */
export const wholeText = (item: TextItem): string => beginOf(item, Infinity).text

/** A text that stands alone as its windows, the first so many; none has more than the text. */
export async function windowsOfOne(
  task: TextTask,
  reader: Reader,
  reach: Reach,
  most = Infinity,
): Promise<TextWindow[]> {
  const { tokenizer, size, special, cut } = await cutterOf(task, reader, reach)
  const wanted = (most - 1) * size.stride + size.length
  for (let letters = LETTERS * (wanted + MARGIN); ; letters *= 2) {
    const { text, all } = beginOf(task.items[0]!, letters)
    const [ids] = await tokenizer.encode([text], { special })
    if (all) return cut(ids!).slice(0, most)
    if (ids!.length >= wanted + MARGIN) return cut(ids!.slice(0, wanted)).slice(0, most)
  }
}

/**
 * The windows of all items as batches, whose items are those of the task.
 * @throws UserError where no token can be scored
 */
export async function batchesOfTexts(
  task: TextTask,
  reader: Reader,
  reach: Reach,
  batchTokens: number,
): Promise<Batch[]> {
  const cutter = await cutterOf(task, reader, reach)
  const windows = (await windowsOfItems(task.items, cutter)).flatMap((list, item) =>
    list.map((window) => ({ ...window, item })),
  )
  if (!windows.length) throw tooShort(task)
  const { tokenizer } = cutter
  if (reach.objective === 'masked') return maskedBatches(task, windows, cutter, batchTokens)
  const sequences = windows.map(({ ids, unscored }) => ({
    prompt: ids.slice(0, unscored),
    target: ids.slice(unscored),
  }))
  const batches = batchesOf(sequences, tokenizer.pad, batchTokens, reach)
  return batches.map((batch) => ({ ...batch, items: batch.items.map((row) => windows[row]!.item) }))
}

/** The windows of each item. */
async function windowsOfItems(
  items: readonly TextItem[],
  { tokenizer, special, cut }: Cutter,
): Promise<TextWindow[][]> {
  const open = items.filter(({ window }) => !window)
  const encoded = open.length ? await tokenizer.encode(open.map(wholeText), { special }) : []
  let at = 0
  return items.map(({ window }) => (window ? [window] : cut(encoded[at++]!)))
}

/** The first tokens of each text, as many as a window has. */
export async function beginnings(task: TextTask, reader: Reader, reach: Reach): Promise<readonly number[][]> {
  const cutter = await cutterOf(task, reader, reach)
  const [before, after] = cutter.around
  return (await windowsOfItems(task.items, cutter)).map(([first]) => {
    if (!first) throw tooShort(task)
    return [...before, ...first.ids, ...after]
  })
}

/**
 * A row for each token that is scored: the window with this one masked (Salazar et al. 2020, arXiv 1910.14659). Special tokens around
 * it are read.
 */
function maskedBatches(
  { name }: TextTask,
  windows: readonly (TextWindow & { item: number })[],
  { tokenizer, around: [before, after] }: Cutter,
  batchTokens: number,
): Batch[] {
  const { mask, pad } = tokenizer
  if (mask === undefined)
    throw new UserError(`task ${name}: the tokenizer has no mask token to put over a token of a text`)
  const rows = windows.flatMap(({ ids, unscored, item }) => {
    const whole = [...before, ...ids, ...after]
    return ids.slice(unscored).map((id, i) => ({ whole, at: before.length + unscored + i, id, item }))
  })
  const sequences = rows.map(({ whole, at }) => ({ prompt: whole.with(at, mask), target: [] }))
  const batches = batchesOf(sequences, pad, batchTokens)
  for (const batch of batches) {
    batch.labels.fill(IGNORED)
    batch.items.forEach((row, i) => (batch.labels[i * batch.columns + rows[row]!.at] = rows[row]!.id))
    batch.items = batch.items.map((row) => rows[row]!.item)
  }
  return batches
}

const tooShort = ({ name, items }: TextTask): UserError =>
  new UserError(
    `task ${name}: ${items.length === 1 ? 'the text has' : 'all texts have'} fewer than two tokens, so that none can be scored after another`,
  )
