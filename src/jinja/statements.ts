// Templates filled as Python fills them: the statements of a block, one after the other.
import { Expressions } from './expressions.js'
import type { TemplateStyle } from './filters/index.js'
import { GLOBALS, turnOf } from './globals.js'
import type { AnyNode } from './parse.js'
import { Scope } from './scope.js'
import { printed } from './text.js'
import { type Callable, equal, itemsOf, kindOf, Space, Tuple, truth, Undefined, type Value } from './values.js'

/** On its way out of a loop, with the text of this turn so far. */
class Control extends Error {
  text = ''
}
class Break extends Control {}
class Continue extends Control {}

/** Characters of a text. */
const LIMIT = 1e8

export class Filling {
  private readonly expressions: Expressions

  constructor(private readonly style: TemplateStyle) {
    this.expressions = new Expressions(style)
  }

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
        return this.block(truth(this.expressions.value(node.test, scope)) ? node.body : node.alternate, scope)
      case 'For':
        return this.loop(node, scope)
      case 'Break':
        throw new Break('a break outside of a loop')
      case 'Continue':
        throw new Continue('a continue outside of a loop')
      case 'Set':
        this.assign(
          node.assignee,
          node.value ? this.expressions.value(node.value, scope) : this.block(node.body, new Scope(scope)),
          scope,
        )
        return ''
      case 'Macro':
        scope.names.set(node.name.value, this.macro(node.args, node.body, scope))
        return ''
      case 'CallStatement': {
        const caller = this.macro(node.callerArgs ?? [], node.body, scope)
        const { args, named } = this.expressions.args(node.call.args, scope)
        return printed(
          this.expressions.called(
            this.expressions.value(node.call.callee, scope),
            args,
            new Map([...named, ['caller', caller]]),
          ),
        )
      }
      case 'FilterStatement':
        return printed(this.expressions.filtered(this.block(node.body, new Scope(scope)), node.filter, scope))
      default:
        return printed(this.expressions.value(node, scope))
    }
  }

  private loop(node: AnyNode, scope: Scope): string {
    const { iterable, loopvar, body, defaultBlock } = node
    const guarded = iterable.type === 'SelectExpression'
    const all = itemsOf(this.expressions.value(guarded ? iterable.lhs : iterable, scope))
    const within = (item: Value) => {
      const inner = new Scope(scope)
      this.assign(loopvar, item, inner)
      return inner
    }
    const items = guarded ? all.filter((item) => truth(this.expressions.value(iterable.test, within(item)))) : all
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
      const object = this.expressions.value(target.object, scope)
      if (!(object instanceof Space) || object.name !== 'namespace')
        throw new Error(`an attribute cannot be set on ${kindOf(object)}, only on a namespace`)
      return void object.attributes.set(target.property.value, value)
    }
    if (target.type !== 'TupleLiteral') throw new Error('only names and attributes of a namespace can be set')
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
        const given = i < args.length ? args[i] : rest.get(name)
        rest.delete(name)
        const missing = () =>
          otherwise ? this.expressions.value(otherwise, inner) : new Undefined(name, this.style === 'card')
        inner.names.set(name, given === undefined ? missing() : given)
      })
      inner.names.set('caller', rest.get('caller') ?? new Undefined('caller', this.style === 'card'))
      rest.delete('caller')
      inner.names.set('varargs', new Tuple(args.slice(parameters.length)))
      inner.names.set('kwargs', rest)
      return this.block(body, inner)
    }
  }
}
