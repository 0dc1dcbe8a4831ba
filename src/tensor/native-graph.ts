// A graph of TensorFlow as the bytes of its protocol buffers: tensorflow/core/framework/{graph,node_def,attr_value,tensor}.proto and
// tensorflow/core/protobuf/saved_model.proto name the numbers of the fields.
import type { Attribute } from './native-run.js'

/** TensorFlow reads graphs of this version and all later ones. */
const PRODUCER = 1000

const varint = (value: number): Buffer => {
  const bytes: number[] = []
  // A negative number is one of 64 bits.
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return Buffer.from([...bytes, Number(rest)])
}
const number = (field: number, value: number) => Buffer.concat([varint(8 * field), varint(value)])
const float = (field: number, value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return Buffer.concat([varint(8 * field + 5), bytes])
}
const bytes = (field: number, ...parts: (Uint8Array | string)[]) => {
  const content = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
  return Buffer.concat([varint(8 * field + 2), varint(content.length), content])
}

const shapeOf = (shape: readonly number[]) => Buffer.concat(shape.map((size) => bytes(2, number(1, size))))

/** The kinds of attributes as the C interface counts them; a field of AttrValue has this number and 2. */
const KINDS = { string: 0, int: 1, float: 2, bool: 3, type: 4, shape: 5 }

function fieldOf(kind: number, value: unknown): Buffer {
  const field = kind + 2
  if (kind === KINDS.string) return bytes(field, value as string)
  if (kind === KINDS.float) return float(field, value as number)
  if (kind === KINDS.shape) return bytes(field, shapeOf(value as number[]))
  return number(field, Number(value))
}

function attribute(name: string, value: Buffer): Buffer {
  return bytes(5, bytes(1, name), bytes(2, value))
}

function attributeOf({ name, type, value }: Attribute): Buffer {
  const isList = Array.isArray(value) && type !== KINDS.shape
  return attribute(name, isList ? bytes(1, ...value.map((each) => fieldOf(type, each))) : fieldOf(type, value))
}

/** Whether a graph can hold these. */
export const canWrite = (attributes: readonly Attribute[]): boolean =>
  attributes.every(({ type }) => type <= KINDS.shape)

/** An operation; an input is the name of a node, or `name:k` for its output k. */
export const operation = (
  name: string,
  kind: string,
  { attributes, inputs }: { attributes: readonly Attribute[]; inputs: readonly string[] },
): Buffer =>
  bytes(1, bytes(1, name), bytes(2, kind), ...inputs.map((input) => bytes(3, input)), ...attributes.map(attributeOf))

/** What is given when the graph runs. */
export const placeholder = (name: string, dtype: number): Buffer =>
  bytes(1, bytes(1, name), bytes(2, 'Placeholder'), attribute('dtype', number(6, dtype)))

/** A tensor of few values. */
export interface Constant {
  dtype: number
  shape: readonly number[]
  values: Uint8Array
}

export function constant(name: string, { dtype, shape, values }: Constant): Buffer {
  const tensor = bytes(8, number(1, dtype), bytes(2, shapeOf(shape)), bytes(4, values))
  return bytes(1, bytes(1, name), bytes(2, 'Const'), attribute('dtype', number(6, dtype)), attribute('value', tensor))
}

/** The tag of the graph in its file. */
export const TAG = 'serve'

/** The file saved_model.pb of a graph. */
export function savedModel(nodes: readonly Buffer[]): Buffer {
  const graph = bytes(2, ...nodes, bytes(4, number(1, PRODUCER)))
  return Buffer.concat([number(1, 1), bytes(2, bytes(1, bytes(4, TAG)), graph)])
}
