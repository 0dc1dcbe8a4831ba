// `deltalab completion`: the script by which a shell completes commands, options and names.
import yargs, { type Argv } from 'yargs'
import { print } from '../messages.js'

export const command = 'completion [shell]'

export function builder(cli: Argv) {
  return cli
    .positional('shell', {
      choices: ['bash', 'zsh', 'fish'] as const,
      describe: 'Shell that the script is for; default the one of the variable SHELL',
    })
    .example('deltalab completion bash >> ~/.bashrc', 'new shells complete deltalab with the tab key')
}

export async function handler({ shell }: { shell?: string }): Promise<void> {
  // yargs knows the shell by this variable alone.
  if (shell !== undefined) Object.assign(process.env, { SHELL: shell, ZSH_NAME: '' })
  await yargs()
    .scriptName('deltalab')
    .completion('completion')
    .parseAsync(['completion'], {}, (_error: unknown, _args: unknown, script: string) => print(`${script}\n`))
}
