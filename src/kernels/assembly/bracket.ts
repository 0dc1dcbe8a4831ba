// Entries around a wanted magnitude: what lies above them is counted, and those near it are listed (src/kernels/bracket.ts).

@inline function laneSum(x: v128): i32 {
  return i32x4.extract_lane(x, 0) + i32x4.extract_lane(x, 1) + i32x4.extract_lane(x, 2) + i32x4.extract_lane(x, 3)
}

/**
 * Magnitudes, as bits, from `low` to `high`, which lie around two marks, first >= second. Adds to the u32 at `state`: [0] those above
 * `high`; of the others that equal no mark, [1] those above the first, [2] between them, [3] below the second. Of these there are two lists
 * of u32 behind 40 bytes: bits, and place + index. One of [4] is listed, a power of two; [5] are; [6] may be: when
 * there are more, every second one stays. Each list takes room for 1,024 more. At `equal`, two u32: those that equal the first mark, and
 * the second.
 */
export function bracket(v: usize, size: i32, low: i32, high: i32, first: i32, second: i32, place: i32, state: usize, equal: usize): void {
  const magnitude = i32x4.splat(0x7fffffff)
  const highs = i32x4.splat(high)
  const firsts = i32x4.splat(first)
  const seconds = i32x4.splat(second)
  // bits + shift < width, as signed numbers, where low <= bits <= high.
  const shift = i32x4.splat(i32.MIN_VALUE - low)
  const width = i32x4.splat(i32.MIN_VALUE + (high - low + 1))
  const apart = roomOf(state)
  let overs = i32x4.splat(0)
  let onFirst = overs
  let onSecond = overs
  let i = 0
  while (i + 8 <= size) {
    const begin = endOf(state)
    let to = begin
    const end = min(size, i + 1024)
    do {
      const a = v128.and(v128.load(v), magnitude)
      const b = v128.and(v128.load(v, 16), magnitude)
      const firstA = i32x4.eq(a, firsts)
      const firstB = i32x4.eq(b, firsts)
      const secondA = i32x4.eq(a, seconds)
      const secondB = i32x4.eq(b, seconds)
      overs = i32x4.sub(i32x4.sub(overs, i32x4.gt_s(a, highs)), i32x4.gt_s(b, highs))
      onFirst = i32x4.sub(i32x4.sub(onFirst, firstA), firstB)
      onSecond = i32x4.sub(i32x4.sub(onSecond, secondA), secondB)
      const insideA = v128.andnot(i32x4.lt_s(i32x4.add(a, shift), width), v128.or(firstA, secondA))
      const insideB = v128.andnot(i32x4.lt_s(i32x4.add(b, shift), width), v128.or(firstB, secondB))
      if (v128.any_true(v128.or(insideA, insideB))) {
        const lanes = i32x4.bitmask(insideA) | (i32x4.bitmask(insideB) << 4)
        for (let lane = 0; lane < 8; lane++) {
          store<u32>(to, load<u32>(v + (<usize>lane << 2)) & 0x7fffffff)
          store<u32>(to + apart, place + i + lane)
          to += (lanes >> lane & 1) << 2
        }
      }
      i += 8
      v += 32
    } while (i + 8 <= end)
    if (to > begin) settle(begin, to, first, second, state)
  }
  let over = laneSum(overs)
  let ones = laneSum(onFirst)
  let twos = laneSum(onSecond)
  for (; i < size; i++, v += 4) {
    const bits = load<i32>(v) & 0x7fffffff
    over += bits > high ? 1 : 0
    ones += bits == first ? 1 : 0
    twos += bits == second ? 1 : 0
    if (bits < low || bits > high || bits == first || bits == second) continue
    const to = endOf(state)
    store<u32>(to, bits)
    store<u32>(to + apart, place + i)
    settle(to, to + 4, first, second, state)
  }
  store<u32>(state, load<u32>(state) + over)
  store<u32>(equal, ones)
  store<u32>(equal, twos, 4)
}

/** Bytes from a magnitude to its place. */
@inline function roomOf(state: usize): usize {
  return (<usize>load<u32>(state, 24) + 1024) << 2
}

/** Where the list of magnitudes ends. */
@inline function endOf(state: usize): usize {
  return state + 40 + (<usize>load<u32>(state, 20) << 2)
}

/** Counts the magnitudes from … to, which lie at the end of the list of `bracket`, and thins them as it is thinned. */
function settle(from: usize, to: usize, first: i32, second: i32, state: usize): void {
  let above = load<u32>(state, 4)
  let between = load<u32>(state, 8)
  let below = load<u32>(state, 12)
  let every = load<u32>(state, 16)
  let seen = above + between + below
  const apart = roomOf(state)
  let end = from
  for (; from < to; from += 4, seen++) {
    const bits = load<i32>(from)
    const isAbove: u32 = bits > first ? 1 : 0
    const isBelow: u32 = bits < second ? 1 : 0
    above += isAbove
    below += isBelow
    between += 1 - isAbove - isBelow
    store<u32>(end, bits)
    store<u32>(end + apart, load<u32>(from + apart))
    end += seen & (every - 1) ? 0 : 4
  }
  const list = state + 40
  let length = <u32>((end - list) >> 2)
  if (length > load<u32>(state, 24)) {
    length = (length + 1) >> 1
    every <<= 1
    for (let i: usize = 1; i < <usize>length; i++) {
      store<u32>(list + (i << 2), load<u32>(list + (i << 3)))
      store<u32>(list + apart + (i << 2), load<u32>(list + apart + (i << 3)))
    }
  }
  store<u32>(state, above, 4)
  store<u32>(state, between, 8)
  store<u32>(state, below, 12)
  store<u32>(state, every, 16)
  store<u32>(state, length, 20)
}

/** Index of the n-th (from 1) magnitude with exactly these bits; -1 where there are fewer. */
export function findEqual(v: usize, size: i32, bits: i32, n: i32): i32 {
  for (let i = 0; i < size; i++, v += 4) if ((load<i32>(v) & 0x7fffffff) == bits && --n == 0) return i
  return -1
}
