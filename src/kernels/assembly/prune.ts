// MAGPRUNE: entries are ranked by magnitude within their row, and the rank decides the probability of being kept.

const DIGIT: usize = 256

/**
 * A bin leaves out so many bits of a magnitude: 8 bits of exponent and 6 of fraction remain, or 4 in short rows: all bins between the least
 * and the largest magnitude are walked through, whatever is in them. Each has two bins: the magnitude whose other bits are 0, of which most
 * differences of two bf16 numbers are, and the magnitudes above it.
 */
const SHIFT: i32 = 17
const SHORT_SHIFT: i32 = 19
/** Rows of fewer columns are short. */
const SHORT: i32 = 2048
/** Bytes of the bins for entries that are 0: four of them, because one would have to wait for itself. They lie before the others. */
const ZEROS: usize = 32
/** Bytes of all bins, whatever a magnitude's bits are, and of the vector behind them, in which the sums end. */
const BINS: usize = ZEROS + 8 * ((1 << 14) + 2)

/** A row with more open entries than that is sorted. */
const MOST_OPEN: i32 = 96

/** What stands for the draw of an entry that is kept, above all limits; its complement for that of one that is dropped. */
const KEPT: i32 = 1 << 30

/** Sorts (magnitude << 32 | index) of a row, four digits of 8 bits. @param space 16 bytes for each column and 4096 bytes @returns where they are */
function sortRow(v: usize, columns: i32, space: usize): usize {
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

/**
 * v ×= factor of its rank where the draw reaches the limit of its rank, else × 0. Ranks count from the smallest magnitude; equal ones
 * rank by index.
 * @param draws 24 bits for each entry
 * @param limits least draw that keeps the entry, i32 for each rank
 * @param factors factor of a kept entry, f32 for each rank
 * @param space as for `decideRows`
 */
export function prune(v: usize, draws: usize, rows: i32, columns: i32, limits: usize, factors: usize, space: usize): void {
  const bytes = <usize>columns << 2
  for (let row = 0; row < rows; row++, v += bytes, draws += bytes) {
    const sorted = sortRow(v, columns, space + BINS)
    for (let rank = 0; rank < columns; rank++) {
      const at = <usize>load<u32>(sorted + (<usize>rank << 3)) << 2
      const kept = load<i32>(draws + at) >= load<i32>(limits + (<usize>rank << 2))
      store<f32>(v + at, load<f32>(v + at) * (kept ? load<f32>(factors + (<usize>rank << 2)) : 0))
    }
  }
}

@inline function laneSum(x: v128): i32 {
  return i32x4.extract_lane(x, 0) + i32x4.extract_lane(x, 1) + i32x4.extract_lane(x, 2) + i32x4.extract_lane(x, 3)
}

/** Number of magnitudes below the limit in bytes `from` to `to` of a row, multiples of 16. */
@inline function countBelow(v: usize, from: usize, to: usize, limit: i32): i32 {
  const magnitude = i32x4.splat(0x7fffffff)
  const limits = i32x4.splat(limit)
  let a = i32x4.splat(0)
  let b = a
  for (; from + 64 <= to; from += 64) {
    a = i32x4.add(a, i32x4.lt_s(v128.and(v128.load(v + from), magnitude), limits))
    b = i32x4.add(b, i32x4.lt_s(v128.and(v128.load(v + from, 16), magnitude), limits))
    a = i32x4.add(a, i32x4.lt_s(v128.and(v128.load(v + from, 32), magnitude), limits))
    b = i32x4.add(b, i32x4.lt_s(v128.and(v128.load(v + from, 48), magnitude), limits))
  }
  for (; from < to; from += 16) a = i32x4.add(a, i32x4.lt_s(v128.and(v128.load(v + from), magnitude), limits))
  return -laneSum(i32x4.add(a, b))
}

/** Number of magnitudes of a row of so many bytes before the entry at byte i: smaller ones, and equal ones of a lower index. */
function rankOf(v: usize, bytes: usize, i: usize): u32 {
  const bits = load<i32>(v + i) & 0x7fffffff
  const own = i & ~15
  const end = bytes & ~15
  let count = own < end
    ? countBelow(v, 0, own, bits + 1) + countBelow(v, own + 16, end, bits)
    : countBelow(v, 0, end, bits + 1)
  for (let j = own; j < min(own + 16, bytes); j += 4) count += (load<i32>(v + j) & 0x7fffffff) < bits + <i32>(j < i) ? 1 : 0
  for (let j = max(end, own + 16); j < bytes; j += 4) count += (load<i32>(v + j) & 0x7fffffff) < bits ? 1 : 0
  return count
}

/** 16 bits: which of 16 draws, moved by `shift`, are below the end: as signed numbers, which is what processors compare. */
@inline function openBits(draws: usize, shift: v128, end: v128): u64 {
  const a = i32x4.lt_s(i32x4.add(v128.load(draws), shift), end)
  const b = i32x4.lt_s(i32x4.add(v128.load(draws, 16), shift), end)
  const c = i32x4.lt_s(i32x4.add(v128.load(draws, 32), shift), end)
  const d = i32x4.lt_s(i32x4.add(v128.load(draws, 48), shift), end)
  return <u64>i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)))
}

