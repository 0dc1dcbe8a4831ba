#!/usr/bin/env bash
# mergekit 0.1.5 with transformers 5.18.0, torch 2.13.0 on a CPU: a merge of two DeepSeek-V3 models has no experts, and one of two LLaVA
# models no language model. mergekit says that it knows no such architecture and infers its parts from the names that the models share,
# writes the result, and ends with success. It takes the names of weights from the class in memory (stacked experts, `model.language_model`)
# and those of a file, keeps what it finds in both, and drops the rest without a word. transformers then draws the missing weights
# at random, with a warning: loaded twice, the merge is two models. Mixtral and Qwen3-MoE, of which mergekit has a definition, are whole.
#
# Output seen (numbers of weights):
#   DeepSeek-V3: 24 of 67 are not in the merge, such as model.layers.1.mlp.experts.0.down_proj.weight
#   DeepSeek-V3, loaded twice: other answers
#   LLaVA: 0 of 30 of the language model are in the merge
# Exits non-zero once they are merged or refused.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mergekit==0.1.5 torch==2.13.0 transformers==5.18.0
cd "$folder"
venv/bin/python - 2>/dev/null <<'PYTHON'
import sys
import torch
from safetensors import safe_open
from transformers import CLIPVisionConfig, DeepseekV3Config, DeepseekV3ForCausalLM, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration
from mergekit.config import MergeConfiguration
from mergekit.merge import run_merge
from mergekit.options import MergeOptions

text = dict(hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=4, vocab_size=64, num_hidden_layers=3)
latent = dict(q_lora_rank=8, kv_lora_rank=8, qk_nope_head_dim=8, qk_rope_head_dim=4, v_head_dim=8)
experts = dict(n_routed_experts=4, num_experts_per_tok=2, n_group=1, topk_group=1, moe_intermediate_size=24, first_k_dense_replace=1)
vision = CLIPVisionConfig(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, image_size=16, patch_size=4)
make = {
    "deepseek": lambda: DeepseekV3ForCausalLM(DeepseekV3Config(**text, **latent, **experts)),
    "llava": lambda: LlavaForConditionalGeneration(LlavaConfig(text_config=LlamaConfig(**text), vision_config=vision)),
}


def merge(kind):
    """Names of the weights of the models, and of those that their merge lacks."""
    for name in "ab":
        make[kind]().save_pretrained(f"{kind}-{name}")
    file = {"merge_method": "linear", "models": [{"model": f"{kind}-{name}", "parameters": {"weight": 1}} for name in "ab"]}
    run_merge(MergeConfiguration.model_validate(file), f"{kind}-merged", MergeOptions(copy_tokenizer=False, write_model_card=False))
    names = [set(safe_open(f"{kind}-{name}/model.safetensors", "pt").keys()) for name in ("a", "merged")]
    return names[0], sorted(names[0] - names[1])


whole, lost = merge("deepseek")
print(f"DeepSeek-V3: {len(lost)} of {len(whole)} are not in the merge, such as {lost[0]}")
answers = [DeepseekV3ForCausalLM.from_pretrained("deepseek-merged")(torch.arange(8)[None]).logits for _ in range(2)]
differ = not torch.equal(*answers)
print(f"DeepSeek-V3, loaded twice: {'other' if differ else 'the same'} answers")

whole, _ = merge("llava")
language = [name for name in whole if name.startswith("language_model.")]
merged = safe_open("llava-merged/model.safetensors", "pt").keys()
kept = [name for name in merged if "language_model" in name or "lm_head" in name]
print(f"LLaVA: {len(kept)} of {len(language)} of the language model are in the merge")
sys.exit(0 if lost and differ and language and not kept else 1)
PYTHON
