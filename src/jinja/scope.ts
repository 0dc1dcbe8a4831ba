// The names that a block of a template sees.
import type { Value } from './values.js'

/** Names of one block, and of those around it. */
export class Scope {
  readonly names = new Map<string, Value>()
  constructor(readonly outer?: Scope) {}
  find(name: string): Value | undefined {
    return this.names.has(name) ? this.names.get(name) : this.outer?.find(name)
  }
}
