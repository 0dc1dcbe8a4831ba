#!/usr/bin/env bash
# mergekit 0.1.5 with transformers 5.18.0: `chat_template: llama3` ends each turn with a line end that Llama 3's format does not have, and
# `exaone` puts its indentation into the prompt, spaces and line ends between all turns: transformers cuts the spaces before a tag of
# Jinja and the line end behind it, and not those around {{ … }}. The merged model is then asked in another form than it was trained with.
# Meta's own template of Llama-3 models: <|eot_id|> is followed by <|start_header_id|> at once.
#
# Output seen, for one question:
#   llama3 '<s><|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>\n<|start_header_id|>assistant<|end_header_id|>\n\n'
#   exaone '        [|system|][|endofturn|]\n\n    [|user|]hi\n        \n\n    [|assistant|]\n'
# Exits non-zero once they are as the models' own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mergekit==0.1.5 torch==2.13.0 transformers==5.18.0
cd "$folder"
venv/bin/python - 2>/dev/null <<'PYTHON'
import sys
import torch
from tokenizers import Tokenizer, models
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from mergekit.config import MergeConfiguration
from mergekit.merge import run_merge
from mergekit.options import MergeOptions

words = Tokenizer(models.BPE(vocab={"<s>": 0, "</s>": 1}, merges=[]))
PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<s>", eos_token="</s>").save_pretrained("model")
LlamaForCausalLM(LlamaConfig(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, vocab_size=2)).save_pretrained("model")

right = {
    "llama3": "<s><|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    "exaone": "[|system|][|endofturn|]\n[|user|]hi\n[|assistant|]",
}
as_theirs = []
for name, text in right.items():
    file = {"merge_method": "passthrough", "models": [{"model": "model"}], "chat_template": name}
    run_merge(MergeConfiguration.model_validate(file), name, MergeOptions(write_model_card=False))
    found = AutoTokenizer.from_pretrained(name).apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False, add_generation_prompt=True)
    print(name, repr(found))
    as_theirs.append(found == text)
sys.exit(1 if any(as_theirs) else 0)
PYTHON
