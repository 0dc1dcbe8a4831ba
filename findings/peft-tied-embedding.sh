#!/usr/bin/env bash
# peft 0.21.0: LoRA on a tied embedding gives one model while it runs and another when it is merged, with ensure_weight_tying and
# without. Without it the output matrix keeps the base's values until the merge. With it the running model is right, and
# merge_and_unload adds the change to the one shared tensor twice, silently.
#
# A tiny tied Llama, one adapter of rank 4 on embed_tokens. "off" is the largest difference of the logits from those of the model
# whose embedding is W + BA. Output seen with torch 2.13.0 on a CPU:
#   ensure_weight_tying=False running off 2.1e+00 merged off 0.0e+00
#   ensure_weight_tying=True running off 9.5e-07 merged off 4.9e+00
# Exits non-zero once either of them is right both ways.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 transformers==5.18.0 peft==0.21.0
cd "$folder"
venv/bin/python - 2>/dev/null <<'PYTHON'
import copy
import sys
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

torch.manual_seed(0)
base = LlamaForCausalLM(LlamaConfig(vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, tie_word_embeddings=True)).eval()
with torch.no_grad():
    for weight in base.parameters():
        weight.add_(torch.randn_like(weight) * 0.2)
ids = torch.arange(10, 20)[None]


def logits(model):
    with torch.no_grad():
        return model(input_ids=ids).logits


def off(model, wanted):
    return (logits(model) - wanted).abs().max().item()


right_both_ways = False
for tie in (False, True):
    model = get_peft_model(copy.deepcopy(base), LoraConfig(r=4, lora_alpha=4, target_modules=["embed_tokens"], ensure_weight_tying=tie)).eval()
    torch.manual_seed(1)
    embedding = model.get_base_model().model.embed_tokens
    with torch.no_grad():
        a, b = embedding.lora_embedding_A["default"], embedding.lora_embedding_B["default"]
        a.copy_(torch.randn_like(a) * 0.3)
        b.copy_(torch.randn_like(b) * 0.3)
    meant = copy.deepcopy(base)
    with torch.no_grad():
        meant.model.embed_tokens.weight += (b @ a).T
    wanted = logits(meant)
    running = off(model, wanted)
    merged = off(model.merge_and_unload(), wanted)
    print(f"ensure_weight_tying={tie} running off {running:.1e} merged off {merged:.1e}")
    right_both_ways |= max(running, merged) < 1e-4
sys.exit(right_both_ways)
PYTHON
