// One call of the command line: finds the command, imports it, runs it, and turns an error into one line and an exit code.
import { inspect } from 'node:util'
import yargs, { type Argv, type CommandModule } from 'yargs'
import { systemError, UserError } from '../errors/index.js'
import { onFound, packageVersion } from '../files/index.js'
import type { Registry } from '../registry/index.js'
import { type Completable, completions } from './complete.js'
import {
  isDebug,
  type MessageFlags,
  note,
  print,
  printTimings,
  setMessages,
  withMessages,
  writeError,
} from './messages.js'
import { COMMANDS } from './overview.js'
import { NeedsThread } from './own-thread.js'
import { pluginsIn, readRegistry } from './plugins.js'
import { unknownCommand } from './unknown-command.js'
import {
  checkArguments,
  checkOptions,
  formOf,
  hideEmptyDefaults,
  isNamed,
  severalIn,
  takenBy,
  usageError,
} from './usage.js'
import { COMPLETE, commandAt } from './words.js'

const COMMAND_NAMES = COMMANDS.map(([name]) => name)
const HELP = ['help [command]', 'Show the help of a command, or this overview'] as const

/**
 * Runs the command that `words` name. Resolves to the exit code: 0, 1 for bad input or a fault, 2 for wrong usage, 3 for results that are not as one wishes.
 * @throws NeedsThread where it is to begin again in a thread
 */
export async function callCommand(words: string[]): Promise<number> {
  onFound(note)
  let exitCode: number
  try {
    await parse(words)
    exitCode = Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof NeedsThread) throw error
    exitCode = reportError(error)
  }
  printTimings()
  return exitCode
}

function reportError(error: unknown): number {
  const known = error instanceof UserError ? error : systemError(error)
  if (known) writeError(`deltalab: ${known.message.replace(/\s*\n\s*/g, ' ')}\n`)
  if (!known || isDebug()) writeError(`${inspect(error)}\n`)
  return known?.exitCode ?? 1
}

/** Parses, imports the command that is called, and awaits it. */
async function parse(given: string[]): Promise<void> {
  // One language: otherwise yargs' own words would follow the system's, and ours would not.
  const cli = yargs()
    .locale('en')
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
  if (given[0] === COMPLETE) return complete(cli, given.slice(given[1] === 'deltalab' ? 2 : 1))
  const words = joinNegatives(commandFirst(given[0] === 'help' ? readHelp(given) : given))
  const name = words[commandAt(words)]
  if (name === undefined) {
    for (const [command, describe] of [...COMMANDS, HELP]) cli.command(command, describe)
    if (words.length === 0) {
      writeError(`${await cli.getHelp()}\n`)
      throw new UserError('give a command', { exitCode: 2 })
    }
    checkOptions(cli, words)
  } else if (!COMMAND_NAMES.includes(name)) throw await unknownCommand(name)
  const form = name === undefined ? '<command>' : await addCommand(cli, name, words)
  renderHelpWhenAsked(cli)
  cli.fail((message, error) => {
    throw error instanceof UserError ? error : message ? usageError(message, cli, words, form) : error
  })
  await cli.parseAsync(words, {}, (_error, _args, output) => {
    if (output) print(`${output}\n`)
  })
}

/** `--budget -1bit` as `--budget=-1bit`: an amount below 0 is no short options. */
function joinNegatives(words: readonly string[]): string[] {
  const joined: string[] = []
  for (const word of words) {
    const isAmount = /^-\.?\d/.test(word) && /^--[a-z][\w-]*$/.test(joined.at(-1) ?? '')
    joined.push(isAmount ? `${joined.pop()}=${word}` : word)
  }
  return joined
}

/** Puts options that stand before the command behind it, where yargs looks for them. @throws UserError (usage) for one with a value of its own */
function commandFirst(words: readonly string[]): string[] {
  const at = commandAt(words)
  if (at <= 0) return [...words]
  const name = words.find((word) => COMMAND_NAMES.includes(word))
  if (name !== undefined && name !== words[at])
    throw new UserError(`options go after the command: deltalab ${name} ${words[0]} …`, { exitCode: 2 })
  return [words[at]!, ...words.slice(0, at), ...words.slice(at + 1)]
}

/** yargs renders the help in every call, to have it at hand; that takes longer than all else that it does. */
function renderHelpWhenAsked(cli: Argv): void {
  const { getInternalMethods } = cli as unknown as { getInternalMethods(): { getUsageInstance(): UsageInstance } }
  getInternalMethods.call(cli).getUsageInstance().cacheHelpMessage = () => {}
}

interface UsageInstance {
  cacheHelpMessage(): void
}

/** `help edit` is `edit --help`, and `help` alone the overview. */
const readHelp = (words: readonly string[]): string[] => [...words.filter((word) => word !== 'help'), '--help']

/**
 * Adds the command of that name.
 * @param onDeclared is called when its options are declared, before they are parsed
 * @returns its form, `edit <base> <post>`
 */
async function addCommand(
  cli: Argv,
  name: string,
  words: readonly string[],
  onDeclared: (cli: Argv) => void = (built) => checkOptions(built, words),
): Promise<string> {
  const module = (await import(`./commands/${name}.js`)) as CommandModule
  const form = String(module.command)
  const plugins = pluginsIn(words)
  const registry = plugins.length ? await readRegistry(plugins) : undefined
  cli.command({
    ...module,
    command: withoutNamed(form, words),
    describe: new Map(COMMANDS).get(name),
    builder(own: Argv) {
      const declared = (module.builder as (cli: Argv, registry?: Registry) => Argv)(own, registry)
      const built = withMessages(declared).array(severalIn(form))
      built.usage(`${formOf(form, built)}\n\n${new Map(COMMANDS).get(name)}`)
      hideEmptyDefaults(built, words)
      onDeclared(built)
      return built
    },
  })
  cli.middleware((flags) => {
    setMessages(flags as MessageFlags)
    checkArguments(form, flags)
  })
  return form
}

/** An argument may be given by its name: `--base A` stands for <base>, which the form of the command then no longer has. */
const withoutNamed = (form: string, words: readonly string[]): string =>
  form.replace(/ [<[]([\w|]+)(?:\.\.)?[>\]]/g, (part, names: string) => (isNamed(names.split('|'), words) ? '' : part))

/** Prints what may stand where the cursor is, for the script that `deltalab completion` writes. */
async function complete(cli: Argv, words: readonly string[]): Promise<void> {
  const found = await completions(words, async (name) => {
    let takes: Completable = { options: [], choices: {} }
    await addCommand(cli, name, [], (built) => (takes = takenBy(built)))
    await cli.parseAsync([name, '--help'], {}, () => undefined)
    return takes
  })
  print(found.map((word) => `${word}\n`).join(''))
}
