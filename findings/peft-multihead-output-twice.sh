#!/usr/bin/env bash
# peft 0.21.0 adds the product of a LoRA adapter twice to the output matrix of a torch.nn.MultiheadAttention (as in SigLIP's pooling
# head), and once to its input matrix. The adapter that runs does the same, so that a tool which adds B·A once, as the formula says, gives
# another model than the one that was trained. Output seen with torch 2.13.0 on a CPU:
#   in_proj_weight is W + 1.00 BA
#   out_proj.weight is W + 2.00 BA
#   the adapter that runs and its merge differ by 0.0
# Exits non-zero once it is added once.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 transformers==5.18.0 peft==0.21.0
cd "$folder"
venv/bin/python - 2>/dev/null <<'PYTHON'
import copy, sys
import torch
from peft import LoraConfig, get_peft_model

torch.manual_seed(0)
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = torch.nn.MultiheadAttention(8, 2, batch_first=True)
    def forward(self, x):
        return self.attention(x, x, x)[0]

base = Model().eval()
model = get_peft_model(copy.deepcopy(base), LoraConfig(r=2, lora_alpha=2, target_modules=["attention"], init_lora_weights=False)).eval()
x = torch.randn(1, 3, 8)
state = {k: v.detach().clone() for k, v in model.state_dict().items()}
with torch.no_grad():
    runs = model(x)
    merged = model.merge_and_unload()
    same = float((runs - merged(x)).abs().max())
factors = {}
for name, inner in (("in_proj_weight", ""), ("out_proj.weight", "base_layer.out_proj.")):
    prefix = f"base_model.model.attention.{inner}"
    product = state[f"{prefix}lora_B.default.weight"] @ state[f"{prefix}lora_A.default.weight"]
    change = merged.state_dict()[f"attention.{name}"] - base.state_dict()[f"attention.{name}"]
    factors[name] = float((change * product).sum() / (product * product).sum())
    print(f"{name} is W + {factors[name]:.2f} BA")
print("the adapter that runs and its merge differ by", same)
sys.exit(not (abs(factors["in_proj_weight"] - 1) < 1e-3 and abs(factors["out_proj.weight"] - 2) < 1e-3 and same < 1e-5))
PYTHON
