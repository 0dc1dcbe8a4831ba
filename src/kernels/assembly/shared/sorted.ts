// A row in the order of its magnitudes, by digits (radix sort).

const DIGIT: usize = 256

/** Sorts (magnitude << 32 | index) of a row, four digits of 8 bits. @param space 16 bytes for each column and 4096 bytes @returns where they are */
export function sortRow(v: usize, columns: i32, space: usize): usize {
  const counts = space
  let from = space + 16 * DIGIT
  let to = from + (<usize>columns << 3)
  memory.fill(counts, 0, 16 * DIGIT)
  for (let i = 0; i < columns; i++) {
    const bits = load<u32>(v + (<usize>i << 2)) & 0x7fffffff
    store<u64>(from + (<usize>i << 3), (<u64>bits << 32) | <u64>i)
    for (let digit: usize = 0; digit < 4; digit++) {
      const at = counts + (digit << 10) + (<usize>((bits >> (<u32>digit << 3)) & 255) << 2)
      store<u32>(at, load<u32>(at) + 1)
    }
  }
  for (let digit: usize = 0; digit < 4; digit++) {
    const own = counts + (digit << 10)
    let sum: u32 = 0
    for (let bin: usize = 0; bin < DIGIT; bin++) {
      const at = own + (bin << 2)
      const size = load<u32>(at)
      store<u32>(at, sum)
      sum += size
    }
    const shift = 32 + (<u64>digit << 3)
    for (let i = 0; i < columns; i++) {
      const pair = load<u64>(from + (<usize>i << 3))
      const at = own + (<usize>((pair >> shift) & 255) << 2)
      const place = load<u32>(at)
      store<u32>(at, place + 1)
      store<u64>(to + (<usize>place << 3), pair)
    }
    const swap = from
    from = to
    to = swap
  }
  return from
}
