#!/usr/bin/env bash
# mergekit 0.1.5 takes `layer_range: [0, -1]`, by which a Python programmer means all layers but the last. It merges none, and says
# nothing: the model that it writes has embedding, norm and head, and its config.json says num_hidden_layers -1. A range that is
# written the wrong way round, [3, 1], gives the same with -2.
#
# Output seen with torch 2.13.0, transformers 5.18.0 on a CPU (a model of 4 layers, passthrough):
#   [0, -1]: 3 tensors, none of a layer; num_hidden_layers -1
#   [3, 1]: 3 tensors, none of a layer; num_hidden_layers -2
#   [0, 3]: 30 tensors; num_hidden_layers 3
# Exits non-zero once it takes layers or refuses.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mergekit==0.1.5 torch==2.13.0 transformers==5.18.0
cd "$folder"
venv/bin/python - 2>/dev/null <<'PYTHON'
import json, sys
import torch
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM
from mergekit.config import MergeConfiguration
from mergekit.merge import run_merge
from mergekit.options import MergeOptions

LlamaForCausalLM(LlamaConfig(hidden_size=16, intermediate_size=32, num_hidden_layers=4, num_attention_heads=2, vocab_size=16)).save_pretrained("one")
found = []
for given in ([0, -1], [3, 1], [0, 3]):
    merge = {"merge_method": "passthrough", "slices": [{"sources": [{"model": "one", "layer_range": given}]}]}
    run_merge(MergeConfiguration.model_validate(merge), "merged", MergeOptions(copy_tokenizer=False, write_model_card=False, quiet=True))
    names = list(load_file("merged/model.safetensors"))
    layers = json.load(open("merged/config.json"))["num_hidden_layers"]
    none = not any("layers" in name for name in names)
    found.append((none, layers))
    print(f"{given}: {len(names)} tensors{', none of a layer' if none else ''}; num_hidden_layers {layers}")
sys.exit(found != [(True, -1), (True, -2), (False, 3)])
PYTHON
