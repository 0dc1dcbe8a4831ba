// Files and folders on disk: written whole or not at all, locked while they are written; and the folder of this package.

export * from './package.js'
export * from './write.js'
