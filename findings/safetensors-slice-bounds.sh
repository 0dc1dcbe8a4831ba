#!/usr/bin/env bash
# safetensors 0.8.0 on Python 3.11: what get_slice gives looks like an array and is sliced by other rules. A step and the index -1 work.
# A negative start or end is an error, as is an end beyond the size, where numpy and PyTorch cut it: a loop over blocks of rows must cut
# the last block itself. A start behind the end is empty in numpy; here it is a SystemError of the interpreter, not a SafetensorError.
# Seen, of 0 … 9:
#   [0:10:2] [0.0, 2.0, 4.0, 6.0, 8.0]
#   [-1] 9.0
#   [-2:] OverflowError
#   [0:-1] OverflowError
#   [5:100] SafetensorError
#   [5:2] SystemError
# Exits non-zero once one of them is otherwise.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install -q safetensors==0.8.0 numpy==2.4.6
venv/bin/python - <<'PY'
import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

save_file({'x': np.arange(10, dtype=np.float32)}, 'x.safetensors')
cases = {'0:10:2': slice(0, 10, 2), '-1': -1, '-2:': slice(-2, None), '0:-1': slice(0, -1), '5:100': slice(5, 100), '5:2': slice(5, 2)}
found = []
with safe_open('x.safetensors', 'np') as file:
    part = file.get_slice('x')
    for text, index in cases.items():
        try: found.append(str(part[index].tolist()))
        except Exception as error: found.append(type(error).__name__)
        print(f'[{text}]', found[-1])
assert found == ['[0.0, 2.0, 4.0, 6.0, 8.0]', '9.0', 'OverflowError', 'OverflowError', 'SafetensorError', 'SystemError'], found
PY
