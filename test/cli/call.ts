// Calls the command line in this process, which spares a start of Node for each call.
import { callCommand } from '../../src/cli/call.js'
import { redirect, setMessages } from '../../src/cli/messages.js'
import '../backend.js'

export interface Called {
  status: number
  stdout: string
  stderr: string
}

/** What `deltalab <words>` prints, and its exit code; in `cwd` and with further environment variables where they are given. */
export async function call(
  words: string[],
  { cwd, env = {} }: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Called> {
  const [folder, earlier, code] = [process.cwd(), { ...process.env }, process.exitCode]
  const texts = { out: '', error: '' }
  redirect({ out: (text) => (texts.out += text), error: (text) => (texts.error += text) })
  if (cwd !== undefined) process.chdir(cwd)
  Object.assign(process.env, env)
  process.exitCode = undefined
  try {
    const status = await callCommand(words)
    return { status, stdout: texts.out, stderr: texts.error }
  } finally {
    process.exitCode = code
    for (const name of Object.keys(env)) {
      if (earlier[name] === undefined) delete process.env[name]
      else process.env[name] = earlier[name]
    }
    process.chdir(folder)
    redirect({ out: (text) => process.stdout.write(text), error: (text) => process.stderr.write(text) })
    setMessages({})
  }
}
