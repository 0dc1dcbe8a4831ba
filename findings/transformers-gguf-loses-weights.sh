#!/usr/bin/env bash
# transformers 5.24.0 with gguf 0.19.0: three GGUF files of one Llama, valid by the specification, are loaded without an error and compute
# something else.
# Biases (attention_bias, as llama.cpp's converter writes them: blk.0.attn_q.bias …) are dropped, and config.attention_bias is False. They
# are not among the unexpected keys of the loading info.
# Without llama.attention.head_count_kv ("if not present … the model does not use GQA") the order of rows of q and k is not put back.
# Of a file in parts, as GGUFWriter and llama-gguf-split write it, the named part alone is read; the rest is drawn at random.
# Seen (logits against those of the model that was written):
#   whole: off by 0.0
#   biases: off by more than 0.1, not loaded: q_proj.bias k_proj.bias v_proj.bias o_proj.bias, reported: none
#   no head_count_kv: off by more than 0.001, not loaded: q_proj.weight k_proj.weight, reported: none
#   first of 2 parts: off by more than 0.1, reported missing: 5
# Exits non-zero once one of them is right.
set -euo pipefail
script=$(realpath "$0"); work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.13.0 transformers==5.24.0 gguf==0.19.0 accelerate
cat > try.py <<'PY'
import glob
import gguf, numpy as np, torch, transformers
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

transformers.logging.set_verbosity_error()
PARTS = {'self_attn.q_proj': 'attn_q', 'self_attn.k_proj': 'attn_k', 'self_attn.v_proj': 'attn_v', 'self_attn.o_proj': 'attn_output', 'mlp.gate_proj': 'ffn_gate', 'mlp.up_proj': 'ffn_up',
         'mlp.down_proj': 'ffn_down', 'input_layernorm': 'attn_norm', 'post_attention_layernorm': 'ffn_norm', 'embed_tokens': 'token_embd', 'model.norm': 'output_norm', 'lm_head': 'output'}

def llama(bias):
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=32, hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2, attention_bias=bias, initializer_range=.3)).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith('bias'): weight.normal_()
    return model

def write(model, file, says_kv=True, **split):
    out = gguf.GGUFWriter(file, 'llama', **split)
    out.add_context_length(2048); out.add_embedding_length(64); out.add_block_count(1); out.add_feed_forward_length(64); out.add_head_count(2)
    out.add_layer_norm_rms_eps(1e-6); out.add_vocab_size(32); out.add_rope_freq_base(10000.0)
    if says_kv: out.add_head_count_kv(2)
    out.add_tokenizer_model('gpt2'); out.add_token_list([f't{i}' for i in range(32)]); out.add_token_types([1] * 32); out.add_token_merges(['t 1'])
    for name, value in model.state_dict().items():
        part, (_, end), array = next(part for part in PARTS if part in name), name.rsplit('.', 1), value.numpy()
        if 'q_proj' in part or 'k_proj' in part:  # the order of llama.cpp: (heads, 2, d/2) as (heads, d/2, 2)
            array = array.reshape(2, 2, -1, *array.shape[1:]).swapaxes(1, 2).reshape(array.shape)
        out.add_tensor(f"{'blk.0.' if 'layers.0' in name else ''}{PARTS[part]}.{end}", np.ascontiguousarray(array))
    out.write_header_to_file(); out.write_kv_data_to_file(); out.write_tensors_to_file(); out.close()

ids = torch.arange(8)[None]
def look(model, file):
    other, info = AutoModelForCausalLM.from_pretrained('.', gguf_file=file, output_loading_info=True, dtype=torch.float32)
    own, loaded = model.state_dict(), other.eval().state_dict()
    lost = ['.'.join(name.split('.')[-2:]) for name in own if name not in loaded or not torch.equal(own[name], loaded[name])]
    with torch.no_grad(): return (model(ids).logits - other(ids).logits).abs().max().item(), ' '.join(lost), [name for kind in info.values() for name in kind]

plain, biased = llama(False), llama(True)
write(plain, 'whole.gguf'); write(biased, 'biases.gguf'); write(plain, 'no_kv.gguf', says_kv=False); write(plain, 'split.gguf', split_max_tensors=6)
print('whole: off by', look(plain, 'whole.gguf')[0])
off, lost, told = look(biased, 'biases.gguf')
print(f"biases: off by {'more' if off > .1 else 'less'} than 0.1, not loaded: {lost}, reported: {' '.join(told) or 'none'}")
off, lost, told = look(plain, 'no_kv.gguf')
print(f"no head_count_kv: off by {'more' if off > .001 else 'less'} than 0.001, not loaded: {lost}, reported: {' '.join(told) or 'none'}")
parts = sorted(glob.glob('split-*.gguf'))
off, lost, told = look(plain, parts[0])
print(f"first of {len(parts)} parts: off by {'more' if off > .1 else 'less'} than 0.1, reported missing: {len(told)}")
PY
venv/bin/python try.py 2>/dev/null | tee seen
sed -n 's/^#   //p' "$script" | diff - seen
