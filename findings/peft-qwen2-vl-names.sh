#!/usr/bin/env bash
# peft 0.21.0 with transformers 5.18.0, torch 2.13.0 on a CPU: LoRA adapters of Qwen2-VL that were trained before transformers 4.52.
# Their keys have the names of that class, `model.layers.N`. The class now has `model.language_model.layers.N`. transformers
# renames the base's weights as it reads them, and peft does not rename the adapter's: it warns that keys are missing and goes on
# with factors that are zero. merge_and_unload then gives the base back. The base's own file has the old names too, so base and
# adapter agree with each other, and only in memory no longer.
# Output seen (largest change of a weight):
#   keys of the base's file  model.layers.0
#   names of transformers 5  warnings 0  change 1.8
#   names of transformers 4  warnings 1  change 0
# Exits non-zero once peft finds them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 transformers==5.18.0 peft==0.21.0
cd "$folder"
venv/bin/python - 2>/dev/null <<'PYTHON'
import os, shutil, sys, warnings
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration as Model

torch.manual_seed(0)
text = dict(vocab_size=300, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64, rope_parameters={"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0})
vision = dict(depth=1, embed_dim=16, hidden_size=32, num_heads=2, mlp_ratio=2, patch_size=4)
Model(Qwen2VLConfig(text_config=text, vision_config=vision, image_token_id=5, video_token_id=6, vision_start_token_id=7, vision_end_token_id=8)).save_pretrained("base")
print("keys of the base's file ", next(k for k in sorted(load_file("base/model.safetensors")) if ".layers.0." in k)[:14])
adapted = get_peft_model(Model.from_pretrained("base"), LoraConfig(r=4, target_modules=["q_proj", "v_proj"]))
for name, factor in adapted.named_parameters():
    if "lora_B" in name: torch.nn.init.normal_(factor)
adapted.save_pretrained("new")
os.makedirs("old")
shutil.copy("new/adapter_config.json", "old")
factors = load_file("new/adapter_model.safetensors")
save_file({key.replace("model.language_model.layers", "model.layers"): value for key, value in factors.items()}, "old/adapter_model.safetensors")
before = Model.from_pretrained("base").state_dict()
change = {}
for name, version in (("new", 5), ("old", 4)):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        merged = PeftModel.from_pretrained(Model.from_pretrained("base"), name).merge_and_unload().state_dict()
    change[name] = max((merged[key] - before[key]).abs().max().item() for key in before)
    print(f"names of transformers {version}  warnings {sum('missing adapter keys' in str(each.message) for each in said)}  change {change[name]:.2g}")
sys.exit(change["new"] == 0 or change["old"] != 0)
PYTHON
