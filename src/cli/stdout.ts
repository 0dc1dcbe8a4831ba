// A stdout that takes no more.

/** What is said of it, and its exit code. A reader that has enough (`head`) is no error, and a terminal that is gone cannot be told anything. */
export function stdoutFault({ code, message }: NodeJS.ErrnoException): { text: string; exitCode: number } {
  if (['EPIPE', 'EIO'].includes(code ?? '')) return { text: '', exitCode: 0 }
  return { text: `deltalab: stdout cannot be written: ${message}`, exitCode: 1 }
}
