// TFRecord, the frame of event files: each record is its length in bytes (uint64), the checksum of the length, the bytes and their
// checksum, numbers with the lowest byte first (https://www.tensorflow.org/tutorials/load_data/tfrecord).

/** Records one behind the other. */
export const framed = (records: readonly Uint8Array[]): Buffer => Buffer.concat(records.flatMap(frame))

function frame(record: Uint8Array): Uint8Array[] {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(record.length))
  return [length, checksum(length), record, checksum(record)]
}

/** CRC-32C, rotated right by 15 bits and raised by a constant, so that checksums of data with checksums in it are no special case. */
function checksum(bytes: Uint8Array): Buffer {
  const crc = crc32c(bytes)
  const masked = Buffer.alloc(4)
  masked.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0)
  return masked
}

/** CRC-32C of Castagnoli (RFC 3720, appendix B.4), of which zlib has only the elder sister. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
  return crc
})
