// GPTQ of 2, 3, 4 and 8 bit, packed here code by code: the weights are (code − zero point) · scale of the group that g_idx names.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { stored, temporary } from './files.js'

const root = temporary()
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')
const words = (list: readonly number[]) => text(new Uint8Array(Int32Array.from(list).buffer))
/** Codes in words of 32 bits, the first in the lowest bits, over the ends of words. */
const pack = (codes: readonly number[], bits: number): number[] => {
  const stream = codes.reduce((sum, code, i) => sum | (BigInt(code) << BigInt(i * bits)), 0n)
  return Array.from({ length: (codes.length * bits) / 32 }, (_, word) =>
    Number(BigInt.asIntN(32, stream >> BigInt(32 * word))),
  )
}

const ONES = { 2: 0x55555555, 3: 0, 4: 0x11111111, 8: 0x01010101 }
/** Zero points of eight outputs: a 0 borrows from its neighbour where 1 is taken from the whole word. */
const ZEROS = {
  2: [3, 0, 2, 0, 0, 1, 3, 1],
  3: [3, 0, 7, 0, 0, 5, 4, 1],
  4: [3, 0, 7, 0, 0, 15, 8, 1],
  8: [3, 0, 200, 0, 0, 255, 128, 1],
}

for (const bits of [2, 3, 4, 8] as const)
  for (const [format, named] of [
    ['gptq', true],
    ['gptq_v2', true],
    ['gptq', false],
  ] as const)
    test(`GPTQ of ${bits} bit, zero points as ${format} stores them, groups ${named ? 'named' : 'in order'}`, async () => {
      const [inputs, outputs] = [32, 32]
      const codes = Array.from({ length: inputs }, (_, i) =>
        Array.from({ length: outputs }, (_, o) => (i * 7 + o * 3) % 2 ** bits),
      )
      const zeros = [0, 1].map((group) => Array.from({ length: outputs }, (_, o) => ZEROS[bits][(o + group) % 8]!))
      const scales = [0.5, 2]
      // Groups in an order of their own, as with desc_act.
      const groups = Array.from({ length: inputs }, (_, i) => (named ? (i % 3 === 0 ? 1 : 0) : i >> 4))
      // Words along the inputs: those of output o are column o.
      const columns = Array.from({ length: outputs }, (_, o) =>
        pack(
          codes.map((line) => line[o]!),
          bits,
        ),
      )
      const qweight = Array.from({ length: (inputs * bits) / 32 }, (_, w) => columns.map((column) => column[w]!)).flat()
      const taken = format === 'gptq' ? ONES[bits] : 0
      // Of 3 bit it is taken from each by itself.
      const less = format === 'gptq' && bits === 3 ? 1 : 0
      const qzeros = zeros
        .flatMap((line) =>
          pack(
            line.map((zero) => (zero - less) & (2 ** bits - 1)),
            bits,
          ),
        )
        .map((word) => (word - taken) | 0)
      const half = (value: number) => (value === 0.5 ? '\x00\x38' : '\x00\x40')
      const folder = stored(
        `${root}/${bits}-${format}-${named}`,
        {
          'a.qweight': ['I32', [(inputs * bits) / 32, outputs], words(qweight)],
          'a.qzeros': ['I32', [2, (outputs * bits) / 32], words(qzeros)],
          'a.scales': ['F16', [2, outputs], scales.map((scale) => half(scale).repeat(outputs)).join('')],
          ...(named && { 'a.g_idx': ['I32', [inputs], words(groups)] as [string, number[], string] }),
        },
        { quantization_config: { quant_method: 'gptq', bits, group_size: 16, checkpoint_format: format } },
      )
      const checkpoint = await openCheckpoint(folder)
      const expected = Array.from({ length: outputs }, (_, o) =>
        groups.map((group, i) => (codes[i]![o]! - zeros[group]![o]!) * scales[group]!),
      ).flat()
      assert.deepEqual(Array.from(await checkpoint.read('a.weight')), expected)
      const part = { from: 5 * inputs, to: 9 * inputs }
      assert.deepEqual(Array.from(await checkpoint.readEntries('a.weight', part)), expected.slice(part.from, part.to))
      await checkpoint.close()
    })
