// One call of the command line: finds the command, imports it, runs it, and turns an error into one line and an exit code.
import { inspect } from 'node:util'
import yargs, { type Argv, type CommandModule } from 'yargs'
import { systemError, UserError, unknown } from '../errors/index.js'
import { packageVersion } from '../files/index.js'
import type { Registry } from '../registry/index.js'
import { isDebug, type MessageFlags, print, printTimings, setMessages, withMessages, writeError } from './messages.js'
import { COMMANDS } from './overview.js'
import { pluginsIn, readRegistry } from './plugins.js'

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

/** Parses, imports the command that is called, and awaits it. */
async function parse(words: string[]): Promise<void> {
  const names = COMMANDS.map(([name]) => name)
  const cli = yargs()
    .scriptName('deltalab')
    .usage('deltalab <command>')
    .version(packageVersion())
    .help()
    .alias('h', 'help')
    .strict()
    .wrap(Math.min(120, process.stdout.columns ?? 100))
    .exitProcess(false)
    .parserConfiguration({ 'parse-positional-numbers': false })
    .epilogue('deltalab <command> --help shows its options and an example.')
  let command = '<command>'
  const name = words.find((word) => !word.startsWith('-'))
  if (name !== undefined && !names.includes(name)) throw unknown('command', name, names, 2)
  if (name === undefined) {
    for (const [command, describe] of COMMANDS) cli.command(command, describe)
    if (words.length === 0) {
      writeError(`${await cli.getHelp()}\n`)
      throw new UserError('give a command', { exitCode: 2 })
    }
  } else {
    const module = (await import(`./commands/${name}.js`)) as CommandModule
    command = String(module.command)
    const plugins = pluginsIn(words)
    const registry = plugins.length ? await readRegistry(plugins) : undefined
    cli.command({
      ...module,
      describe: new Map(COMMANDS).get(name),
      builder: (own: Argv) => withMessages((module.builder as (cli: Argv, registry?: Registry) => Argv)(own, registry)),
    })
    cli.middleware((flags) => setMessages(flags as MessageFlags))
  }
  renderHelpWhenAsked(cli)
  cli.check(() => refuseNonNumbers(cli, words))
  cli.fail((message, error) => {
    throw error instanceof UserError ? error : message ? usageError(message, cli, words, command) : error
  })
  await cli.parseAsync(words, {}, (_error, _args, output) => {
    if (output) print(`${output}\n`)
  })
}

/** yargs renders the help in every call, to have it at hand; that takes longer than all else that it does. */
function renderHelpWhenAsked(cli: Argv): void {
  const { getInternalMethods } = cli as unknown as { getInternalMethods(): { getUsageInstance(): UsageInstance } }
  getInternalMethods.call(cli).getUsageInstance().cacheHelpMessage = () => {}
}

interface UsageInstance {
  cacheHelpMessage(): void
}

/** The options of the command that is being parsed. */
const optionsOf = (cli: Argv) =>
  (
    cli as unknown as {
      getOptions(): { key: Record<string, unknown>; number: string[]; alias: Record<string, string[]> }
    }
  ).getOptions()

/** yargs reads an empty word (an unset shell variable) as the number 0, and any other text as NaN. */
function refuseNonNumbers(cli: Argv, words: readonly string[]): true {
  const { number, alias } = optionsOf(cli)
  const numbers = new Set(number.flatMap((name) => [name, ...(alias[name] ?? [])]))
  words.forEach((word, index) => {
    const [, flag, given = words[index + 1]] = /^(--?[\w-]+)(?:=(.*))?$/.exec(word) ?? []
    if (flag === undefined || given === undefined || !numbers.has(flag.replace(/^-+/, ''))) return
    if (given === '') throw new UserError(`${flag} is empty; it must be a number`, { exitCode: 2 })
    if (Number.isNaN(Number(given)))
      throw new UserError(`${flag} must be a number; got ${JSON.stringify(given)}`, { exitCode: 2 })
  })
  return true
}

/** yargs' own message, with the nearest option where one is unknown. */
function usageError(message: string, cli: Argv, words: readonly string[], command: string): UserError {
  const usage = (text: string) => new UserError(text, { exitCode: 2 })
  const choice = /^Invalid values:\s*Argument: (\S+), Given: (.*), Choices: (.*)$/.exec(message)
  if (choice) return usage(`--${choice[1]} must be one of ${choice[3]!.replaceAll('"', '')}; got ${choice[2]}`)
  if (message.startsWith('Not enough non-option arguments'))
    return usage(`an argument is missing; usage: deltalab ${command}`)
  const both = /^Arguments (\S+) and (\S+) are mutually exclusive$/.exec(message)
  if (both) return usage(`--${both[1]} and --${both[2]} cannot be given together`)
  const given = /^Unknown arguments?: (.*)$/m.exec(message)?.[1]?.split(', ')[0]
  if (given === undefined) return usage(message)
  if (words.includes(given)) return usage(`${words[0]} does not take the argument ${JSON.stringify(given)}`)
  if (given.length === 1) return usage(`unknown option -${given}`)
  const known = Object.keys(optionsOf(cli).key)
    .filter((option) => option.length > 1 && !/[A-Z]/.test(option))
    .map((option) => `--${option}`)
  return unknown('option', `--${given}`, known, 2)
}
