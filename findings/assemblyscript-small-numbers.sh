#!/usr/bin/env bash
# assemblyscript 0.28.9: TypeScript's words with rules that are neither JavaScript's nor C's.
# - Bytes are not widened: x + 250 of a u8 x is a u8, so that (10 + 250) >> 1 is 2 (C and JavaScript: 130).
# - A float becomes an integer of 32 bits by saturation, NaN 0; a byte is the lower part of that. So <u8>300.0 is 44 and <u8>-1.0 is 0
#   (C leaves both open; a Uint8Array would hold 44 and 255, a Uint8ClampedArray 255 and 0).
# - A literal takes the type of the other side: f32(0.1) == 0.1 is true (C and JavaScript's Math.fround(0.1) === 0.1: false).
# Seen: 2 | 0 2147483647 44 0 | 1
# Exits non-zero once one of them is another.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund assemblyscript@0.28.9
cat > small.ts <<'TS'
export function middle(x: u8): i32 { return (x + 250) >> 1 }
export function whole(x: f64): i32 { return <i32>x }
export function byte(x: f64): u8 { return <u8>x }
export function tenth(x: f32): bool { return x == 0.1 }
TS
node_modules/.bin/asc small.ts --outFile small.wasm -O3 --runtime stub --use abort=
cat > check.mjs <<'JS'
import { readFileSync } from 'node:fs'
const { middle, whole, byte, tenth } = (await WebAssembly.instantiate(readFileSync('small.wasm'), {})).instance.exports
const seen = `${middle(10)} | ${whole(NaN)} ${whole(3e9)} ${byte(300)} ${byte(-1)} | ${tenth(Math.fround(0.1))}`
console.log(seen)
process.exitCode = seen === '2 | 0 2147483647 44 0 | 1' ? 0 : 1
JS
node check.mjs
