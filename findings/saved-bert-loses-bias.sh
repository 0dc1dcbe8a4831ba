#!/usr/bin/env bash
# transformers 5.18.0 with peft 0.21.0: an adapter of BertForMaskedLM with modules_to_save=["word_embeddings"] breaks the tie of the
# head, and merge_and_unload sets tie_word_embeddings to False. save_pretrained then writes cls.predictions.bias and leaves
# cls.predictions.decoder.bias out, because both still share one tensor; from_pretrained of an untied model ties them no longer and
# starts the missing one at zero. The folder that was just saved is another model than the one in memory.
# Seen: "saved without cls.predictions.decoder.bias: True, logits moved by 1.00". Exits non-zero when that is no longer so.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.13.0 transformers==5.18.0 peft==0.21.0
venv/bin/python - 2>/dev/null <<'PY'
import torch
from peft import LoraConfig, get_peft_model
from safetensors import safe_open
from transformers import BertConfig, BertForMaskedLM

torch.manual_seed(0)
model = BertForMaskedLM(BertConfig(vocab_size=48, hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2))
with torch.no_grad(): model.cls.predictions.bias.copy_(torch.linspace(-1, 1, 48))
merged = get_peft_model(model, LoraConfig(target_modules=['query'], modules_to_save=['word_embeddings'])).merge_and_unload().eval()
merged.save_pretrained('saved')
ids = torch.arange(3, 13)[None]
with torch.no_grad(): moved = (merged(ids).logits - BertForMaskedLM.from_pretrained('saved').eval()(ids).logits).abs().max().item()
with safe_open('saved/model.safetensors', 'pt') as file: lost = 'cls.predictions.decoder.bias' not in file.keys()
print(f'saved without cls.predictions.decoder.bias: {lost}, logits moved by {moved:.2f}')
assert lost and moved > 0.5
PY
