// MAGPRUNE: entries are ranked by magnitude within their row, and the rank decides the probability of being kept.

const DIGIT: usize = 256

/**
 * v ×= factor of its rank where the draw reaches the limit of its rank, else 0. Ranks count from the smallest magnitude; equal ones
 * rank by index. A radix sort of (magnitude, index) pairs, four digits of 8 bits.
 * @param draws 24 bits for each entry
 * @param limits least draw that keeps the entry, i32 for each rank
 * @param factors factor of a kept entry, f32 for each rank
 * @param space 16 bytes for each column and 4096 bytes
 */
export function prune(v: usize, draws: usize, rows: i32, columns: i32, limits: usize, factors: usize, space: usize): void {
  const counts = space
  const first = space + 16 * DIGIT
  const second = first + (<usize>columns << 3)
  const bytes = <usize>columns << 2
  for (let row = 0; row < rows; row++, v += bytes, draws += bytes) {
    memory.fill(counts, 0, 16 * DIGIT)
    for (let i = 0; i < columns; i++) {
      const bits = load<u32>(v + (<usize>i << 2)) & 0x7fffffff
      store<u64>(first + (<usize>i << 3), (<u64>bits << 32) | <u64>i)
      for (let digit: usize = 0; digit < 4; digit++) {
        const at = counts + (digit << 10) + (<usize>((bits >> (<u32>digit << 3)) & 255) << 2)
        store<u32>(at, load<u32>(at) + 1)
      }
    }
    let from = first
    let to = second
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
    for (let rank = 0; rank < columns; rank++) {
      const at = <usize>load<u32>(first + (<usize>rank << 3)) << 2
      const kept = load<i32>(draws + at) >= load<i32>(limits + (<usize>rank << 2))
      store<f32>(v + at, kept ? load<f32>(v + at) * load<f32>(factors + (<usize>rank << 2)) : 0)
    }
  }
}
