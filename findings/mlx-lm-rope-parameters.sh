#!/usr/bin/env bash
# mlx-lm 0.32.2 on models that transformers 5.24.0 saved, torch 2.13.0 on a CPU: the base and the scaling of rotary positions are lost.
# transformers 5 writes them under `rope_parameters` in config.json and writes no `rope_theta` and no `rope_scaling`. mlx-lm reads the new
# key in a few of its models; in others, such as Llama, Mistral, Qwen 2, Gemma 2 and OLMo 2, an unknown key is passed over and `rope_theta`
# has a default of 10000. The model loads without a word, its weights are right, and its queries and keys turn by other angles. `convert`
# writes such a model again. With the two keys of version 4 beside the new one, the numbers agree.
# Output seen (largest difference of a logit from transformers', over the largest logit):
#   llama   base 10000           as saved same   with rope_theta same
#   llama   base 500000          as saved other  with rope_theta same
#   llama   base 500000, linear  as saved other  with rope_theta same
#   mistral base 500000          as saved other  with rope_theta same
#   qwen2   base 500000          as saved other  with rope_theta same
#   gemma2  base 500000          as saved other  with rope_theta same
#   olmo2   base 500000          as saved other  with rope_theta same
#   qwen3   base 500000          as saved same   with rope_theta same
# Exits non-zero once this changes.
set -euo pipefail
script=$(realpath "$0"); folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.13.0 transformers==5.24.0 'mlx[cpu]==0.32.4' mlx-lm==0.32.2
cat > try.py <<'PYTHON'
import json
from pathlib import Path
import mlx.core as mx
import numpy as np
import torch
from mlx_lm.utils import load_model
from transformers import CONFIG_MAPPING, AutoModelForCausalLM

mx.set_default_device(mx.cpu)
SIZES = dict(vocab_size=64, hidden_size=32, head_dim=8, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             max_position_embeddings=64, pad_token_id=0, bos_token_id=1, eos_token_id=2)
TEXT = [[5, 60, 7, 18, 9, 33, 11, 42, 13, 14, 21, 3]]
LINEAR = dict(rope_type="linear", factor=4.0, rope_theta=500000.0)


def compare(name, rope):
    torch.manual_seed(0)
    sizes = {key: size for key, size in SIZES.items() if key != "head_dim" or name not in ("llama", "qwen2", "olmo2")}
    model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[name](**sizes, rope_parameters=rope), attn_implementation="eager").eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1: weight.normal_(std=0.3)
        right = model(torch.tensor(TEXT)).logits.numpy()
    model.save_pretrained("model")

    def close():
        logits = np.array(load_model(Path("model"))[0](mx.array(TEXT)).astype(mx.float32))
        return "same" if np.abs(logits - right).max() < 1e-3 * np.abs(right).max() else "other"

    saved = close()
    config = json.load(open("model/config.json"))
    assert "rope_theta" not in config and config["rope_parameters"] == rope
    config["rope_theta"] = rope["rope_theta"]
    if rope["rope_type"] != "default":
        config["rope_scaling"] = dict(type=rope["rope_type"], factor=rope["factor"])
    json.dump(config, open("model/config.json", "w"))
    about = f"base {rope['rope_theta']:.0f}" + (", linear" if rope is LINEAR else "")
    print(f"{name:7} {about:20} as saved {saved:6} with rope_theta {close()}")


base = lambda theta: dict(rope_type="default", rope_theta=theta)
compare("llama", base(10000.0))
compare("llama", base(500000.0))
compare("llama", LINEAR)
for name in ("mistral", "qwen2", "gemma2", "olmo2", "qwen3"):
    compare(name, base(500000.0))
PYTHON
venv/bin/python try.py 2>/dev/null | tee seen
sed -n 's/^#   //p' "$script" | diff - seen
