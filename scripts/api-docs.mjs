// `npm run docs`: the API reference in docs/api, from the docstrings of what the doors of the package export. Fails when an exported
// name, a member or a parameter has no docstring. `--check` writes nothing.
import { rmSync } from 'node:fs'
import { Application, Comment, Converter, ReflectionKind, TSConfigReader, TypeDocReader } from 'typedoc'
import { metaSchema, rowSchema, termSchema, viewSchema } from '../dist/src/record/index.js'
import { CardFile } from '../dist/src/tasks/cards/card.js'

/** Types that are made from schemas: the sentence about a member is in the schema. */
const SCHEMAS = {
  Row: rowSchema,
  Term: termSchema,
  View: viewSchema,
  Meta: metaSchema,
  TaskCard: CardFile,
  TaskEntries: CardFile,
  TaskDefinition: CardFile,
  CardEntries: CardFile,
}

/** The schema of a member of an object, or of an object inside: optional, one of several, in a list, a value of a record. */
function memberIn(schema, name) {
  if (!schema) return undefined
  if (schema.shape) return schema.shape[name]
  const { innerType, element, valueType, in: input, options = [] } = schema.def
  for (const inner of [innerType, element, valueType, input, ...options]) {
    const found = memberIn(inner, name)
    if (found) return found
  }
}

const schemaOf = ({ name, parent }) =>
  name === '__type' && parent?.kindOf(ReflectionKind.Property)
    ? memberOf(parent)
    : SCHEMAS[name === '__type' ? parent?.name : name]
const memberOf = (property) => memberIn(schemaOf(property.parent), property.name)

/** Values that are only there to give types are no part of the reference. */
function dropHidden(project) {
  for (const variable of project.getReflectionsByKind(ReflectionKind.Variable))
    if (/Schema$|^CardFile$|^BACKENDS$|^CONVENTIONS$/.test(variable.name)) project.removeReflection(variable)
}

function describeMembers(project) {
  for (const property of project.getReflectionsByKind(ReflectionKind.Property)) {
    const description = property.parent && memberOf(property)?.description
    if (description && !property.comment) property.comment = new Comment([{ kind: 'text', text: description }])
  }
}

/**
 * Members of alternatives: where each alternative of a union has a sentence, that says what its members are.
 * @returns their names, with those of the doors and the types
 */
function describedByAlternatives(project) {
  return project
    .getReflectionsByKind(ReflectionKind.TypeAlias)
    .filter(({ type }) => type?.elementSummaries?.every((summary) => summary.length))
    .flatMap(({ type }) => type.types.flatMap((each) => each.declaration?.children ?? []))
    .filter((member) => !member.hasComment())
    .map((member) => member.getFullName())
}

/** Parameters of exported functions that no @param describes, where there is more than one to tell apart. */
function undescribedParameters(project) {
  return project
    .getReflectionsByKind(ReflectionKind.CallSignature)
    .filter((signature) => signature.parent?.kindOf(ReflectionKind.Function))
    .flatMap((signature) =>
      (signature.parameters ?? [])
        .filter((parameter) => !parameter.hasComment())
        .map((parameter) => `${signature.name}(${parameter.name})`),
    )
}

const app = await Application.bootstrapWithPlugins({}, [new TypeDocReader(), new TSConfigReader()])
app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
  dropHidden(project)
  describeMembers(project)
})
const project = await app.convert()
if (!project) process.exit(1)
app.options.setValue('intentionallyNotDocumented', [
  ...app.options.getValue('intentionallyNotDocumented'),
  ...new Set(describedByAlternatives(project)),
])
app.validate(project)
const parameters = [...new Set(undescribedParameters(project))]
if (parameters.length) app.logger.error(`parameters without a description: ${parameters.join(', ')}`)
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exit(1)
if (!process.argv.includes('--check')) {
  rmSync('docs/api', { recursive: true, force: true })
  await app.generateOutputs(project)
}
