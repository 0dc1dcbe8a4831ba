// What a command takes: arguments, options and examples. They are declared once; the parser, the types and the help read them.

/** An argument or an option. */
export interface Spec {
  /** Text by default. */
  readonly type?: 'string' | 'number' | 'boolean'
  readonly describe: string
  readonly choices?: readonly string[]
  readonly default?: unknown
  readonly demandOption?: boolean
  /** A list: one value each time that the option is written. */
  readonly array?: boolean
  /** Of a list: all words up to the next option. */
  readonly greedy?: boolean
  /** Another name. */
  readonly alias?: string | undefined
  /** Heading in the help. */
  readonly group?: string
}

type Camel<N extends string> = N extends `${infer A}-${infer B}` ? `${A}${Capitalize<Camel<B>>}` : N
type One<S> = S extends { readonly choices: readonly (infer C)[] }
  ? C
  : S extends { readonly type: 'number' }
    ? number
    : S extends { readonly type: 'boolean' }
      ? boolean
      : string
type Value<S> = S extends { readonly array: true } ? One<S>[] : One<S>
type Given<S> = S extends { readonly default: unknown } | { readonly demandOption: true }
  ? Value<S>
  : Value<S> | undefined
type With<T, N extends string, S> = Syntax<T & { [K in Camel<N>]: Given<S> }>

/** The values that a command gets, by camelCase name. */
export type ArgsOf<B extends (...given: never[]) => Syntax<any>> = ReturnType<B> extends Syntax<infer T> ? T : never

/** `drop-rate` → `dropRate`. */
export const camelCase = (name: string): string => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** `T`: the values that it gives. */
export class Syntax<T = object> {
  readonly positionals = new Map<string, Spec>()
  readonly options = new Map<string, Spec>()
  readonly conflicting: (readonly [string, string])[] = []
  readonly examples: (readonly [command: string, meaning: string])[] = []
  readonly closing: string[] = []

  /** An argument: a word that stands by itself. */
  positional<const N extends string, const S extends Spec>(name: N, spec: S): With<T, N, S> {
    this.positionals.set(name, spec)
    return this as unknown as With<T, N, S>
  }

  option<const N extends string, const S extends Spec>(name: N, spec: S): With<T, N, S> {
    this.options.set(name, spec)
    return this as unknown as With<T, N, S>
  }

  /** Two options of which one may be given. */
  conflicts(one: string, other: string): this {
    this.conflicting.push([one, other])
    return this
  }

  example(command: string, meaning: string): this {
    this.examples.push([command, meaning])
    return this
  }

  /** A paragraph at the end of the help. */
  epilogue(text: string): this {
    this.closing.push(text)
    return this
  }
}
