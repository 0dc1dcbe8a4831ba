"""The passes of `npm run bench compute` by PyTorch and transformers: a file with the work, and the number of threads."""
import json
import sys
import time

import torch
import transformers
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

work = json.load(open(sys.argv[1], encoding="utf8"))
torch.set_num_threads(int(sys.argv[2]))
torch.manual_seed(0)
times = {}


def measure(name, rounds, run):
    for _ in range(3):
        run()
    times[name] = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times[name].append((time.perf_counter() - start) * 1e3)


for case in work["passes"]:
    rows, columns, sizes = case["rows"], case["columns"], case["sizes"]
    model = LlamaForCausalLM(LlamaConfig(**sizes, attn_implementation="eager"))
    ids = torch.arange(rows * columns).mul(7919).remainder(sizes["vocab_size"]).view(rows, columns)

    def forward():
        with torch.no_grad():
            model(ids, labels=ids).loss.item()

    def gradient():
        model.zero_grad(set_to_none=True)
        model(ids, labels=ids).loss.backward()

    measure(f"{case['name']}, forward", case["rounds"], forward)
    measure(f"{case['name']}, gradient", case["rounds"], gradient)

answers = work["answers"]
prompts, pad = answers["prompts"], answers["pad"]
width = max(map(len, prompts))
ids = torch.tensor([[pad] * (width - len(p)) + p for p in prompts])
mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
model = AutoModelForCausalLM.from_pretrained(answers["model"], dtype=torch.float32)
made = None


def generate():
    global made
    made = model.generate(
        input_ids=ids, attention_mask=mask, do_sample=False, max_new_tokens=answers["tokens"], eos_token_id=answers["end"], pad_token_id=pad
    )


measure("answers", answers["rounds"], generate)


def until(row):
    return row[: row.index(answers["end"]) + 1] if answers["end"] in row else row


version = f"PyTorch {torch.__version__}, transformers {transformers.__version__}"
print(json.dumps({"version": version, "times": times, "answers": [until(row) for row in made[:, width:].tolist()]}))
