#!/usr/bin/env bash
# transformers 5.18.0 does not take the blocks of fp8 weights from weight_block_size. It divides the sides of the weight by those of
# its grid of scales. Where a side is no multiple of its block, but of the number of blocks, the weights are silently wrong;
# where it is neither, loading fails.
#
# Here down_proj is [32, 36] in blocks of 16 x 16: a grid of 2 x 3, whose last block has 4 columns. transformers decodes it in
# blocks of 16 x 12. Output seen with torch 2.13.0 on a CPU:
#   right in blocks of 16 x 16: False
#   right in blocks of 16 x 12: True
#   largest error: 16.0 of 32.0
# Exits non-zero once the weights are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 transformers==5.18.0 safetensors==0.8.0 accelerate
cd "$folder"
venv/bin/python - 2>/dev/null <<'PYTHON'
import json
import sys
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

SIDES = {"gate_proj": (36, 32), "up_proj": (36, 32), "down_proj": (32, 36)}
config = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 32, "intermediate_size": 36, "num_hidden_layers": 1,
    "num_attention_heads": 2, "num_key_value_heads": 2, "vocab_size": 8, "dtype": "float32", "tie_word_embeddings": False,
    "quantization_config": {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [16, 16],
                            "modules_to_not_convert": ["lm_head", "self_attn"]},
}
tensors = {"model.embed_tokens.weight": torch.ones(8, 32), "lm_head.weight": torch.ones(8, 32), "model.norm.weight": torch.ones(32)}
for name in ("input_layernorm", "post_attention_layernorm"):
    tensors[f"model.layers.0.{name}.weight"] = torch.ones(32)
for name in "qkvo":
    tensors[f"model.layers.0.self_attn.{name}_proj.weight"] = torch.ones(32, 32)
for name, (rows, columns) in SIDES.items():
    grid = (-(-rows // 16), -(-columns // 16))
    tensors[f"model.layers.0.mlp.{name}.weight"] = torch.ones(rows, columns).to(torch.float8_e4m3fn)
    tensors[f"model.layers.0.mlp.{name}.weight_scale_inv"] = torch.exp2(torch.arange(grid[0] * grid[1]).float()).reshape(grid)
json.dump(config, open("config.json", "w"))
save_file(tensors, "model.safetensors", metadata={"format": "pt"})

from transformers import FineGrainedFP8Config
wanted = FineGrainedFP8Config(weight_block_size=(16, 16), dequantize=True, modules_to_not_convert=["lm_head", "self_attn"])
model = AutoModelForCausalLM.from_pretrained(".", quantization_config=wanted, dtype=torch.float32)
found = model.model.layers[0].mlp.down_proj.weight.detach().float()
scales = tensors["model.layers.0.mlp.down_proj.weight_scale_inv"]
blocks = lambda rows, columns: scales.repeat_interleave(rows, 0).repeat_interleave(columns, 1)[:32, :36]
print("right in blocks of 16 x 16:", torch.equal(found, blocks(16, 16)))
print("right in blocks of 16 x 12:", torch.equal(found, blocks(16, 12)))
print("largest error:", (found - blocks(16, 16)).abs().max().item(), "of", found.max().item())
sys.exit(0 if torch.equal(found, blocks(16, 12)) and not torch.equal(found, blocks(16, 16)) else 1)
PYTHON
