// Files of torch.save that are damaged, cut, or made to look like more than they are: one line each, and never anything else.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { gather } from '../../src/checkpoint/gather.js'
import { openFile } from '../../src/checkpoint/made-file.js'
import { UserError } from '../../src/errors/index.js'
import { readTorchFile } from '../../src/torch/index.js'
import { pickle } from './pickle.js'

const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
after(() => rmSync(root, { recursive: true }))
const path = join(root, 'pytorch_model.bin')
const reading = async (bytes: Buffer) => {
  writeFileSync(path, bytes)
  return (await readTorchFile(path, openFile)).tensors
}

const { global, text, number } = pickle
const FLOATS = global('torch', 'FloatStorage')
/** A tensor of the old form on a storage of so many entries. */
const tensor = (count: number, shape: number[], stride: number[], more: (string | Buffer)[] = ['N']) => {
  const tuple = (list: number[]) => ['(', ...list.map(number), 't']
  const storage = ['(', text('storage'), FLOATS, text('7'), text('cpu'), number(count), ...more, 'tQ']
  return [
    global('torch._utils', '_rebuild_tensor_v2'),
    '(',
    ...storage,
    number(0),
    ...tuple(shape),
    ...tuple(stride),
    '\x89',
    global('collections', 'OrderedDict'),
    ')R',
    'tR',
  ].flat()
}
const file = (parts: (string | Buffer)[], values: number[]) => {
  const count = Buffer.alloc(8)
  count.writeBigInt64LE(BigInt(values.length))
  const numbers = Buffer.from(Float32Array.from(values).buffer)
  return Buffer.concat([pickle.legacy('}', text('w'), ...parts, 's'), pickle(']', text('7'), 'a'), count, numbers])
}

test('a file by hand: where its numbers lie', async () => {
  const bytes = file(tensor(6, [3, 2], [1, 3]), [1, 2, 3, 4, 5, 6])
  const [found] = await reading(bytes)
  assert.deepEqual({ ...found, begin: bytes.length - 24 }, found)
  assert.deepEqual([found!.name, found!.dtype, found!.shape, found!.stride], ['w', 'F32', [3, 2], [1, 3]])
})

test('the oldest form: a storage that is a part of another', async () => {
  const bytes = file(tensor(6, [2], [1], ['(', text('8'), number(4), number(2), 't']), [1, 2, 3, 4, 5, 6])
  const [found] = await reading(bytes)
  assert.equal(found!.begin, bytes.length - 8)
  await assert.rejects(
    reading(file(tensor(6, [2], [1], ['(', text('8'), number(5), number(2), 't']), [1, 2, 3, 4, 5, 6])),
    /part of storage 7 lies outside/,
  )
})

test('the state dict of a trainer, beside a tensor of its own; a dict that holds itself', async () => {
  const inner = [text('model'), '}', text('w'), ...tensor(6, [2], [1]), 's', 's']
  const bytes = file(
    ['N', 's', text('best'), ...tensor(6, [3], [1]), 's', ...inner, text('x'), 'N'],
    [1, 2, 3, 4, 5, 6],
  )
  assert.deepEqual(
    (await reading(bytes)).map(({ name, shape }) => [name, shape]),
    [['w', [2]]],
  )
  const two = [...['ema', 'net'].flatMap((key) => [text(key), '}', text('w'), ...tensor(6, [2], [1]), 's', 's'])]
  await assert.rejects(
    reading(file(['N', 's', ...two, text('x'), 'N'], [1, 2, 3, 4, 5, 6])),
    /tensors under ema, net, and/,
  )
  const own = Buffer.concat([pickle.legacy('}q\x01', text('model'), 'h\x01s'), pickle(']')])
  await assert.rejects(reading(own), /holds no tensors/)
})

test('a tensor larger than its storage, or than its file, is refused', async () => {
  await assert.rejects(
    reading(file(tensor(6, [4, 2], [2, 1]), [1, 2, 3, 4, 5, 6])),
    /\[4, 2\] ends after its storage of 6/,
  )
  await assert.rejects(
    reading(file(tensor(6, [2 ** 30, 2 ** 30], [0, 0]), [1, 2, 3, 4, 5, 6])),
    /tensor w of shape .* is larger than its file/,
  )
  await assert.rejects(reading(file(tensor(9, [2], [1]), [1, 2, 3])), /storage 7 has 3 numbers, and 9 are needed/)
})

test('instructions that weights do not need, and calls of what is no name', async () => {
  await assert.rejects(reading(pickle.legacy('\x82\x01')), /instruction 0x82, which no weights need/)
  await assert.rejects(reading(pickle.legacy('}', text('a'), ')R')), /calls what is not a name/)
  await assert.rejects(reading(pickle.legacy(global('torch', 'FloatStorage'), ')R')), /calls torch\.FloatStorage/)
  await assert.rejects(reading(pickle.legacy(']', text('a'), 's')), /takes more from its stack|sets items/)
})

const FORMS = ['zip', 'legacy', 'views', 'protocol-4', 'trainer', 'objects'].map((form) =>
  readFileSync(`test/fixtures/torch/${form}/pytorch_model.bin`),
)

/** Reads all of a file, and returns the bytes that it asked for. */
async function readAll(bytes: Buffer): Promise<number> {
  let sum = 0
  for (const tensor of await reading(bytes)) {
    const size = tensor.shape.reduce((product, side) => product * side, 1)
    const readAt = async (position: number, length: number) => {
      if (position < 0 || position + length > bytes.length) throw new UserError('ends too early')
      return bytes.subarray(position, position + length)
    }
    const values = await gather(tensor, 1, { from: 0, to: Math.min(size, 1 << 16) }, readAt)
    sum += values.length
  }
  return sum
}

test('a file that is cut anywhere is refused in one line', async () => {
  for (const whole of FORMS)
    for (let length = 0; length < whole.length; length += 1 + (length >> 5))
      await assert.rejects(
        readAll(whole.subarray(0, length)),
        (error) => error instanceof UserError && !/\n/.test(error.message),
      )
})

test('a file with changed bytes is read or refused, and nothing else', async () => {
  const change = fc.record({
    form: fc.nat(FORMS.length - 1),
    places: fc.array(fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(255)), {
      minLength: 1,
      maxLength: 6,
    }),
  })
  await fc.assert(
    fc.asyncProperty(change, async ({ form, places }) => {
      const bytes = Buffer.from(FORMS[form]!)
      for (const [place, value] of places) bytes[Math.floor(place ** 3 * bytes.length)] = value
      await readAll(bytes).catch((error: unknown) => assert.ok(error instanceof UserError, String(error)))
    }),
    { numRuns: 400, seed: 1 },
  )
})
