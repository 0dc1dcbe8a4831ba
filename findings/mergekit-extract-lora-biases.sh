#!/usr/bin/env bash
# mergekit 0.1.5 with peft 0.21.0, transformers 5.18.0, torch 2.13.0 on a CPU: mergekit-extract-lora writes how the biases of linear
# layers have changed, as lora_B.bias, but not lora_bias into adapter_config.json. peft then makes no place for them and loads the rest
# without a warning: of two Qwen2 models, an adapter of full rank gives every matrix of the fine-tune and none of its biases. Nor does
# lora_bias: true mend it: peft then wants a bias of o_proj, too, which the model does not have.
#
# Output seen:
#   0 of 6 biases are those of the fine-tune, matrices to 9e-08, warnings: []
# Exits non-zero once the biases are loaded, or a warning says that they are not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mergekit==0.1.5 torch==2.13.0 transformers==5.18.0 peft==0.21.0
cd "$folder"
PATH="$folder/venv/bin:$PATH" venv/bin/python - 2>/dev/null <<'PYTHON'
import os, subprocess, sys, warnings
import torch
from peft import PeftModel
from transformers import Qwen2Config, Qwen2ForCausalLM

torch.manual_seed(0)
here = os.getcwd()
config = Qwen2Config(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, vocab_size=64)
model = Qwen2ForCausalLM(config)
model.save_pretrained("base")
with torch.no_grad():
    for weight in model.parameters():
        weight.add_(0.02 * torch.randn_like(weight))
model.save_pretrained("tuned")
tuned = {name: weight.clone() for name, weight in model.state_dict().items()}
paths = ["--model", f"{here}/tuned", "--base-model", f"{here}/base", "--out-path", f"{here}/adapter"]
subprocess.run(["mergekit-extract-lora", *paths, "--max-rank", "64"], check=True, capture_output=True)

biases = [name for name in tuned if name.endswith("bias")]
matrices = [name for name in tuned if name.endswith("proj.weight")]
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    merged = PeftModel.from_pretrained(Qwen2ForCausalLM.from_pretrained("base"), "adapter").merge_and_unload().state_dict()
right = sum(torch.allclose(merged[name], tuned[name], atol=1e-6) for name in biases)
worst = max((merged[name] - tuned[name]).abs().max().item() for name in matrices)
told = [str(each.message) for each in said if "adapter" in str(each.message)]
print(f"{right} of {len(biases)} biases are those of the fine-tune, matrices to {worst:.0e}, warnings: {told}")
sys.exit(0 if right == 0 and not told else 1)
PYTHON
