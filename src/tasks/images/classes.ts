// Prompts for zero-shot classification: texts that name each class (Radford et al. 2021, section 3.1.4).
import { UserError } from '../../errors/index.js'
import { compileTemplate } from '../cards/template.js'

/** Where a card has no templates. */
const DEFAULT_TEMPLATES = ["a photo of a {{ class | replace('_', ' ') }}."]

/** The prompts of each class, one by every template. @throws UserError for a task whose classes have no names, or a template of something else */
export function classPrompts({
  name,
  classes,
  templates = DEFAULT_TEMPLATES,
}: {
  name: string
  classes?: readonly string[]
  templates?: readonly string[] | undefined
}): string[][] {
  if (!classes)
    throw new UserError(
      `task ${name} does not name its classes, which a zero-shot model needs; list them in its card under classes`,
    )
  const fillers = templates.map((template) => compileTemplate(template))
  return classes.map((each) => fillers.map((filler) => filler.fill({ class: each })))
}
