#!/usr/bin/env bash
# transformers 5.24.0 against 4.57.6, on Python 3.11: `rope_theta` in the config.json of an OLMo 3, as version 4 writes it.
# Version 4 takes it for every layer. Version 5 takes it for layers with full attention only: those with a window (three of four) have
# 500000, whatever the file says, and so has a file that leaves it out, where version 4 says 10000. A model that was trained with another base
# loads without a word, and most of its layers turn queries and keys by other angles. Seen (rope_theta in config.json, base of the layers):
#   4.57.6 250000 full_attention 250000 sliding_attention 250000
#   4.57.6 None full_attention 10000.0 sliding_attention 10000.0
#   5.24.0 250000 full_attention 250000 sliding_attention 500000.0
#   5.24.0 None full_attention 500000.0 sliding_attention 500000.0
set -euo pipefail
script=$(realpath "$0"); work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
cat > try.py <<'PY'
import json, os
import transformers
from transformers import AutoConfig

transformers.logging.set_verbosity_error()
os.makedirs('model', exist_ok=True)
for theta in (250000, None):
    file = dict(model_type='olmo3', hidden_size=8, num_attention_heads=2, num_hidden_layers=4) | ({} if theta is None else dict(rope_theta=theta))
    json.dump(file, open('model/config.json', 'w'))
    config = AutoConfig.from_pretrained('./model')
    # Version 4 makes both kinds of rotation of one rope_theta (Olmo3Model: one Olmo3RotaryEmbedding each, from the same config).
    base = lambda kind: config.rope_parameters[kind]['rope_theta'] if hasattr(config, 'rope_parameters') else config.rope_theta
    print(transformers.__version__, theta, *(word for kind in ('full_attention', 'sliding_attention') for word in (kind, base(kind))))
PY
for version in 4.57.6 5.24.0; do
  python3 -m venv "venv$version"
  "venv$version/bin/pip" install -q "transformers==$version"
  "venv$version/bin/python" try.py 2>/dev/null
done | tee seen
sed -n 's/^#   //p' "$script" | diff - seen
