// Threads that begin while a command reads headers, where its models are so large that it will need them.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { beginThreads, mostThreads, type StreamOptions } from '../stream/index.js'

/** Bytes of models below which threads would take longer to begin than they save. */
const ENOUGH = 1 << 25

/** @param models folders, or words that name none and count nothing */
export function beginEarly(models: readonly string[], stream: StreamOptions): void {
  const bytes = models.reduce((sum, folder) => sum + bytesIn(folder), 0)
  if (bytes >= ENOUGH) beginThreads(mostThreads(stream))
}

function bytesIn(folder: string): number {
  try {
    return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
  } catch {
    // The command itself says what is wrong.
    return 0
  }
}
