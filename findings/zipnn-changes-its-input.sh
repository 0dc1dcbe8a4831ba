#!/usr/bin/env bash
# zipnn 0.5.4 with torch 2.13.0 and numpy 2.4.6 on Python 3.11: ZipNN.compress works in the memory of what it is given, for float32 and
# bfloat16, and does not put it back. A torch tensor has other numbers afterwards, and so has a `bytes` object, which nothing may change:
# the same object compressed twice gives two results. The first one is right: decompressing it gives the numbers that were there.
# float16 tensors and numpy arrays stay as they are.
# Seen, for weights of 1, -1 and 0.02:
#   torch.float32: [1.7014118346046923e+38, inf, 5.31691186429742e+34] for [1.0, -1.0, 0.019999999552965164]
#   torch.bfloat16: [1.7014118346046923e+38, inf, 5.322104279998198e+34] for [1.0, -1.0, 0.02001953125]
#   bytes: 000000fe000000ff for 0000803f000080bf
# Exits non-zero once the input stays as it is.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install -q zipnn==0.5.4 torch==2.13.0 numpy==2.4.6 safetensors==0.8.0
venv/bin/python -W ignore - <<'PY'
import numpy as np
import torch
from zipnn import ZipNN

for dtype, changes in ((torch.float32, True), (torch.bfloat16, True), (torch.float16, False)):
    weight = torch.tensor([1, -1, 0.02] * 50000).to(dtype)
    before = weight.clone()
    compressed = ZipNN(input_format='torch').compress(weight)
    print(f'{dtype}: {weight[:3].tolist()} for {before[:3].tolist()}')
    assert torch.equal(ZipNN(input_format='torch').decompress(compressed), before)
    assert torch.equal(weight, before) != changes
array = np.array([1, -1, 0.02] * 50000, dtype=np.float32)
before = array.copy()
ZipNN(input_format='numpy').compress(array)
assert np.array_equal(array, before)
for dtype in 'float32', 'bfloat16':
    data = bytes.fromhex('0000803f000080bf') * 50000
    before = bytes(bytearray(data))
    first, second = (bytes(ZipNN(input_format='byte', bytearray_dtype=dtype).compress(data)) for _ in range(2))
    print(f'bytes as {dtype}: {data[:8].hex()} for {before[:8].hex()}')
    assert data != before and first != second
    assert bytes(ZipNN(input_format='byte', bytearray_dtype=dtype).decompress(first)) == before
PY
