#!/usr/bin/env bash
# mergekit 0.1.5 with transformers 5.18.0, torch 2.13.0 on a CPU: a merge of two DeepSeek-V3 models has no experts, one of two ViT models
# no layers, and one of two LLaVA models no language model. mergekit has no definition of these architectures. It says so, infers their
# parts, writes the result and ends with success. For the parts it looks up each weight of the class in memory, where transformers 5 stacks
# experts and renames layers, in the names of the file, and drops without a word what it does not find. transformers draws missing weights
# at random: loaded twice, the merge is two models. Mixtral and Qwen3-MoE, which mergekit has definitions of, are whole.
#
# Output seen (weights of the model in memory):
#   DeepSeek-V3: 4 of 47 are not in the merge, such as model.layers.1.mlp.experts.down_proj; 4 differ when it is loaded again
#   ViT: 32 of 40 are not in the merge, such as vit.layers.0.attention.k_proj.bias; 12 differ when it is loaded again
#   LLaVA: 30 of 73 are not in the merge, such as lm_head.weight; 23 differ when it is loaded again
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
from transformers import CLIPVisionConfig, DeepseekV3Config, DeepseekV3ForCausalLM, LlamaConfig, LlavaConfig
from transformers import LlavaForConditionalGeneration, ViTConfig, ViTForImageClassification
from mergekit.config import MergeConfiguration
from mergekit.merge import run_merge
from mergekit.options import MergeOptions

text = dict(hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=4, vocab_size=64, num_hidden_layers=3)
vision = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, image_size=16, patch_size=4)
latent = dict(q_lora_rank=8, kv_lora_rank=8, qk_nope_head_dim=8, qk_rope_head_dim=4, v_head_dim=8)
experts = dict(n_routed_experts=4, num_experts_per_tok=2, n_group=1, topk_group=1, moe_intermediate_size=24, first_k_dense_replace=1)
kinds = {
    "DeepSeek-V3": (DeepseekV3ForCausalLM, DeepseekV3Config(**text, **latent, **experts)),
    "ViT": (ViTForImageClassification, ViTConfig(**vision)),
    "LLaVA": (LlavaForConditionalGeneration, LlavaConfig(text_config=LlamaConfig(**text), vision_config=CLIPVisionConfig(**vision))),
}

found = []
for kind, (model, config) in kinds.items():
    for name in "ab":
        model(config).save_pretrained(f"{kind}-{name}")
    file = {"merge_method": "linear", "models": [{"model": f"{kind}-{name}", "parameters": {"weight": 1}} for name in "ab"]}
    run_merge(MergeConfiguration.model_validate(file), f"{kind}-merged", MergeOptions(copy_tokenizer=False, write_model_card=False))
    merged, report = model.from_pretrained(f"{kind}-merged", output_loading_info=True)
    missing = sorted(report["missing_keys"])
    weights, again = merged.state_dict(), model.from_pretrained(f"{kind}-merged").state_dict()
    differ = [name for name in weights if not torch.equal(weights[name], again[name])]
    found.append(bool(missing and differ))
    print(f"{kind}: {len(missing)} of {len(weights)} are not in the merge, such as {missing[0]}; {len(differ)} differ when it is loaded again")
sys.exit(0 if all(found) else 1)
PYTHON
