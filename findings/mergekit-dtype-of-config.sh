#!/usr/bin/env bash
# mergekit 0.1.5 promotes the formats of all models of a merge, the base too, and writes a bfloat16 base with float32 fine-tunes as
# float32. config.json of the result still says bfloat16: AutoModelForCausalLM.from_pretrained (transformers 5.18.0 takes the dtype of
# config.json unless told otherwise) rounds the merged weights to bfloat16, so that most of them are not what is in the file.
#
# Output seen with torch 2.13.0 on a CPU:
#   the file: float32; config.json: bfloat16; loaded: bfloat16
#   equal to the file: False
# Exits non-zero once the config says what the file holds.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mergekit==0.1.5 torch==2.13.0 transformers==5.18.0
cd "$folder"
venv/bin/python - 2>/dev/null <<'PYTHON'
import json
import sys
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM
from mergekit.config import MergeConfiguration
from mergekit.merge import run_merge
from mergekit.options import MergeOptions

torch.manual_seed(0)
config = LlamaConfig(hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2, vocab_size=16)
for name, dtype in (("base", torch.bfloat16), ("one", torch.float32), ("two", torch.float32)):
    LlamaForCausalLM(config).to(dtype).save_pretrained(name)
models = [{"model": name, "parameters": {"weight": 0.3}} for name in ("one", "two")]
merge = {"merge_method": "task_arithmetic", "base_model": "base", "models": models}
run_merge(MergeConfiguration.model_validate(merge), "merged", MergeOptions(copy_tokenizer=False, write_model_card=False, quiet=True))

written = load_file("merged/model.safetensors")
said = json.load(open("merged/config.json"))
said = said.get("dtype") or said.get("torch_dtype")
name = "model.layers.0.mlp.up_proj.weight"
loaded = AutoModelForCausalLM.from_pretrained("merged").state_dict()[name]
word = lambda dtype: str(dtype).removeprefix("torch.")
same = torch.equal(loaded.float(), written[name].float())
print(f"the file: {word(written[name].dtype)}; config.json: {said}; loaded: {word(loaded.dtype)}")
print("equal to the file:", same)
sys.exit(0 if (word(written[name].dtype), said, same) == ("float32", "bfloat16", False) else 1)
PYTHON
