// One call of the command line: finds the command, imports it, runs it, and turns an error into one line and an exit code.
import { inspect } from 'node:util'
import { systemError, UserError, unknown } from '../errors/index.js'
import { packageVersion } from '../files/index.js'
import type { Registry } from '../registry/index.js'
import { helpSection, helpText } from './help-text.js'
import { isDebug, type MessageFlags, print, printTimings, setMessages, withMessages, writeError } from './messages.js'
import { COMMANDS } from './overview.js'
import { parseWords } from './parse-words.js'
import { pluginsIn, readRegistry } from './plugins.js'
import { Syntax } from './syntax.js'

/** Runs the command that `words` name. Resolves to the exit code: 0, 1 for bad input or a fault, 2 for wrong usage. */
export async function callCommand(words: string[]): Promise<number> {
  try {
    await parse(words)
    return Number(process.exitCode ?? 0)
  } catch (error) {
    return reportError(error)
  } finally {
    printTimings()
  }
}

function reportError(error: unknown): number {
  const known = error instanceof UserError ? error : systemError(error)
  if (known) writeError(`deltalab: ${known.message.replace(/\s*\n\s*/g, ' ')}\n`)
  if (!known || isDebug()) writeError(`${inspect(error)}\n`)
  return known?.exitCode ?? 1
}

/** A command, as its file exports it. */
interface Command {
  /** Its name and its arguments, as usage shows them. */
  command: string
  builder(syntax: Syntax, registry?: Registry): Syntax<unknown>
  handler(args: unknown): Promise<void> | void
}

/** Parses, imports the command that is called, and awaits it. */
async function parse(words: string[]): Promise<void> {
  const name = words.find((word) => !word.startsWith('-'))
  const names = COMMANDS.map(([each]) => each)
  if (name !== undefined && !names.includes(name)) throw unknown('command', name, names, 2)
  if (asksFor(words, '--version')) return print(`${packageVersion()}\n`)
  if (name === undefined) return showOverview(words)
  const { command, builder, handler } = (await import(`./commands/${name}.js`)) as Command
  const plugins = pluginsIn(words)
  const syntax = withStandard(builder(new Syntax(), plugins.length ? await readRegistry(plugins) : undefined))
  if (asksFor(words, '--help', '-h'))
    return print(`${helpText(syntax, `deltalab ${command}`, new Map(COMMANDS).get(name)!, helpWidth())}\n`)
  const at = words.indexOf(name)
  const args = parseWords(syntax, [...words.slice(0, at), ...words.slice(at + 1)], command)
  setMessages(args as MessageFlags)
  await handler(args)
}

/** Whether a flag stands before `--`. */
const asksFor = (words: readonly string[], ...flags: string[]): boolean =>
  words.slice(0, words.indexOf('--') >>> 0).some((word) => flags.includes(word))

const helpWidth = (): number => Math.min(120, process.stdout.columns ?? 100)

/** With the options that every command has. */
const withStandard = (syntax: Syntax<unknown>): Syntax<unknown> =>
  withMessages(syntax)
    .option('version', { type: 'boolean', describe: 'Show version number' })
    .option('help', { type: 'boolean', alias: 'h', describe: 'Show help' })

/** The commands: asked for, or for want of one. */
function showOverview(words: readonly string[]): void {
  const rows = COMMANDS.map(([name, text]) => ({ left: `deltalab ${name}`, text }))
  const commands = helpSection('Commands:', rows, helpWidth())
  const text = `deltalab <command>\n\n${commands}deltalab <command> --help shows its options and an example.\n`
  if (asksFor(words, '--help', '-h')) return print(text)
  parseWords(withStandard(new Syntax()), words, '<command>')
  writeError(text)
  throw new UserError('give a command', { exitCode: 2 })
}
