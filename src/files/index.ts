// Files and folders on disk: written whole or not at all, locked while they are written; and the folder of this package.

export { fingerprintOf } from './fingerprint.js'
export { writeFolder } from './folder.js'
export { type Hold, hold, holdText, putRight, type ToldHold } from './holds.js'
export type { BlockJournal } from './journal.js'
export { interruptedAt, PARTIAL } from './leftovers.js'
export { type Holder, takeLock } from './lock.js'
export { stateOf } from './manifest.js'
export { packageRoot, packageVersion } from './package.js'
export type { Resume } from './partial.js'
export { amount, checkApart, checkSpace, checkTarget } from './target.js'
export { makeTemporary } from './temporary.js'
export { attempt, prepareFolder, writeWhole } from './write.js'
