// The values of expressions, as Python has them. The library parses; what it makes of values is JavaScript's, so that is done here.
import { applyFilter, type TemplateStyle } from './filters/index.js'
import { attributeOf } from './methods.js'
import { operate, slice, subscript } from './operators.js'
import type { AnyNode } from './parse.js'
import { TEST } from './rewrite.js'
import type { Scope } from './scope.js'
import { testNamed } from './tests.js'
import { printed } from './text.js'
import { isNumber, itemsOf, kindOf, Tuple, toNumber, truth, Undefined, used, type Value } from './values.js'

export class Expressions {
  constructor(readonly style: TemplateStyle) {}

  value(node: AnyNode, scope: Scope): Value {
    switch (node.type) {
      case 'StringLiteral':
        return node.value as string
      case 'IntegerLiteral':
        return BigInt(node.value)
      case 'FloatLiteral':
        return Number(node.value)
      case 'ArrayLiteral':
        return (node.value as AnyNode[]).map((each) => this.value(each, scope))
      case 'TupleLiteral':
        return new Tuple((node.value as AnyNode[]).map((each) => this.value(each, scope)))
      case 'ObjectLiteral':
        return new Map(
          [...(node.value as Map<AnyNode, AnyNode>)].map(([key, each]) => [
            this.value(key, scope),
            this.value(each, scope),
          ]),
        )
      case 'Identifier':
        return this.name(node.value, scope)
      case 'MemberExpression':
        return this.member(node, scope)
      case 'CallExpression': {
        const { args, named } = this.args(node.args, scope)
        return this.called(this.value(node.callee, scope), args, named)
      }
      case 'UnaryExpression':
        return this.unary(node.operator.value, this.value(node.argument, scope))
      case 'BinaryExpression':
        return this.binary(node, scope)
      case 'FilterExpression':
        return this.filtered(this.value(node.operand, scope), node.filter, scope)
      case 'TestExpression':
        return testNamed(node.test.value)(this.value(node.operand, scope), []) !== node.negate
      case 'SelectExpression':
        return truth(this.value(node.test, scope))
          ? this.value(node.lhs, scope)
          : new Undefined('what stands before an if without else', false)
      case 'Ternary':
        return this.value(truth(this.value(node.condition, scope)) ? node.trueExpr : node.falseExpr, scope)
      default:
        throw new Error(`${node.type} is not supported`)
    }
  }

  private name(name: string, scope: Scope): Value {
    const word = { true: true, True: true, false: false, False: false, none: null, None: null }[name]
    const value = word !== undefined ? word : scope.find(name)
    return value !== undefined ? value : new Undefined(name, this.style === 'card')
  }

  private unary(operator: string, value: Value): Value {
    if (operator === 'not') return !truth(value)
    if (!isNumber(used(value))) throw new Error(`${operator} is not for ${kindOf(value)}`)
    const number = toNumber(value as bigint)
    return operator === '-' ? -number : number
  }

  private binary({ operator: { value: operator }, left, right }: AnyNode, scope: Scope): Value {
    const first = this.value(left, scope)
    if (operator === 'and') return truth(first) ? this.value(right, scope) : first
    if (operator === 'or') return truth(first) ? first : this.value(right, scope)
    return operate(operator, first, this.value(right, scope))
  }

  args(nodes: readonly AnyNode[], scope: Scope): { args: Value[]; named: Map<string, Value> } {
    const [args, named]: [Value[], Map<string, Value>] = [[], new Map()]
    for (const node of nodes) {
      if (node.type === 'KeywordArgumentExpression') named.set(node.key.value, this.value(node.value, scope))
      else if (node.type === 'SpreadExpression') args.push(...itemsOf(this.value(node.argument, scope)))
      else if (node.type === 'KeywordSpreadExpression')
        for (const [key, value] of this.value(node.argument, scope) as Map<string, Value>) named.set(key, value)
      else args.push(this.value(node, scope))
    }
    return { args, named }
  }

  called(callee: Value, args: Value[], named: Map<string, Value>): Value {
    if (callee instanceof Undefined) callee.refuse()
    if (typeof callee !== 'function') throw new Error(`${kindOf(callee)} cannot be called`)
    return callee(args, named)
  }

  filtered(value: Value, filter: AnyNode, scope: Scope): Value {
    const [name, nodes] =
      filter.type === 'CallExpression'
        ? [filter.callee.value as string, filter.args as AnyNode[]]
        : [filter.value as string, []]
    const test = TEST.exec(name)
    if (test) return testNamed(test[2]!)(value, this.args(nodes, scope).args) !== (test[1] !== undefined)
    return applyFilter(name, value, { ...this.args(nodes, scope), style: this.style })
  }

  private member({ object, property, computed }: AnyNode, scope: Scope): Value {
    const owner = this.value(object, scope)
    if (owner instanceof Undefined) owner.refuse()
    if (computed && property.type === 'SliceExpression') {
      return slice(
        owner,
        ...[property.start, property.stop, property.step].map((each) => each && this.value(each, scope)),
      )
    }
    const key: Value = computed
      ? this.value(property, scope)
      : property.type === 'IntegerLiteral'
        ? BigInt(property.value)
        : (property.value as string)
    const attribute = () => (typeof key === 'string' ? attributeOf(owner, key, this.style === 'chat') : undefined)
    // A dot asks for a method first, brackets for an entry.
    const either = (one: Value | undefined, other: () => Value | undefined) => (one !== undefined ? one : other())
    const found = computed ? either(subscript(owner, key), attribute) : either(attribute(), () => subscript(owner, key))
    return found !== undefined
      ? found
      : new Undefined(
          typeof key === 'string' ? `${key} of ${kindOf(owner)}` : `entry ${printed(key)} of ${kindOf(owner)}`,
          this.style === 'card',
        )
  }
}
