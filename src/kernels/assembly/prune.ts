// MAGPRUNE: entries are ranked by magnitude within their row, and the rank decides the probability of being kept.
import { BINS, countLong, countShort, first, last, SHORT, sumBins, ZEROS } from './shared/bins'
import { sortRow } from './shared/sorted'
import { laneSum } from './shared/wide'

/** A row with more open entries than that is sorted. */
const MOST_OPEN: i32 = 96

/** What stands for the draw of an entry that is kept, above all limits; its complement for that of one that is dropped. */
const KEPT: i32 = 1 << 30

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
