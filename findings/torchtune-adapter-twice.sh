#!/usr/bin/env bash
# torchtune 0.6.1 writes the result of a LoRA training into one folder: the weights with the adapter merged into them, and the adapter for
# peft beside them (FullModelHFCheckpointer.save_checkpoint: model-*.safetensors, adapter_model.safetensors, adapter_config.json, and
# adapter_model.pt, which nothing else writes). transformers 5.24.0 with peft 0.21.2 reads such a folder as these weights with that
# adapter, whatever base adapter_config.json names: every delta is applied twice, and no warning says so.
#
# Output seen:
#   the weights that from_pretrained gives: base + 2.00 times the delta, warnings: []
# Exits non-zero once the delta is applied once, or a warning says that it is not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 transformers==5.24.0 peft==0.21.2
cd "$folder"
venv/bin/python - 2>/dev/null <<'PYTHON'
import sys, warnings
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

torch.manual_seed(0)
LlamaForCausalLM(LlamaConfig(hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=4, vocab_size=64)).save_pretrained("base")
trained = get_peft_model(LlamaForCausalLM.from_pretrained("base"), LoraConfig(r=4, target_modules=["q_proj"], init_lora_weights=False))
# As torchtune leaves them: both in one folder.
trained.save_pretrained("epoch_0")
PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained("base"), "epoch_0").merge_and_unload().save_pretrained("epoch_0")

merged = LlamaForCausalLM.from_pretrained("base")
before = merged.model.layers[0].self_attn.q_proj.weight.detach().clone()
delta = PeftModel.from_pretrained(merged, "epoch_0").merge_and_unload().model.layers[0].self_attn.q_proj.weight - before
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    layer = AutoModelForCausalLM.from_pretrained("epoch_0").model.layers[0].self_attn.q_proj
told = [str(each.message) for each in said if "adapter" in str(each.message)]
weight = layer.base_layer.weight + layer.get_delta_weight("default") if hasattr(layer, "base_layer") else layer.weight
times = ((weight - before) * delta).sum() / (delta * delta).sum()
print(f"the weights that from_pretrained gives: base + {times:.2f} times the delta, warnings: {told}")
sys.exit(0 if times > 1.5 and not told else 1)
PYTHON
