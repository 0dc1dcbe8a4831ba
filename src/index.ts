// The front door, `import … from 'deltalab'`: what a program that uses deltalab may rely on. Nothing else can be imported.

export * from './api/index.js'
export * from './plugin.js'
export * from './report.js'
