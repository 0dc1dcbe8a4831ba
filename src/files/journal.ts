// What is finished of a folder while it is written: a hidden file in it, one line for each block, by which a run that was killed
// is taken up again.
import { closeSync, ftruncateSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { UserError } from '../errors/index.js'

export const JOURNAL = '.deltalab-journal'

/** For who fills a folder. Keys and values are any strings; each call appends one line at once. */
export interface BlockJournal {
  /** Whether anything is kept of what is noted: not so in a folder that is not taken up again. */
  isKept: boolean
  /** Key → value of every block that an earlier run finished. */
  done: ReadonlyMap<string, string>
  /** @param key names the block @param value its checksum, and what else must be known of it */
  add(key: string, value: string): void
  /** Pieces of input files that an earlier run noted. */
  readonly earlier: readonly InputPiece[]
  /** Pieces that this run noted, by their names. */
  readonly inputs: ReadonlyMap<string, InputPiece & { sum: string }>
  /**
   * Notes a piece of an input file with its checksum.
   * @throws ChangedInput where an earlier run read other bytes: what it finished is of no use, and the folder is filled again;
   * UserError where this run did
   */
  input(piece: InputPiece, sum: string): void
}

/** Bytes of an input file. */
export interface InputPiece {
  /** Its path; that of a piece of the journal does not depend on the current folder. */
  file: string
  /** Position of the first. */
  begin: number
  /** Their number. */
  bytes: number
}

/** The name of a piece: a run that goes on may be in another folder. */
export const pieceName = ({ file, begin, bytes }: InputPiece): string => `${begin} ${bytes} ${resolve(file)}`

function pieceOf(name: string): InputPiece[] {
  const [, begin, bytes, file] = /^(\d+) (\d+) (.*)$/s.exec(name) ?? []
  return file === undefined ? [] : [{ file, begin: Number(begin), bytes: Number(bytes) }]
}

/** An input whose name, size and time are as before, and whose bytes are not. */
export class ChangedInput extends Error {
  constructor(readonly file: string) {
    super(`${file} changed`)
  }
}

/** What a journal holds. */
interface Content {
  fingerprint: string
  blocks: Map<string, string>
  inputs: Map<string, string>
  /** Bytes of the lines that are whole. */
  size: number
}

/** The journal of a folder; null where none tells of a finished block. */
export function readJournal(folder: string): Content | null {
  let bytes: Buffer
  try {
    bytes = readFileSync(join(folder, JOURNAL))
  } catch {
    return null
  }
  const content = { blocks: new Map<string, string>(), inputs: new Map<string, string>(), size: 0 }
  let fingerprint: string | undefined
  // A run that was killed, or a power cut, may have left half a line: it and what follows do not count.
  for (let end: number; (end = bytes.indexOf('\n', content.size)) !== -1; content.size = end + 1) {
    const words = wordsOf(bytes.toString('utf8', content.size, end))
    if (!words) break
    const [kind, key, value = ''] = words
    if (kind === 'work') fingerprint = key
    else content[kind === 'input' ? 'inputs' : 'blocks'].set(key, value)
  }
  return fingerprint === undefined || !content.blocks.size ? null : { ...content, fingerprint }
}

function wordsOf(line: string): [kind: string, key: string, value?: string] | null {
  try {
    const words: unknown = JSON.parse(line)
    const isLine = Array.isArray(words) && words.length >= 2 && words.every((word) => typeof word === 'string')
    return isLine ? (words as [string, string, string?]) : null
  } catch {
    return null
  }
}

/** A journal that is open: the only one, as its folder is held by a lock. */
export interface OpenBlockJournal extends BlockJournal {
  close(): void
}

/**
 * Begins the journal of a new folder, or goes on with the one that is there.
 * @param fingerprint of the work; null for a folder that is not taken up again, which has no journal
 */
export function openBlockJournal(folder: string, fingerprint: string | null): OpenBlockJournal {
  const before = readJournal(folder)
  const earlier = before?.inputs ?? new Map<string, string>()
  const inputs = new Map<string, InputPiece & { sum: string }>()
  const done = before?.blocks ?? new Map<string, string>()
  let handle: number | null = fingerprint === null ? null : openSync(join(folder, JOURNAL), 'a')
  const append = (...words: string[]): void => {
    if (handle !== null) writeFileSync(handle, `${JSON.stringify(words)}\n`)
  }
  if (handle !== null) ftruncateSync(handle, before?.size ?? 0)
  if (!before && fingerprint !== null) append('work', fingerprint)
  return {
    isKept: fingerprint !== null,
    done,
    add: (key, value) => append('block', key, value),
    earlier: [...earlier.keys()].flatMap(pieceOf),
    inputs,
    input: (piece, sum) => {
      const name = pieceName(piece)
      const own = inputs.get(name)?.sum
      if (own !== undefined && own !== sum) throw new UserError(`${piece.file}: changed while it was read; start again`)
      const known = earlier.get(name)
      if (known !== undefined && known !== sum) throw new ChangedInput(piece.file)
      inputs.set(name, { ...piece, file: resolve(piece.file), sum })
      if (known === undefined && own === undefined) append('input', name, sum)
    },
    close: () => {
      if (handle !== null) closeSync(handle)
      handle = null
    },
  }
}

/** A finished folder needs none, and one that is being deleted must not be taken up. */
export const removeJournal = (folder: string): void => rmSync(join(folder, JOURNAL), { force: true })
