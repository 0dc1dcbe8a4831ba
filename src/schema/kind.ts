// What a file is by its first bytes: said where one was taken for another kind, so that the error names the thing itself.
import { closeSync, openSync, readSync, statSync } from 'node:fs'

/** Bytes that are enough to know a file. */
export const KIND_BYTES = 512

const PARTIAL = 'the download failed or was stopped; fetch the file again'

/** Formats of weights that are read, by their first bytes: where one of them is wanted, these words would be untrue. */
export type ReadFormat = 'safetensors' | 'torch' | 'gguf'

/** What stands at the beginning of files, as text of one byte per letter. */
const BEGINNINGS: readonly (readonly [RegExp, string, ReadFormat?])[] = [
  [/^version https:\/\/git-lfs/, 'a pointer of Git LFS, not the file: fetch it with "git lfs pull"'],
  [/^\/annex\/objects\//, 'a pointer of git-annex, not the file: fetch it with "git annex get"'],
  [/^\s*<(!doctype html|html)/i, 'an HTML page: the download failed, or the address is that of a web page'],
  [/^(\xef\xbb\xbf)?\s*<\?xml|^\s*<Error>/, 'an XML text, such as the error of a server: the download failed'],
  [/^PK\x03\x04.{26}[^/]+\/data\.pkl/s, 'a file of torch.save: its name must end in .bin, .pt or .pth', 'torch'],
  [/^PK\x03\x04/, 'a zip archive: unpack it'],
  [/^\x1f\x8b/, 'packed by gzip: unpack it'],
  [/^(BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|7z\xbc\xaf)/, 'a packed file (bzip2, xz, zstd or 7z): unpack it'],
  [/^.{257}ustar/s, 'a tar archive: unpack it'],
  [/^PAR1/, 'a Parquet file, which holds data and no weights'],
  [/^ARROW1/, 'an Arrow file, which holds data and no weights'],
  [/^GGUF/, 'a GGUF file: its name must end in .gguf', 'gguf'],
  [/^\x89HDF\r\n\x1a\n/, 'an HDF5 file of Keras or TensorFlow'],
  [/^\x93NUMPY/, 'an array of NumPy'],
  [
    /^\x80[\x02-\x05]|^\x80\x8a/,
    'a pickle, such as torch.save writes: its name must end in .bin, .pt or .pth',
    'torch',
  ],
  [/^.{7}\0\{/s, 'a safetensors file: its name must end in .safetensors', 'safetensors'],
  [/^\s*[{[]\s*["{[\]}]/, 'JSON text: perhaps the error of a server, or the index of the weights'],
  [/^\0{64}/, `zeros at its beginning: ${PARTIAL}`],
]

/**
 * What a file is, in words that follow its path; null for one that is not known.
 * @param start its first bytes, KIND_BYTES of them where it has as many
 * @param wanted the format that it should have been
 */
export function kindOfBytes(start: Uint8Array, wanted?: ReadFormat | 'json'): string | null {
  if (!start.length) return wanted === 'json' ? 'is empty' : `is empty: ${PARTIAL}`
  const text = Buffer.from(start.buffer, start.byteOffset, start.byteLength).toString('latin1')
  const found = BEGINNINGS.find(([beginning, , format]) => beginning.test(text) && (!format || format !== wanted))?.[1]
  if (found !== undefined) return `is ${found}`
  if (!/^[\t\r\n -~]+$/.test(text)) return null
  const words = JSON.stringify(text.trim().slice(0, 40))
  // People write JSON themselves, and other texts in its place.
  return wanted === 'json'
    ? `is no JSON: it begins with ${words}`
    : `is a text that begins with ${words}: the download failed?`
}

/** The same of a file; null for one that cannot be read. */
function kindOfFile(path: string): string | null {
  try {
    const start = Buffer.alloc(Math.min(KIND_BYTES, statSync(path).size))
    const handle = openSync(path, 'r')
    try {
      readSync(handle, start, 0, start.length, 0)
    } finally {
      closeSync(handle)
    }
    return kindOfBytes(start)
  } catch {
    return null
  }
}

/** The same without what may have happened to it, or what to do. Words in quotes stay whole. */
export const nounOfFile = (path: string): string | undefined =>
  kindOfFile(path)?.replace(/^((?:[^":]|"(?:[^"\\]|\\.)*")*): .*$/s, '$1')
