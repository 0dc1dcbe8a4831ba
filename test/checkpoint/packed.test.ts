// GPTQ of 2, 4 and 8 bit, packed here code by code: the weights are (code − zero point) · scale of the group that g_idx names.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { stored, temporary } from './files.js'

const root = temporary()
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')
const words = (list: readonly number[]) => text(new Uint8Array(Int32Array.from(list).buffer))
/** Codes in words of 32 bits, the first in the lowest bits. */
const pack = (codes: readonly number[], bits: number): number[] =>
  Array.from({ length: (codes.length * bits) / 32 }, (_, word) =>
    Array.from({ length: 32 / bits }, (_, i) => codes[(word * 32) / bits + i]! * 2 ** (i * bits)).reduce(
      (a, b) => a + b,
    ),
  ).map((word) => word | 0)

const ONES = { 2: 0x55555555, 4: 0x11111111, 8: 0x01010101 }
/** Zero points of eight outputs: a 0 borrows from its neighbour where 1 is taken from the whole word. */
const ZEROS = { 2: [3, 0, 2, 0, 0, 1, 3, 1], 4: [3, 0, 7, 0, 0, 15, 8, 1], 8: [3, 0, 200, 0, 0, 255, 128, 1] }

for (const bits of [2, 4, 8] as const)
  for (const format of ['gptq', 'gptq_v2'])
    test(`GPTQ of ${bits} bit, zero points as ${format} stores them`, async () => {
      const [inputs, outputs, each] = [32, 16, 32 / bits]
      const codes = Array.from({ length: inputs }, (_, i) =>
        Array.from({ length: outputs }, (_, o) => (i * 7 + o * 3) % 2 ** bits),
      )
      const zeros = [0, 1].map((group) => Array.from({ length: outputs }, (_, o) => ZEROS[bits][(o + group) % 8]!))
      const scales = [0.5, 2]
      // Groups in an order of their own, as with desc_act.
      const groups = Array.from({ length: inputs }, (_, i) => (i % 3 === 0 ? 1 : 0))
      // Words along the inputs: word w of output o holds the codes of `each` inputs.
      const qweight = Array.from({ length: inputs / each }, (_, w) =>
        Array.from(
          { length: outputs },
          (_, o) =>
            pack(
              Array.from({ length: each }, (_, i) => codes[w * each + i]![o]!),
              bits,
            )[0]!,
        ),
      ).flat()
      const taken = format === 'gptq' ? ONES[bits] : 0
      const qzeros = zeros.flatMap((line) => pack(line, bits)).map((word) => (word - taken) | 0)
      const half = (value: number) => (value === 0.5 ? '\x00\x38' : '\x00\x40')
      const folder = stored(
        `${root}/${bits}-${format}`,
        {
          'a.qweight': ['I32', [inputs / each, outputs], words(qweight)],
          'a.qzeros': ['I32', [2, outputs / each], words(qzeros)],
          'a.scales': ['F16', [2, outputs], scales.map((scale) => half(scale).repeat(outputs)).join('')],
          'a.g_idx': ['I32', [inputs], words(groups)],
        },
        { quantization_config: { quant_method: 'gptq', bits, group_size: 16, checkpoint_format: format } },
      )
      const checkpoint = await openCheckpoint(folder)
      const expected = Array.from({ length: outputs }, (_, o) =>
        groups.map((group, i) => (codes[i]![o]! - zeros[group]![o]!) * scales[group]!),
      ).flat()
      assert.deepEqual(Array.from(await checkpoint.read('a.weight')), expected)
      await checkpoint.close()
    })
