// How a command is cut off this system, for programs that nobody has read: from the network, and where the system lets us from
// all files but Python's own and its working folder's.
import { execFileSync } from 'node:child_process'
import { makeTemporary } from '../../files/index.js'

/** The command as it is started, by what is kept visible of the file system. */
export type Isolation = (command: readonly string[], visible: readonly string[]) => string[]

const DROP = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs']

/**
 * Makes a root of its own from what is visible (read-only) and a copy of the working folder, in memory, and forgets the old
 * one; then gives up every privilege that this took. Arguments: visible paths, --, command.
 */
const ENTER = `
set -e
root=/mnt
mount -t tmpfs -o size=64m,mode=755 none "$root"
mkdir "$root/work" "$root/tmp" "$root/dev" "$root/old" "$root/proc"
cp -R . "$root/work"
mount --rbind /proc "$root/proc"
while [ "$1" != -- ]; do
  mkdir -p "$root$(dirname "$1")"
  if [ -L "$1" ]; then cp -P "$1" "$root$1"
  elif [ -d "$1" ]; then mkdir -p "$root$1"; mount --rbind "$1" "$root$1"; mount -o remount,bind,ro,nosuid,nodev "$root$1"
  elif [ -e "$1" ]; then : > "$root$1"; mount --bind "$1" "$root$1"
  fi
  shift
done
shift
cd "$root"
pivot_root . old
cd /work
umount -l /old
umount -l /proc
exec ${DROP.join(' ')} "$@"
`
const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib64', '/etc/ld.so.cache', '/dev/null', '/dev/urandom']
const UNSHARE = ['unshare', '--user', '--map-root-user', '--net', '--pid', '--fork', '--kill-child']

/** Best first. The last of Linux, and that of macOS, leave the files that the user may read readable. */
const WAYS: Partial<Record<NodeJS.Platform, Isolation[]>> = {
  linux: [
    (command, visible) => [...UNSHARE, '--mount', 'sh', '-c', ENTER, 'sh', ...SYSTEM, ...visible, '--', ...command],
    (command) => [...UNSHARE, ...DROP, ...command],
  ],
  darwin: [(command) => ['sandbox-exec', '-p', '(version 1)(allow default)(deny network*)', ...command]],
}

/** What of the environment an isolated command is given. */
export const ENVIRONMENT = {
  PATH: '/usr/bin:/bin:/usr/sbin:/sbin',
  OMP_NUM_THREADS: '1',
  OPENBLAS_NUM_THREADS: '1',
  MKL_NUM_THREADS: '1',
}

/** The strongest isolation under which this command runs; undefined if none works. */
export function findIsolation(command: readonly string[], visible: readonly string[]): Isolation | undefined {
  const folder = makeTemporary('isolation')
  try {
    return WAYS[process.platform]?.find((way) => runs(way(command, visible), folder.path))
  } finally {
    folder.remove()
  }
}

function runs([command, ...words]: string[], cwd: string): boolean {
  try {
    execFileSync(command!, words, { cwd, env: ENVIRONMENT, stdio: 'ignore', timeout: 10_000 })
    return true
  } catch {
    return false
  }
}
