#!/usr/bin/env bash
# safetensors 0.8.0 with numpy 2.4.6 on Python 3.11: safetensors.numpy.save_file writes the memory of an array that is a view of another
# order or step (a transpose, Fortran order, every second entry) under the shape of the view, silently. What is read back are other
# numbers. A big-endian array is right.
# Seen, for [[0, 1, 2], [3, 4, 5]] and 0 … 11:
#   transpose: [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]] for [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
#   Fortran order: [[0.0, 3.0, 1.0], [4.0, 2.0, 5.0]] for [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
#   every second: [0.0, 1.0, 2.0, 3.0, 4.0, 5.0] for [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
# Exits non-zero once one of them is written as it is, or refused.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install -q safetensors==0.8.0 numpy==2.4.6
venv/bin/python - <<'PY'
import numpy as np
from safetensors.numpy import load_file, save_file

matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
views = {'transpose': matrix.T, 'Fortran order': np.asfortranarray(matrix), 'every second': np.arange(12, dtype=np.float32)[::2]}
for name, view in views.items():
    save_file({'x': view}, 'x.safetensors')
    found = load_file('x.safetensors')['x']
    print(f'{name}: {found.tolist()} for {view.tolist()}')
    assert found.shape == view.shape and not np.array_equal(found, view), name
swapped = np.arange(3, dtype='>f4')
save_file({'x': swapped}, 'x.safetensors')
assert np.array_equal(load_file('x.safetensors')['x'], swapped)
PY
