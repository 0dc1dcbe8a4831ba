// Reads what the experiment needs of Python packages: the files of a wheel (zip), and one file of a source archive (tar.gz).
import { Readable } from 'node:stream'
import { createGunzip, inflateRawSync } from 'node:zlib'

/** Files of a wheel under their paths, decompressed. @param {Buffer} bytes @returns {Map<string, () => Buffer>} */
export function filesOfZip(bytes) {
  const end = bytes.lastIndexOf(Buffer.from('PK\x05\x06'))
  if (end < 0) throw new Error('is not a zip file')
  const files = new Map()
  let at = bytes.readUInt32LE(end + 16)
  for (let i = bytes.readUInt16LE(end + 10); i > 0; i--) {
    const [method, size] = [bytes.readUInt16LE(at + 10), bytes.readUInt32LE(at + 20)]
    const [name, extra, comment] = [28, 30, 32].map((place) => bytes.readUInt16LE(at + place))
    const start = bytes.readUInt32LE(at + 42)
    const path = bytes.toString('utf8', at + 46, at + 46 + name)
    files.set(path, () => {
      const body = start + 30 + bytes.readUInt16LE(start + 26) + bytes.readUInt16LE(start + 28)
      const stored = bytes.subarray(body, body + size)
      return method === 0 ? stored : inflateRawSync(stored)
    })
    at += 46 + name + extra + comment
  }
  return files
}

/**
 * A file of a tar.gz. What follows it is not downloaded.
 * @param {AsyncIterable<Uint8Array>} chunks @param {string} wanted @returns {Promise<Buffer>}
 */
export async function fileOfTar(chunks, wanted) {
  let held = Buffer.alloc(0)
  let parts
  let left = 0
  for await (const part of Readable.from(chunks).pipe(createGunzip())) {
    held = Buffer.concat([held, part])
    while (held.length >= (left ? 1 : 512)) {
      if (left) {
        const taken = held.subarray(0, left)
        parts?.push(taken)
        left -= taken.length
        held = held.subarray(taken.length)
        if (parts && !left) return Buffer.concat(parts)
      } else {
        const path = held.toString('utf8', 0, 100).replace(/\0.*$/s, '')
        const size = Number.parseInt(held.toString('latin1', 124, 136), 8) || 0
        parts = path === wanted ? [] : undefined
        left = parts ? size : Math.ceil(size / 512) * 512
        held = held.subarray(512)
      }
    }
  }
  throw new Error(`${wanted} is not in the archive`)
}
