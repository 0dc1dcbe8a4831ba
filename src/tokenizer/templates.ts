// Chat templates by name, for merged models: each name's format as jinja.

/** Names as merge files have them → template. `bos_token` and `eos_token` are the tokenizer's. */
export const CHAT_TEMPLATES: Readonly<Record<string, string>> = {
  alpaca: [
    '{{ bos_token }}',
    '{% for message in messages %}',
    "{% if message['role'] == 'user' %}{{ '### Instruction:\\n' + message['content'] | trim + '\\n\\n' }}",
    "{% elif message['role'] == 'assistant' %}{{ '### Response:\\n' + message['content'] | trim + '\\n\\n' }}",
    "{% else %}{{ message['content'] | trim + '\\n\\n' }}{% endif %}",
    '{% endfor %}',
    "{% if add_generation_prompt %}{{ '### Response:\\n' }}{% endif %}",
  ].join(''),
  chatml: [
    '{% for message in messages %}',
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}",
    '{% endfor %}',
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
  ].join(''),
  exaone: [
    '{% for message in messages %}',
    "{% if loop.first and message['role'] != 'system' %}{{ '[|system|][|endofturn|]\\n' }}{% endif %}",
    "{{ '[|' + message['role'] + '|]' + message['content'] }}",
    "{% if message['role'] == 'user' %}{{ '\\n' }}{% else %}{{ '[|endofturn|]\\n' }}{% endif %}",
    '{% endfor %}',
    "{% if add_generation_prompt %}{{ '[|assistant|]' }}{% endif %}",
  ].join(''),
  llama3: [
    '{{ bos_token }}',
    '{% for message in messages %}',
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}",
    '{% endfor %}',
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}",
  ].join(''),
  mistral: [
    '{{ bos_token }}',
    "{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] | trim + '\\n\\n' %}{% set turns = messages[1:] %}",
    "{% else %}{% set system = '' %}{% set turns = messages %}{% endif %}",
    '{% for message in turns %}',
    "{% if message['role'] == 'user' %}{{ '[INST] ' + (system if loop.first else '') + message['content'] | trim + ' [/INST]' }}",
    "{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'] | trim + eos_token }}",
    "{% else %}{{ raise_exception('this format has the roles user and assistant, and system at the beginning') }}{% endif %}",
    '{% endfor %}',
  ].join(''),
}
