// Templates filled as Python fills them. The library parses; what it makes of values is JavaScript's, so that is done here.

import { filterNamed, type Style, testNamed } from './filters.js'
import { GLOBALS, turnOf } from './globals.js'
import { methodOf } from './methods.js'
import { operate, slice, subscript } from './operators.js'
import type { AnyNode } from './parse.js'
import { printed } from './text.js'
import {
  type Callable,
  equal,
  isNumber,
  itemsOf,
  kindOf,
  Space,
  Tuple,
  toNumber,
  truth,
  Undefined,
  used,
  type Value,
} from './values.js'

/** Names of one block, and of those around it. */
class Scope {
  readonly names = new Map<string, Value>()
  constructor(readonly outer?: Scope) {}
  find(name: string): Value | undefined {
    return this.names.has(name) ? this.names.get(name) : this.outer?.find(name)
  }
}

/** On its way out of a loop, with the text of this turn so far. */
class Control extends Error {
  text = ''
}
class Break extends Control {}
class Continue extends Control {}

/** Characters of a text. */
const LIMIT = 1e8

export class Filling {
  constructor(readonly style: Style) {}

  /** @throws Error where Python has one, or for what is not supported */
  fill(body: readonly AnyNode[], names: Iterable<[string, Value]>): string {
    const outside = new Scope()
    for (const [name, value] of [...GLOBALS, ...names]) outside.names.set(name, value)
    return this.block(body, new Scope(outside))
  }

  private block(body: readonly AnyNode[], scope: Scope): string {
    let text = ''
    for (const node of body) {
      try {
        text += this.statement(node, scope)
      } catch (error) {
        if (error instanceof Control) error.text = text + error.text
        throw error
      }
    }
    if (text.length > LIMIT) throw new Error('the text is too long')
    return text
  }

  private statement(node: AnyNode, scope: Scope): string {
    switch (node.type) {
      case 'Comment':
        return ''
      case 'If':
        return this.block(truth(this.value(node.test, scope)) ? node.body : node.alternate, scope)
      case 'For':
        return this.loop(node, scope)
      case 'Break':
        throw new Break('a break outside of a loop')
      case 'Continue':
        throw new Continue('a continue outside of a loop')
      case 'Set':
        this.assign(
          node.assignee,
          node.value ? this.value(node.value, scope) : this.block(node.body, new Scope(scope)),
          scope,
        )
        return ''
      case 'Macro':
        scope.names.set(node.name.value, this.macro(node.args, node.body, scope))
        return ''
      case 'CallStatement': {
        const caller = this.macro(node.callerArgs ?? [], node.body, scope)
        const { args, named } = this.args(node.call.args, scope)
        return printed(this.called(this.value(node.call.callee, scope), args, new Map([...named, ['caller', caller]])))
      }
      case 'FilterStatement':
        return printed(this.filtered(this.block(node.body, new Scope(scope)), node.filter, scope))
      default:
        return printed(this.value(node, scope))
    }
  }

  private loop(node: AnyNode, scope: Scope): string {
    const { iterable, loopvar, body, defaultBlock } = node
    const guarded = iterable.type === 'SelectExpression'
    const all = itemsOf(this.value(guarded ? iterable.lhs : iterable, scope))
    const within = (item: Value) => {
      const inner = new Scope(scope)
      this.assign(loopvar, item, inner)
      return inner
    }
    const items = guarded ? all.filter((item) => truth(this.value(iterable.test, within(item)))) : all
    let text = ''
    let earlier: Value | undefined
    const isChanged = (value: Value) => {
      const changed = earlier === undefined || !equal(earlier, value)
      earlier = value
      return changed
    }
    for (const [i, item] of items.entries()) {
      const inner = within(item)
      inner.names.set('loop', turnOf(items, i, this.style, isChanged))
      try {
        text += this.block(body, inner)
      } catch (error) {
        if (!(error instanceof Control)) throw error
        text += error.text
        if (error instanceof Break) break
      }
    }
    return items.length ? text : this.block(defaultBlock, new Scope(scope))
  }

  private assign(target: AnyNode, value: Value, scope: Scope): void {
    if (target.type === 'Identifier') return void scope.names.set(target.value, value)
    if (target.type === 'MemberExpression') {
      const object = this.value(target.object, scope)
      if (!(object instanceof Space) || object.name !== 'namespace')
        throw new Error(`an attribute cannot be set on ${kindOf(object)}, only on a namespace`)
      return void object.attributes.set(target.property.value, value)
    }
    const [parts, names] = [itemsOf(value), target.value as AnyNode[]]
    if (parts.length !== names.length) throw new Error(`${names.length} names for ${parts.length} values`)
    names.forEach((name, i) => this.assign(name, parts[i]!, scope))
  }

  private macro(parameters: readonly AnyNode[], body: readonly AnyNode[], scope: Scope): Callable {
    return (args, named) => {
      const inner = new Scope(scope)
      const rest = new Map(named)
      parameters.forEach((parameter, i) => {
        const [name, otherwise] =
          parameter.type === 'KeywordArgumentExpression'
            ? [parameter.key.value as string, parameter.value]
            : [parameter.value as string, undefined]
        const value = i < args.length ? args[i] : rest.get(name)
        rest.delete(name)
        inner.names.set(
          name,
          value ?? (otherwise ? this.value(otherwise, inner) : new Undefined(name, this.style === 'card')),
        )
      })
      inner.names.set('caller', rest.get('caller') ?? new Undefined('caller', this.style === 'card'))
      rest.delete('caller')
      inner.names.set('varargs', new Tuple(args.slice(parameters.length)))
      inner.names.set('kwargs', rest)
      return this.block(body, inner)
    }
  }

  private args(nodes: readonly AnyNode[], scope: Scope): { args: Value[]; named: Map<string, Value> } {
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

  private called(callee: Value, args: Value[], named: Map<string, Value>): Value {
    if (callee instanceof Undefined) callee.refuse()
    if (typeof callee !== 'function') throw new Error(`${kindOf(callee)} cannot be called`)
    return callee(args, named)
  }

  private filtered(value: Value, filter: AnyNode, scope: Scope): Value {
    const [name, nodes] =
      filter.type === 'CallExpression'
        ? [filter.callee.value as string, filter.args as AnyNode[]]
        : [filter.value as string, []]
    return filterNamed(name, this.style)(value, { ...this.args(nodes, scope), style: this.style })
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
    const attribute = () =>
      typeof key !== 'string'
        ? undefined
        : owner instanceof Space
          ? owner.attributes.get(key)
          : methodOf(owner, key, this.style === 'chat')
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

  private value(node: AnyNode, scope: Scope): Value {
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
}