/** 64 bits: which of 64 draws are. */
@inline function openGroup(draws: usize, shift: v128, end: v128): u64 {
  return openBits(draws, shift, end) |
    (openBits(draws + 64, shift, end) << 16) |
    (openBits(draws + 128, shift, end) << 32) |
    (openBits(draws + 192, shift, end) << 48)
}

// The addresses of the first and the last bin of a row besides those of 0.
let first: usize = 0
let last: usize = 0

/** Where the bin of each of four magnitudes is, in bytes from the first that is not of 0. */
@inline function binsOf(bits: v128, shift: i32): v128 {
  const others = i32x4.splat((1 << shift) - 1)
  const twice = i32x4.add(i32x4.shr_u(bits, shift), i32x4.shr_u(i32x4.add(bits, others), shift))
  // Odd ones before the first: they are no bins of one magnitude.
  const zeros = i32x4(-28, -20, -12, -4)
  return v128.or(i32x4.shl(twice, 2), v128.and(i32x4.eq(bits, i32x4.splat(0)), zeros))
}

/** Counts an entry in its bin. @returns the count before it */
@inline function countIn(bin: usize): u32 {
  const place = load<u32>(bin)
  store<u32>(bin, place + 4)
  return place
}

/**
 * Counts the entries of a row in their bins: 4 for each, so that a rank is the place of its limit. The shift is to be a constant:
 * a variable one takes the processor twice as long.
 * @param bins address of those that are not of 0, zeroed
 * @param own receives the address of each entry's bin
 * @param places receives the count of its bin before each entry
 */
@inline function countRow(v: usize, bytes: usize, bins: usize, own: usize, places: usize, shift: i32): void {
  const magnitude = i32x4.splat(0x7fffffff)
  const starts = i32x4.splat(<i32>bins)
  let leasts = i32x4.splat(-1)
  let mosts = i32x4.splat(0)
  let i: usize = 0
  for (; i + 16 <= bytes; i += 16) {
    const bin = binsOf(v128.and(v128.load(v + i), magnitude), shift)
    leasts = i32x4.min_u(leasts, bin)
    mosts = i32x4.max_s(mosts, bin)
    const at = own + i
    const to = places + i
    v128.store(at, i32x4.add(bin, starts))
    const a = <usize>load<u32>(at)
    const b = <usize>load<u32>(at, 4)
    const c = <usize>load<u32>(at, 8)
    const d = <usize>load<u32>(at, 12)
    // To store is what takes longest: two places at a time.
    const even = <u64>countIn(a)
    store<u64>(to, even | (<u64>countIn(b) << 32))
    const next = <u64>countIn(c)
    store<u64>(to, next | (<u64>countIn(d) << 32), 8)
  }
  if (i < bytes) {
    // Behind the end of the row lies something else: more bins are walked through than need be.
    const bin = binsOf(v128.and(v128.load(v + i), magnitude), shift)
    leasts = i32x4.min_u(leasts, bin)
    mosts = i32x4.max_s(mosts, bin)
    v128.store(own + i, i32x4.add(bin, starts))
    for (; i < bytes; i += 4) store<u32>(places + i, countIn(<usize>load<u32>(own + i)))
  }
  const least = min(
    min(<u32>i32x4.extract_lane(leasts, 0), <u32>i32x4.extract_lane(leasts, 1)),
    min(<u32>i32x4.extract_lane(leasts, 2), <u32>i32x4.extract_lane(leasts, 3)),
  )
  const most = max(
    max(i32x4.extract_lane(mosts, 0), i32x4.extract_lane(mosts, 1)),
    max(i32x4.extract_lane(mosts, 2), i32x4.extract_lane(mosts, 3)),
  )
  // Whole vectors of bins; none where all entries are 0.
  first = bins + (<usize>least & ~15)
  last = bins + (<usize>most & ~15)
  if (most < 0) first = last + 16
}

function countShort(v: usize, bytes: usize, bins: usize, own: usize, places: usize): void {
  countRow(v, bytes, bins, own, places, SHORT_SHIFT)
}

