// Tests of Jinja2 3.1 (`x is even`), by name.
import { operate } from './operators.js'
import { printed } from './text.js'
import { DictView, equal, isNumber, Range, Tuple, Undefined, type Value } from './values.js'

type Test = (value: Value, args: readonly Value[]) => boolean

const ordered =
  (operator: string): Test =>
  (value, [other]) =>
    operate(operator, value, other!) as boolean
const TESTS: Record<string, Test> = {
  defined: (value) => !(value instanceof Undefined),
  undefined: (value) => value instanceof Undefined,
  none: (value) => value === null,
  string: (value) => typeof value === 'string',
  number: (value) => isNumber(value),
  integer: (value) => typeof value === 'bigint',
  float: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  true: (value) => value === true,
  false: (value) => value === false,
  mapping: (value) => value instanceof Map,
  iterable: (value) =>
    typeof value === 'string' ||
    Array.isArray(value) ||
    value instanceof Map ||
    value instanceof Tuple ||
    value instanceof Range ||
    value instanceof DictView ||
    value instanceof Undefined,
  sequence: (value) =>
    typeof value === 'string' ||
    Array.isArray(value) ||
    value instanceof Map ||
    value instanceof Tuple ||
    value instanceof Range ||
    value instanceof Undefined,
  callable: (value) => typeof value === 'function' || value instanceof Undefined,
  odd: (value) => equal(operate('%', value, 2n), 1n),
  even: (value) => equal(operate('%', value, 2n), 0n),
  divisibleby: (value, [by]) => equal(operate('%', value, by!), 0n),
  upper: (value) => ((own) => own === own.toUpperCase() && own !== own.toLowerCase())(printed(value)),
  lower: (value) => ((own) => own === own.toLowerCase() && own !== own.toUpperCase())(printed(value)),
  sameas: (value, [other]) => value === other,
  in: (value, [list]) => operate('in', value, list!) as boolean,
  eq: ordered('=='),
  equalto: ordered('=='),
  '==': ordered('=='),
  ne: ordered('!='),
  '!=': ordered('!='),
  gt: ordered('>'),
  greaterthan: ordered('>'),
  '>': ordered('>'),
  ge: ordered('>='),
  '>=': ordered('>='),
  lt: ordered('<'),
  lessthan: ordered('<'),
  '<': ordered('<'),
  le: ordered('<='),
  '<=': ordered('<='),
}

/** @throws Error for one that is not known here; the test throws for another number of arguments */
export function testNamed(name: string): Test {
  if (!Object.hasOwn(TESTS, name)) throw new Error(`the test ${name} is not supported`)
  const test = TESTS[name]!
  return (value, args) => {
    const wanted = test.length - 1
    if (args.length !== wanted)
      throw new Error(`the test ${name} has ${wanted === 1 ? 'one argument' : 'no arguments'}, not ${args.length}`)
    return test(value, args)
  }
}
