// The door for what people give: files and JSON, checked against schemas; what is wrong is said in one line. YAML has a room of its own.

export * from './definition.js'
export * from './input.js'
export * from './issues.js'
export * from './json-schema.js'
export * from './kind.js'
export * from './options.js'
export * from './path.js'
export * from './tables.js'