function countLong(v: usize, bytes: usize, bins: usize, own: usize, places: usize): void {
  countRow(v, bytes, bins, own, places, SHIFT)
}

/** Makes the counts of the bins of a row 4 times the number of magnitudes below each. */
function sumBins(bins: usize): void {
  const none = i32x4.splat(0)
  let sums = i32x4.splat(laneSum(i32x4.add(v128.load(bins - 32), v128.load(bins - 16))))
  v128.store(bins - 32, none)
  v128.store(bins - 16, none)
  for (let at = first; at <= last; at += 16) {
    const sizes = v128.load(at)
    const pairs = i32x4.add(sizes, v128.shuffle<i32>(none, sizes, 0, 4, 5, 6))
    const all = i32x4.add(pairs, v128.shuffle<i32>(none, pairs, 0, 1, 4, 5))
    v128.store(at, i32x4.add(sums, i32x4.sub(all, sizes)))
    sums = i32x4.add(sums, v128.shuffle<i32>(all, all, 3, 3, 3, 3))
  }
  v128.store(last + 16, sums)
}

/** Decides an entry by 4 times its rank: what is decided stays. */
@inline function settle(draw: usize, limits: usize, rank: usize): void {
  store<i32>(draw, ((load<i32>(draw) - load<i32>(limits + rank)) >> 31) ^ KEPT)
}

/** Decides the entries of a row whose draws do not do it alone. @param open bit for each of them, in groups of 64 */
function decide(v: usize, draws: usize, columns: i32, limits: usize, open: usize, space: usize): void {
  const bytes = <usize>columns << 2
  const own = open + (<usize>((columns + 63) >> 6) << 3)
  const places = own + bytes + 16
  const list = places + bytes
  const bins = space + ZEROS
  let left = list
  if (columns < SHORT) countShort(v, bytes, bins, own, places)
  else countLong(v, bytes, bins, own, places)
  sumBins(bins)
  for (let from: usize = 0; from < bytes; from += 256, open += 8) {
    for (let group = load<u64>(open); group != 0; group &= group - 1) {
      const i = from + (<usize>ctz(group) << 2)
      const bin = <usize>load<u32>(own + i)
      const least = <usize>load<u32>(bin)
      if (!(bin & 4)) {
        settle(draws + i, limits, least + <usize>load<u32>(places + i))
        continue
      }
      // The bin bounds the rank, and that decides nearly all entries. Without branches, which would be taken at random.
      const most = <usize>load<u32>(bin, 4) - 4
      const draw = load<i32>(draws + i)
      const dropped = (draw - load<i32>(limits + least)) >> 31
      const isOpen = dropped & <i32>(bin >= bins) & <i32>(draw >= load<i32>(limits + most))
      store<i32>(draws + i, ((dropped ^ KEPT) & (isOpen - 1)) | (draw & -isOpen))
      store<u32>(left, <u32>i)
      left += <usize>isOpen << 2
    }
  }
  if (<i32>((left - list) >> 2) > MOST_OPEN) {
    const sorted = sortRow(v, columns, space + BINS)
    for (let rank: usize = 0; rank < bytes; rank += 4)
      settle(draws + (<usize>load<u32>(sorted + (rank << 1)) << 2), limits, rank)
  } else
    for (let at = list; at < left; at += 4) {
      const i = <usize>load<u32>(at)
      settle(draws + i, limits, <usize>rankOf(v, bytes, i) << 2)
    }
  memory.fill(first, 0, last + 32 - first)
}

/**
 * Changes draws so that the largest limit alone says what `prune` with factors of 1 would keep. The limits fall with the rank, so draws
 * outside of them say it as they are.
 * @param space BINS bytes, zeroed, 4096 bytes, and 16 bytes for each column
 */
export function decideRows(v: usize, draws: usize, rows: i32, columns: i32, limits: usize, space: usize): void {
  const bytes = <usize>columns << 2
  const least = load<i32>(limits + bytes - 4)
  const most = load<i32>(limits)
  // The signed numbers from the least one on.
  const shift = i32x4.splat(i32.MIN_VALUE - least)
  const end = i32x4.splat(i32.MIN_VALUE + (most - least))
  const open = space + BINS
  const whole = <usize>rows * bytes
  for (let row: usize = 0; least < most && row < whole; row += bytes) {
    let any: u64 = 0
    for (let i = 0; i < columns; i += 64) {
      let group = openGroup(draws + row + (<usize>i << 2), shift, end)
      if (columns - i < 64) group &= (<u64>1 << <u64>(columns - i)) - 1
      store<u64>(open + <usize>(i >> 3), group)
      any |= group
    }
    if (any != 0) decide(v + row, draws + row, columns, limits, open, space)
  }
}
