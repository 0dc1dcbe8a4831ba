// The bits of codes by their classes: rows of all 256, and behind them a table for those that look up 16 at once.

/** Bytes of the rows of 256 classes. */
export const ROWS: usize = 256 << 4

/** Of a class: as many ones as it has bits, and their number, from 1 to 56. */
@inline export function rowOf(place: u8, rows: usize): usize {
  return rows + (<usize>place << 4)
}
@inline export function onesIn(row: usize): u64 {
  return load<u64>(row)
}
@inline export function bitsIn(row: usize): u64 {
  return load<u64>(row, 8)
}

/** Of 16 classes their places in the table: of 16 widths, of the first to the fourth bytes of as many ones, and the first class. */
@inline export function placesOf(classes: v128, first: v128): v128 {
  return i8x16.min_u(i8x16.sub_sat_u(classes, first), i8x16.splat(15))
}
/** Bytes, or pairs of them, of two vectors in turn: of their first or of their last eight bytes. */
@inline export function firstBytes(one: v128, two: v128): v128 {
  return v128.shuffle<u8>(one, two, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
}
@inline export function lastBytes(one: v128, two: v128): v128 {
  return v128.shuffle<u8>(one, two, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
}
@inline export function firstPairs(one: v128, two: v128): v128 {
  return v128.shuffle<u16>(one, two, 0, 8, 1, 9, 2, 10, 3, 11)
}
@inline export function lastPairs(one: v128, two: v128): v128 {
  return v128.shuffle<u16>(one, two, 4, 12, 5, 13, 6, 14, 7, 15)
}
