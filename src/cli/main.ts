#!/usr/bin/env node
// The command line: finds the command, imports it, and turns errors into one line and an exit code (1 bad input, 2 usage).
import yargs, { type Argv, type CommandModule } from 'yargs'
import { systemError, UserError, unknown } from '../errors/index.js'
import { packageVersion } from '../files/index.js'
import { COMMANDS } from './overview.js'

/** Parses, imports the command that is called, and awaits it. */
async function main(words: string[]): Promise<void> {
  const names = COMMANDS.map(([name]) => name)
  const cli = yargs(words)
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
      cli.showHelp()
      throw new UserError('a command is needed', { exitCode: 2 })
    }
  } else {
    const module = (await import(`./commands/${name}.js`)) as CommandModule
    command = String(module.command)
    cli.command({ ...module, describe: new Map(COMMANDS).get(name) })
  }
  cli.check(() => refuseNonNumbers(cli, words))
  cli.fail((message, error) => {
    throw error instanceof UserError ? error : message ? usageError(message, cli, words, command) : error
  })
  await cli.parseAsync()
}

/** The options of the command that is being parsed. */
const optionsOf = (cli: Argv) =>
  (
    cli as unknown as {
      getOptions(): { key: Record<string, unknown>; number: string[]; alias: Record<string, string[]> }
    }
  ).getOptions()

/** yargs takes no word (an unset variable of a shell script) for the number 0, and any other word for NaN. */
function refuseNonNumbers(cli: Argv, words: readonly string[]): true {
  const { number, alias } = optionsOf(cli)
  const numbers = new Set(number.flatMap((name) => [name, ...(alias[name] ?? [])]))
  words.forEach((word, index) => {
    const [, flag, given = words[index + 1]] = /^(--?[\w-]+)(?:=(.*))?$/.exec(word) ?? []
    if (flag === undefined || given === undefined || !numbers.has(flag.replace(/^-+/, ''))) return
    if (given === '') throw new UserError(`${flag} is empty: a number is wanted`, { exitCode: 2 })
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
  if (message.startsWith('Not enough non-option arguments')) return usage(`something is missing: deltalab ${command}`)
  const given = /^Unknown arguments?: (.*)$/m.exec(message)?.[1]?.split(', ')[0]
  if (given === undefined) return usage(message)
  if (words.includes(given)) return usage(`${words[0]} takes no ${JSON.stringify(given)}`)
  if (given.length === 1) return usage(`unknown option -${given}`)
  const known = Object.keys(optionsOf(cli).key)
    .filter((option) => option.length > 1 && !/[A-Z]/.test(option))
    .map((option) => `--${option}`)
  return unknown('option', `--${given}`, known, 2)
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

// An exit, so that what is half written is removed; a command that listens itself, as sweep does, ends in its own way.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => {
    if (process.listenerCount(signal) === 1) process.exit(code)
  })
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  // A full pipe may still hold what was printed before, which an exit would throw away.
  await new Promise((done) => process.stdout.write('', done))
  const told = error instanceof UserError ? error : systemError(error)
  if (told) {
    process.stderr.write(`deltalab: ${told.message.replace(/\s*\n\s*/g, ' ')}\n`)
    process.exit(told.exitCode)
  }
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  process.exit(1)
}
