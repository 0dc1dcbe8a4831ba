// A task put to a chat model, as lm-evaluation-harness does with --apply_chat_template and examples in one turn.
import { UserError } from '../errors/index.js'
import { METRICS } from '../tasks/scoring/metrics.js'
import type { Task } from '../tasks/task.js'
import { loadChat } from '../tokenizer/chat.js'

/** `system`: an instruction that stands before what the card itself says first. */
export type ChatSettings = true | { system?: string | undefined }

/**
 * The task with every prompt as the chat template of `folder` writes it: system instruction and preamble as the system's
 * message where there are any, examples and question as one message of the user, then the words that begin the answer. No
 * delimiter stands before an answer. Without settings the task is as it was.
 * @throws UserError: no template, a task that is not asked in text, or whose answer goes on where the prompt ends
 */
export async function askInChat(task: Task, folder: string, settings: ChatSettings | undefined): Promise<Task> {
  if (settings === undefined) return task
  if (task.kind === 'classify' || task.kind === 'images')
    throw new UserError(`task ${task.name} is of the kind ${task.kind}, and cannot be asked in a chat`)
  if (!task.kind && METRICS[task.metric]!.completes)
    throw new UserError(`task ${task.name}: its answers go on where the prompt ends, and cannot be asked for in a chat`)
  const chat = await loadChat(folder)
  const system = settings === true ? undefined : settings.system
  const items = task.items.map((item) => {
    const preamble = item.preamble ?? ''
    const apart = system && preamble && !/\s$/.test(system) && !/^\s/.test(preamble) ? '\n\n' : ''
    const first = (system ?? '') + apart + preamble
    const ask = (prompt: string) =>
      chat(
        [
          ...(first ? [{ role: 'system', content: first }] : []),
          { role: 'user', content: prompt.slice(preamble.length) },
        ],
        { answer: true },
      )
    return {
      ...item,
      prompt: ask(item.prompt),
      ...(item.choices && { choices: item.choices.map(({ prompt, text }) => ({ prompt: ask(prompt), text })) }),
    }
  })
  return { ...task, chat: true, delimiter: '', items }
}
