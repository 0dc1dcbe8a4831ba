#!/usr/bin/env bash
# transformers 5.18.0, on Python 3.11, torch 2.13.0 (CPU): a config.json with model_type "mistral", a sliding window and `layer_types`
# (as a merge of Ministral and Mistral layers, or a conversion of Ministral 8B, has it). The Auto classes take it for another model type,
# "ministral", whose layers have the window or not as the list says. The class that the same config.json names in `architectures`,
# MistralForCausalLM, opens it too, and gives every layer the window. The two give different logits for one folder; what AutoModel
# saves has another model_type. An evaluation by AutoModel and a training script that names the class so measure two models.
# Seen (class that opens the folder, model_type then, layers with a window, largest difference of the logits from the first line's):
#   AutoModelForCausalLM -> MinistralForCausalLM ministral 1 of 2: 0.0
#   MistralForCausalLM -> MistralForCausalLM mistral 2 of 2: different
set -euo pipefail
script=$(realpath "$0"); work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install -q transformers==5.18.0 torch==2.13.0
cat > try.py <<'PY'
import json
import torch, transformers
from transformers import AutoModelForCausalLM, MistralConfig, MistralForCausalLM

transformers.logging.set_verbosity_error()
torch.manual_seed(0)
config = MistralConfig(vocab_size=40, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                       head_dim=8, max_position_embeddings=64, sliding_window=4, initializer_range=0.5)
MistralForCausalLM(config).save_pretrained('model')
stored = json.load(open('model/config.json'))
stored['layer_types'] = ['sliding_attention', 'full_attention']
json.dump(stored, open('model/config.json', 'w'))
ids = torch.arange(20)[None]
first = None
for opener in (AutoModelForCausalLM, MistralForCausalLM):
    model = opener.from_pretrained('model', attn_implementation='eager').eval()
    with torch.no_grad(): logits = model(ids).logits
    first = logits if first is None else first
    windows = sum(getattr(layer.self_attn, 'sliding_window', model.config.sliding_window) is not None for layer in model.model.layers)
    difference = (logits - first).abs().max().item()
    print(opener.__name__, '->', type(model).__name__, model.config.model_type, f'{windows} of 2:', difference if difference == 0 else 'different')
PY
venv/bin/python try.py 2>/dev/null | tee seen
sed -n 's/^#   //p' "$script" | diff - seen
