// The values of a YAML document that a person wrote.
import { type Document, parseDocument } from 'yaml'
import { UserError } from '../errors/index.js'

/** @throws ReferenceError for an alias without an anchor, one that contains itself, and so many that they fill the memory */
export function valuesOf(document: Document.Parsed): unknown {
  const value: unknown = document.toJS()
  if (isEndless(value)) throw new ReferenceError('an alias contains itself')
  return value
}

/** A YAML text whose places need not be told. @param where what the error names */
export function parseYaml(text: string, where: string): unknown {
  const document = parseDocument(text, { prettyErrors: false })
  const refuse = (cause: Error) =>
    new UserError(`${where}: not valid YAML (${cause.message.replace(/\s+/g, ' ')})`, { cause })
  if (document.errors.length) throw refuse(document.errors[0]!)
  try {
    return valuesOf(document)
  } catch (cause) {
    throw refuse(cause as Error)
  }
}

function isEndless(value: unknown, around: readonly unknown[] = []): boolean {
  if (typeof value !== 'object' || value === null) return false
  return around.includes(value) || Object.values(value).some((each) => isEndless(each, [...around, value]))
}
