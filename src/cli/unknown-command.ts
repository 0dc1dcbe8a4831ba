// A word that is no command: what it is instead, or the command that is close to it.
import { UserError, unknown } from '../errors/index.js'
import { COMMANDS } from './overview.js'

/** An editor, a merger, a method of mergekit or a task says where it is written; other words as `unknown` does. */
export async function unknownCommand(word: string): Promise<UserError> {
  const usage = (text: string) => new UserError(`unknown command ${JSON.stringify(word)}; ${text}`, { exitCode: 2 })
  const name = word.replaceAll('-', '_')
  const [{ BUILT_IN }, { methods }, { listTaskNames }] = await Promise.all([
    import('../registry/index.js'),
    import('../merge/index.js'),
    import('../tasks/index.js'),
  ])
  const is = (list: readonly { name: string }[]) => list.some((each) => each.name === name)
  if (is(BUILT_IN.editors))
    return usage(`${name} is an editor: deltalab edit <base> <post> --editor ${name} --out <folder>`)
  if (is(methods))
    return usage(
      `${name} is a merge method: a file with merge_method: ${name}, and deltalab merge <file> --out <folder>`,
    )
  if (is(BUILT_IN.mergers))
    return usage(`${name} is a merger: a file with merger: ${name}, and deltalab merge <file> --out <folder>`)
  if (listTaskNames().includes(name)) return usage(`${name} is a task: deltalab eval <model> --task ${name}`)
  return unknown('command', word, [...COMMANDS.map(([each]) => each), 'help'], 2)
}
