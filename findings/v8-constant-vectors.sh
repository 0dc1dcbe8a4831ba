#!/usr/bin/env bash
# Node 20.20.2, 22.23.3, 24.21.0 and 26.10.0 on x64, assemblyscript 0.28.20: constant vectors in a loop of WebAssembly.
# A vector that is the same in every round, such as i32x4.splat(7), is expected to be made once, before the loop, and to stay in a register.
# V8's optimising compiler makes it anew, by two or three instructions. Up to Node 22 it does so in a loop that may run no round, as `for`
# is compiled, and not in one that runs at least one, `do`. From Node 24 on it does so in both, and at every use. What it cannot know to be
# constant, here the splat of a variable, it keeps in a register: up to Node 22 in `do` alone, from Node 24 on in both.
# Seen (form of the loop, instructions of its compiled rounds that load a constant, rounds):
#   v20.20.2 for 3 in 2
#   v20.20.2 do 0 in 2
#   v20.20.2 do, of variables 0 in 2
#   v22.23.3 for 3 in 2
#   v22.23.3 do 0 in 2
#   v22.23.3 do, of variables 0 in 2
#   v24.21.0 for 12 in 4
#   v24.21.0 do 12 in 4
#   v24.21.0 do, of variables 0 in 4
#   v26.10.0 for 12 in 4
#   v26.10.0 do 12 in 4
#   v26.10.0 do, of variables 0 in 4
set -euo pipefail
[ "$(uname -m)" = x86_64 ] || { echo 'this reads the code of x64 processors'; exit 1; }
script=$(realpath "$0"); work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
cat > loops.ts <<'TS'
let A: i32 = 0, B: i32 = 0, C: i32 = 0
export function set(a: i32, b: i32, c: i32): void {
  A = a
  B = b
  C = c
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function round(sum: v128, words: v128, a: v128, b: v128, c: v128): v128 {
  const mixed = i32x4.mul(v128.xor(i32x4.mul(v128.xor(words, sum), a), i32x4.shr_u(words, 12)), b)
  return i32x4.add(sum, v128.xor(mixed, c))
}

export function byFor(from: usize, end: usize): i32 {
  let sum = i32x4.splat(0)
  for (; from < end; from += 16)
    sum = round(sum, v128.load(from), i32x4.splat(0x2c1b3c6d), i32x4.splat(0x297a2d39), i32x4.splat(0x1b873593))
  return i32x4.extract_lane(sum, 0)
}

export function byDo(from: usize, end: usize): i32 {
  let sum = i32x4.splat(0)
  do {
    sum = round(sum, v128.load(from), i32x4.splat(0x2c1b3c6d), i32x4.splat(0x297a2d39), i32x4.splat(0x1b873593))
    from += 16
  } while (from < end)
  return i32x4.extract_lane(sum, 0)
}

export function ofVariables(from: usize, end: usize): i32 {
  const a = i32x4.splat(A)
  const b = i32x4.splat(B)
  const c = i32x4.splat(C)
  let sum = i32x4.splat(0)
  do {
    sum = round(sum, v128.load(from), a, b, c)
    from += 16
  } while (from < end)
  return i32x4.extract_lane(sum, 0)
}
TS
cat > compile.mjs <<'JS'
import { readFileSync } from 'node:fs'
new WebAssembly.Module(readFileSync('loops.wasm'))
JS
cat > count.mjs <<'JS'
import { execFileSync } from 'node:child_process'
const flags = ['--no-liftoff', '--no-wasm-lazy-compilation', '--print-wasm-code']
const printed = execFileSync(process.execPath, [...flags, 'compile.mjs'], { encoding: 'utf8', maxBuffer: 1 << 28 })
for (const [name, said] of Object.entries({ byFor: 'for', byDo: 'do', ofVariables: 'do, of variables' })) {
  const code = printed.split('--- WebAssembly code ---').find((part) => new RegExp(`^name: .*${name}$`, 'm').test(part))
  const lines = [...code.matchAll(/^0x[0-9a-f]+ +([0-9a-f]+)  [0-9a-f]+ +(.*)$/gm)].map(([, at, text]) => ({ at: parseInt(at, 16), text }))
  // The loop is what the first jump back spans. A round multiplies two vectors.
  const [begin, end] = lines
    .map(({ at, text }) => [parseInt(/^j\w+ .*<\+0x([0-9a-f]+)>/.exec(text)?.[1] ?? 'fffffff', 16), at])
    .find(([to, at]) => to < at)
  const count = (pattern) => lines.filter(({ at, text }) => at >= begin && at <= end && pattern.test(text)).length
  console.log(process.version, said, count(/movq r10,/), 'in', count(/^vpmulld/) / 2)
}
JS
npm init -y > init.log
npm install --silent --no-audit --no-fund assemblyscript@0.28.20
node node_modules/assemblyscript/bin/asc.js loops.ts --outFile loops.wasm -O3 --debug --noAssert --enable simd --runtime stub
for version in 20.20.2 22.23.3 24.21.0 26.10.0; do
  npm install --silent --no-audit --no-fund --prefix "node$version" "node@$version"
  "node$version/node_modules/node/bin/node" count.mjs
done | tee seen
sed -n 's/^#   //p' "$script" | diff - seen
