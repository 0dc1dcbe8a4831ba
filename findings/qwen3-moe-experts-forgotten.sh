#!/usr/bin/env bash
# transformers 5.24.0 against 4.57.6, on Python 3.11: the number of experts in a config.json of Qwen3-MoE.
# Version 5 writes it as `num_local_experts` and leaves `num_experts` out. Version 4 reads `num_experts` alone and takes its default, 128,
# without a word. So it cannot load the weights that version 5 saved: from_pretrained speaks of a size mismatch of the router, whose
# model has 128 rows, and not of the key. A new model of that config has 128 experts. Qwen2-MoE keeps its key.
# Seen (version that reads, model_type, keys of the number that 5.24.0 wrote for 4 experts, number read):
#   5.24.0 qwen3_moe num_local_experts 4
#   5.24.0 qwen2_moe num_experts 4
#   4.57.6 qwen3_moe num_local_experts 128
#   4.57.6 qwen2_moe num_experts 4
set -euo pipefail
script=$(realpath "$0"); work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
cat > try.py <<'PY'
import json, os
import transformers
from transformers import AutoConfig

for kind in ('qwen3_moe', 'qwen2_moe'):
    if not os.path.exists(kind):
        AutoConfig.for_model(kind, num_experts=4, num_experts_per_tok=2).save_pretrained(kind)
    written = json.load(open(f'{kind}/config.json'))
    keys = [key for key in ('num_experts', 'num_local_experts') if key in written]
    print(transformers.__version__, kind, *keys, AutoConfig.from_pretrained(f'./{kind}').num_experts)
PY
for version in 5.24.0 4.57.6; do
  python3 -m venv "venv$version"
  "venv$version/bin/pip" install -q "transformers==$version"
  "venv$version/bin/python" try.py 2>/dev/null
done | tee seen
sed -n 's/^#   //p' "$script" | diff - seen
