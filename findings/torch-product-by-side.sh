#!/usr/bin/env bash
# torch 2.13.0 on a CPU: the product of a bfloat16 (or float16) tensor and a float32 number held as a tensor without axes depends on
# the side. Behind the tensor, the number takes part as float32; in front of it, it is rounded to the tensor's format first. Both
# results are of the tensor's format, and about one entry in twelve of bfloat16 differs. A Python number is float32 on either side, but
# one that is added is rounded on either side. Merges that scale weights by a norm (mergekit's karcher) have other bits for x * s than
# for s * x.
#
# Output seen with torch 2.13.0 on a CPU:
#   bfloat16: x * s and s * x differ in 8.4 % of the entries; s * x is x * bfloat16(s): True
#   float16: x * s and s * x differ in 16.9 % of the entries; s * x is x * float16(s): True
#   x + 0.3337 is x + bfloat16(0.3337): True
# Exits non-zero once the product is the same on both sides.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.2.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import sys
import torch

torch.manual_seed(0)
values = torch.randn(100_000)
s = torch.tensor(0.3337)
found = []
for dtype in (torch.bfloat16, torch.float16):
    x = values.to(dtype)
    share = (x * s != s * x).float().mean().item()
    rounded = torch.equal(s * x, x * s.to(dtype))
    word = str(dtype).removeprefix("torch.")
    print(f"{word}: x * s and s * x differ in {100 * share:.1f} % of the entries; s * x is x * {word}(s): {rounded}")
    found += [share > 0.05, rounded]
x = values.to(torch.bfloat16)
added = torch.equal(x + 0.3337, x + torch.tensor(0.3337).to(torch.bfloat16))
print("x + 0.3337 is x + bfloat16(0.3337):", added)
sys.exit(0 if all(found) and added else 1)
PYTHON
