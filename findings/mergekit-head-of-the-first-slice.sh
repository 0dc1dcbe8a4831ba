#!/usr/bin/env bash
# mergekit 0.1.5 with transformers 5.18.0, torch 2.13.0 on a CPU: which model the final norm and the head of a stack of slices come from
# depends on whether mergekit has a definition of the architecture. Of Llama, which it has, they are those of the last slice's model, whose
# layer they follow. Of gpt-oss and other classes whose parts it infers, they are those of the first slice's model: everything outside of
# the layers counts as what comes before them. The same file so stacks two kinds of models in two ways, without a word.
#
# Output seen (passthrough: a layer of one, then a layer of two):
#   Llama: embedding of one, norm of two, head of two
#   gpt-oss: embedding of one, norm of one, head of one
# Exits non-zero once both are of the last slice.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mergekit==0.1.5 torch==2.13.0 transformers==5.18.0
cd "$folder"
venv/bin/python - 2>/dev/null <<'PYTHON'
import sys
import torch
from safetensors.torch import load_file
from transformers import GptOssConfig, GptOssForCausalLM, LlamaConfig, LlamaForCausalLM
from mergekit.config import MergeConfiguration
from mergekit.merge import run_merge
from mergekit.options import MergeOptions

sizes = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, vocab_size=64)
make = {
    "Llama": lambda: LlamaForCausalLM(LlamaConfig(**sizes)),
    "gpt-oss": lambda: GptOssForCausalLM(GptOssConfig(**sizes, head_dim=8, num_local_experts=4, num_experts_per_tok=2)),
}
parts = {"embedding": "model.embed_tokens.weight", "norm": "model.norm.weight", "head": "lm_head.weight"}


def stack(kind):
    """The model that each part of the stack is of."""
    folders = {name: f"{kind}-{name}" for name in ("one", "two")}
    for folder in folders.values():
        model = make[kind]()
        for weight in model.parameters():
            torch.nn.init.normal_(weight)
        model.save_pretrained(folder)
    slices = [{"sources": [{"model": folder, "layer_range": [i, i + 1]}]} for i, folder in enumerate(folders.values())]
    file = {"merge_method": "passthrough", "slices": slices}
    run_merge(MergeConfiguration.model_validate(file), f"{kind}-stack", MergeOptions(copy_tokenizer=False, write_model_card=False))
    result = load_file(f"{kind}-stack/model.safetensors")
    models = {name: load_file(f"{folder}/model.safetensors") for name, folder in folders.items()}
    of = {part: next(name for name in models if torch.equal(models[name][key], result[key])) for part, key in parts.items()}
    print(f"{kind}: " + ", ".join(f"{part} of {name}" for part, name in of.items()))
    return list(of.values())


found = [stack(kind) for kind in make]
sys.exit(0 if found == [["one", "two", "two"], ["one", "one", "one"]] else 1)
PYTHON
