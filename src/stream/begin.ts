// Lets threads begin early. Its declarations name no type of Node, which users of the library may lack.
import { beginInTurn, leftThreads } from './begun.js'

/**
 * Lets threads begin while the program reads what they will work on; those that are not needed end with the first that is closed. One
 * begins after the other: together they would take the cores from the program.
 */
export const beginThreads = (count: number): void => beginInTurn(count)

/** Ends those that nothing was asked of. */
export const endBegun = (): void => leftThreads().forEach((thread) => void thread.terminate())
