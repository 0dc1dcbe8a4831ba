// Pickles put together by hand.

type Part = string | Buffer

/** Protocol 2: the instructions, as text of one byte per letter, and the end. */
export const pickle = (...parts: Part[]): Buffer =>
  Buffer.concat(
    ['\x80\x02', ...parts, '.'].map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)),
  )

pickle.global = (module: string, name: string): string => `c${module}\n${name}\n`
pickle.text = (text: string): Buffer => {
  const bytes = Buffer.from(text)
  const head = Buffer.from('X\0\0\0\0', 'latin1')
  head.writeUInt32LE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}
pickle.number = (value: number): Buffer => {
  const bytes = Buffer.from('J\0\0\0\0', 'latin1')
  bytes.writeInt32LE(value, 1)
  return bytes
}

/** A file of the old form whose object is this. */
pickle.legacy = (...parts: Part[]): Buffer =>
  Buffer.concat([
    pickle('\x8a\x0a', Buffer.from('1950a86a20f9469cfc6c', 'hex').reverse()),
    pickle(pickle.number(1001)),
    pickle('}'),
    pickle(...parts),
  ])
