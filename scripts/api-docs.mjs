// `npm run docs`: the API reference in docs/api, from the docstrings of what the doors of the package export. Fails when an exported
// name, a member or a parameter has no docstring. `--check` writes nothing.
import { rmSync } from 'node:fs'
import { Application, Comment, Converter, ReflectionKind, TSConfigReader, TypeDocReader } from 'typedoc'
import { metaSchema, rowSchema, termSchema, viewSchema } from '../dist/src/record/index.js'

/** Types that are made from schemas: the sentence about a member is in the schema. */
const SCHEMAS = { Row: rowSchema, Term: termSchema, View: viewSchema, Meta: metaSchema }

/** The schema of an object inside others: optional, in a list, or a value of a record. */
const objectIn = (schema) =>
  !schema || schema.shape ? schema : objectIn(schema.def.innerType ?? schema.def.element ?? schema.def.valueType)

const schemaOf = ({ name, parent }) => (name === '__type' ? objectIn(memberOf(parent)) : SCHEMAS[name])
const memberOf = (property) => schemaOf(property.parent)?.shape?.[property.name]

function describeMembers(project) {
  for (const property of project.getReflectionsByKind(ReflectionKind.Property)) {
    const description = property.parent && memberOf(property)?.description
    if (description && !property.comment) property.comment = new Comment([{ kind: 'text', text: description }])
  }
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

const app = await Application.bootstrap({}, [new TypeDocReader(), new TSConfigReader()])
app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => describeMembers(project))
const project = await app.convert()
if (!project) process.exit(1)
app.validate(project)
const parameters = [...new Set(undescribedParameters(project))]
if (parameters.length) app.logger.error(`parameters without a description: ${parameters.join(', ')}`)
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exit(1)
if (!process.argv.includes('--check')) {
  rmSync('docs/api', { recursive: true, force: true })
  await app.generateOutputs(project)
}
