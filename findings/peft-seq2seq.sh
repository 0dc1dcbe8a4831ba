#!/usr/bin/env bash
# peft 0.21.0 cannot use its documented task type of T5 and BART under transformers 5: SEQ_2_SEQ_LM fails, to train as to load,
# because its class keeps a method of the model that transformers 5 no longer has. Without a task type the same adapter works, and
# generates. Output seen with torch 2.13.0, transformers 5.18.0 on a CPU:
#   SEQ_2_SEQ_LM AttributeError 'T5ForConditionalGeneration' object has no attribute '_prepare_encoder_decoder_kwargs_for_generation'
#   None generates (1, 5)
# Exits non-zero once SEQ_2_SEQ_LM works.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 transformers==5.18.0 peft==0.21.0
cd "$folder"
venv/bin/python - 2>/dev/null <<'PYTHON'
import sys
import torch
from peft import LoraConfig, get_peft_model
from transformers import T5Config, T5ForConditionalGeneration

worked = {}
for task in ("SEQ_2_SEQ_LM", None):
    model = T5ForConditionalGeneration(T5Config(vocab_size=32, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2, decoder_start_token_id=0))
    try:
        adapted = get_peft_model(model, LoraConfig(task_type=task, target_modules=["q", "v"])).eval()
        ids = adapted.generate(input_ids=torch.tensor([[3, 4, 5]]), min_new_tokens=4, max_new_tokens=4)
        print(task, "generates", tuple(ids.shape))
        worked[task] = True
    except AttributeError as error:
        print(task, "AttributeError", error)
        worked[task] = False
sys.exit(worked["SEQ_2_SEQ_LM"] or not worked[None])
PYTHON
