// A task put to a chat model, as lm-evaluation-harness does with --apply_chat_template and examples in one turn.
import { UserError } from '../errors/index.js'
import type { Task } from '../tasks/index.js'
import { loadChat } from '../tokenizer/index.js'
import { methodsOf } from './kinds/index.js'

/** `system`: an instruction put before the preamble of the card. */
export type ChatSettings = true | { system?: string | undefined }

/**
 * The task with every prompt as the chat template of `folder` writes it: system instruction and preamble as the system's
 * message where there are any, examples and question as one message of the user, then the words that begin the answer. No
 * delimiter stands before an answer. Without settings the task is as it was.
 * @throws UserError: no template, a task that is not asked in text, or whose answer continues the last sentence of the prompt
 */
export async function askInChat(task: Task, folder: string, settings: ChatSettings | undefined): Promise<Task> {
  if (settings === undefined) return task
  const { inChat } = methodsOf(task)
  if (!inChat) throw new UserError(`task ${task.name} is of the kind ${task.kind}, and cannot be asked in a chat`)
  const chat = await loadChat(folder)
  const system = settings === true ? '' : (settings.system ?? '')
  return inChat(task, (prompt, preamble = '') => {
    const apart = system && preamble && !/\s$/.test(system) && !/^\s/.test(preamble) ? '\n\n' : ''
    const first = system + apart + preamble
    const question = { role: 'user', content: prompt.slice(preamble.length) }
    return chat([...(first ? [{ role: 'system', content: first }] : []), question], { answer: true })
  })
}
