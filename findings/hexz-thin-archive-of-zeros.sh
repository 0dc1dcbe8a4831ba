#!/usr/bin/env bash
# hexz 0.8.2 on Python 3.11: a thin archive, which stores what differs from a base archive, cannot be read from Python. `Archive` takes no
# base, and what the thin archive shares with its base comes back as zeros: without an error, in the right length. The base archive is read
# as it was packed. (An archive of a single file lists no names, and Python reads files by name.)
# Seen:
#   base: as it was True
#   thin: as it was False, length as it was True, zeros at the end True
#   one file: names []
# Exits non-zero once the thin archive comes back.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install -q hexz==0.8.2
venv/bin/python - <<'PY'
import os
import random
import hexz

random.seed(1)
base = random.randbytes(3 << 20)
post = bytes([base[0] ^ 1]) + base[1:]
for name, data in (('base', base), ('post', post)):
    os.makedirs(name)
    with open(f'{name}/model.bin', 'wb') as file:
        file.write(data)
hexz.pack('base', 'base.hxz', compression='zstd')
hexz.pack('post', 'post.hxz', base='base.hxz', compression='zstd')
again = bytes(hexz.Archive('base.hxz').read('model.bin'))
print('base: as it was', again == base)
thin = bytes(hexz.Archive('post.hxz').read('model.bin'))
end = thin[-(1 << 20):]
print(f'thin: as it was {thin == post}, length as it was {len(thin) == len(post)}, zeros at the end {end == bytes(len(end))}')
hexz.pack('base/model.bin', 'one.hxz')
print('one file: names', hexz.Archive('one.hxz').namelist())
assert again == base and thin != post and end == bytes(len(end))
PY
