#!/usr/bin/env bash
# mergekit 0.1.5: a merge without base_model takes config.json from a random one of its models. The models are kept in a Python set,
# and the first of it gives the configuration; neither the order of `models`, nor --random-seed, nor PYTHONHASHSEED fixes which that is.
# Where the models differ in what is no shape (rope_theta, positions, activation), the same file and the same weights give another
# model from run to run, without a word.
#
# Two tiny Llamas, one with rope_theta 10000, one with 500000, merged by `linear` twelve times with PYTHONHASHSEED=0. Seen with Python
# 3.11, where the hash of None, a part of the hash of a model, is an address that differs from run to run:
#   rope_theta of twelve runs: 10000 500000
#   the weights are the same in all: True
# Exits non-zero once all twelve agree.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mergekit==0.1.5 torch==2.13.0 transformers==5.18.0
cd "$folder"
venv/bin/python - 2>/dev/null <<'PYTHON'
import torch
from transformers import LlamaConfig, LlamaForCausalLM

for name, theta in (("a", 10000.0), ("b", 500000.0)):
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(vocab_size=8, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, rope_theta=theta)).save_pretrained(name)
PYTHON
cat > merge.yaml <<'YAML'
merge_method: linear
models:
  - {model: ./a, parameters: {weight: 1}}
  - {model: ./b, parameters: {weight: 1}}
YAML
for run in {0..11}; do
  PYTHONHASHSEED=0 HF_HUB_OFFLINE=1 venv/bin/mergekit-yaml merge.yaml "out$run" --random-seed 7 --no-copy-tokenizer --no-write-model-card >/dev/null 2>&1
done
venv/bin/python - <<'PYTHON'
import json
import sys
from pathlib import Path

configs = [json.loads(Path(f"out{run}/config.json").read_text()) for run in range(12)]
bases = sorted({config.get("rope_parameters", config)["rope_theta"] for config in configs})
print("rope_theta of twelve runs:", *(f"{base:.0f}" for base in bases))
print("the weights are the same in all:", len({Path(f"out{run}/model.safetensors").read_bytes() for run in range(12)}) == 1)
sys.exit(len(bases) == 1)
PYTHON
