// What is done within each row: selection of the largest magnitudes, and rounding to even levels. Magnitudes are compared as the integers that their bits spell.

/** Digits of 11, 10 and 10 bits; a bin takes 4 bytes. */
const FIRST: usize = 4 << 11
const NEXT: usize = 4 << 10

// What `cutRow` found: bits of the k-th largest magnitude, how many entries have it, and how many of these are among the k.
let threshold: i32 = 0
let ties: i32 = 0
let left: i32 = 0

@inline function bitsAt(v: usize, i: usize): u32 {
  return load<u32>(v + i) & 0x7fffffff
}

/** The bin, from `bin` down, that holds the entry number `left` from the top; `left` becomes its number in the bin. */
@inline function descend(space: usize, bin: u32): u32 {
  for (ties = load<i32>(space + (<usize>bin << 2)); ties < left; ties = load<i32>(space + (<usize>bin << 2))) {
    left -= ties
    bin--
  }
  return bin
}

@inline function count(space: usize, bin: u32): void {
  const at = space + (<usize>bin << 2)
  store<u32>(at, load<u32>(at) + 1)
}

/** @param space of the bins of the first digit; it is left zeroed */
function cutRow(v: usize, bytes: usize, k: i32, space: usize): void {
  if (k == 0) {
    threshold = 0x7f800000
    ties = left = 0
    return
  }
  left = k
  let most: u32 = 0
  for (let i: usize = 0; i < bytes; i += 4) {
    const bin = bitsAt(v, i) >> 20
    most = max(most, bin)
    count(space, bin)
  }
  const first = descend(space, most)
  memory.fill(space, 0, FIRST)
  for (let i: usize = 0; i < bytes; i += 4) {
    const bits = bitsAt(v, i)
    if (bits >> 20 == first) count(space, (bits >> 10) & 1023)
  }
  const second = (first << 10) | descend(space, 1023)
  memory.fill(space, 0, NEXT)
  for (let i: usize = 0; i < bytes; i += 4) {
    const bits = bitsAt(v, i)
    if (bits >> 10 == second) count(space, bits & 1023)
  }
  threshold = <i32>((second << 10) | descend(space, 1023))
  memory.fill(space, 0, NEXT)
}

/** v ×= scale where the bits of the magnitude reach the least, else × 0. */
function keepFrom(v: usize, bytes: usize, least: i32, scale: f32): void {
  const magnitude = i32x4.splat(0x7fffffff)
  const leasts = i32x4.splat(least)
  const scales = f32x4.splat(scale)
  let i: usize = 0
  for (; i + 16 <= bytes; i += 16) {
    const value = v128.load(v + i)
    const kept = i32x4.ge_s(v128.and(value, magnitude), leasts)
    v128.store(v + i, f32x4.mul(value, v128.and(scales, kept)))
  }
  for (; i < bytes; i += 4) store<f32>(v + i, load<f32>(v + i) * (<i32>bitsAt(v, i) >= least ? scale : 0))
}

/** v ×= scale at the k largest of each row, else × 0. @param rule for ties at the threshold: 0 the lowest indices, 1 all, 2 none */
export function keepRows(v: usize, rows: i32, columns: i32, k: i32, rule: i32, scale: f32, space: usize): void {
  const bytes = <usize>columns << 2
  for (let row = 0; row < rows; row++, v += bytes) {
    cutRow(v, bytes, k, space)
    let rest = rule == 0 ? left : rule == 1 ? ties : 0
    if (rest == 0 || rest == ties) {
      keepFrom(v, bytes, rest == 0 ? threshold + 1 : threshold, scale)
      continue
    }
    for (let i: usize = 0; i < bytes; i += 4) {
      const bits = <i32>bitsAt(v, i)
      const kept = bits > threshold || (bits == threshold && rest-- > 0)
      store<f32>(v + i, load<f32>(v + i) * (kept ? scale : 0))
    }
  }
}

/** v ×= 0 at the k largest of each row, ties by the lowest indices. */
export function dropRows(v: usize, rows: i32, columns: i32, k: i32, space: usize): void {
  const bytes = <usize>columns << 2
  for (let row = 0; row < rows; row++, v += bytes) {
    cutRow(v, bytes, k, space)
    for (let i: usize = 0; i < bytes; i += 4) {
      const bits = <i32>bitsAt(v, i)
      if (bits > threshold || (bits == threshold && left-- > 0)) store<f32>(v + i, load<f32>(v + i) * 0)
    }
  }
}

/** Number of entries that share the magnitude of the k-th largest of their row with others, and are not 0. */
export function countRowTies(v: usize, rows: i32, columns: i32, k: i32, space: usize): i32 {
  const bytes = <usize>columns << 2
  let sum = 0
  for (let row = 0; row < rows; row++, v += bytes) {
    cutRow(v, bytes, k, space)
    if (threshold != 0 && ties > 1) sum += ties
  }
  return sum
}

/**
 * v = its nearest of `top` + 1 even levels between the least and the largest value of its group, with 0 among them: `width` entries of a
 * row, the last group of a row has what is left (src/kernels/grid.ts).
 */
export function quantise(v: usize, rows: i32, columns: i32, width: i32, top: f32): void {
  for (let row = 0; row < rows; row++)
    for (let from = 0; from < columns; from += width) {
      const bytes = <usize>min(width, columns - from) << 2
      let least: f32 = 0
      let most: f32 = 0
      for (let i: usize = 0; i < bytes; i += 4) {
        const value = load<f32>(v + i)
        least = min(least, value)
        most = max(most, value)
      }
      // A subnormal range would round to a scale of 0.
      let scale = (most - least) / top
      if (scale == 0) scale = 1
      const zero = nearest(-least / scale)
      for (let i: usize = 0; i < bytes; i += 4) {
        const code = nearest(load<f32>(v + i) / scale) + zero
        store<f32>(v + i, (min(max(code, 0), top) - zero) * scale)
      }
      v += bytes
    }
}
