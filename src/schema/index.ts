// The door for what people give: files, JSON and YAML, checked against schemas; what is wrong is said with file, line and column.

export * from './definition.js'
export * from './input.js'
export * from './issues.js'
export * from './options.js'
export * from './tables.js'
export * from './yaml.js'
