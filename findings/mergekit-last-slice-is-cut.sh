#!/usr/bin/env bash
# mergekit 0.1.5 merges what stands behind the layers (final norm, head) of the models of the last slice, but only of as many as the
# first slice has: plan.py pairs the models of the last slice with a list that is as long as the sources of the first, and zip drops
# the rest. Where the first slice takes layers of one model and the last merges two, norm and head are those of one model alone,
# without a word; the layers of the last slice are merged.
#
# Output seen with torch 2.13.0 on a CPU (linear, weights 1 and 1):
#   last layer: the mean of both models
#   final norm: that of the first model
#   head: that of the first model
# Exits non-zero once norm and head are merged too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mergekit==0.1.5 torch==2.13.0 transformers==5.18.0
cd "$folder"
venv/bin/python - 2>/dev/null <<'PYTHON'
import sys
import torch
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM
from mergekit.config import MergeConfiguration
from mergekit.merge import run_merge
from mergekit.options import MergeOptions

torch.manual_seed(0)
config = LlamaConfig(hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2, vocab_size=16)
for name in ("one", "two"):
    model = LlamaForCausalLM(config)
    for weight in model.parameters():
        torch.nn.init.normal_(weight)
    model.save_pretrained(name)
source = lambda model, first: {"model": model, "layer_range": [first, first + 1]}
slices = [{"sources": [source("one", 0)]}, {"sources": [source("one", 1), source("two", 1)]}]
merge = {"merge_method": "linear", "parameters": {"weight": 1}, "slices": slices}
run_merge(MergeConfiguration.model_validate(merge), "merged", MergeOptions(copy_tokenizer=False, write_model_card=False, quiet=True))

one, two, merged = (load_file(f"{name}/model.safetensors") for name in ("one", "two", "merged"))
kinds = []
for what, name in (("last layer", "model.layers.1.mlp.up_proj.weight"), ("final norm", "model.norm.weight"), ("head", "lm_head.weight")):
    mean = torch.allclose(merged[name], (one[name] + two[name]) / 2)
    kinds.append("the mean of both models" if mean else "that of the first model" if torch.equal(merged[name], one[name]) else "neither")
    print(f"{what}: {kinds[-1]}")
sys.exit(0 if kinds == ["the mean of both models", "that of the first model", "that of the first model"] else 1)
PYTHON
