// Adapters of classes with a part that was drawn at random for the training and not saved: refused. peft 0.21.0 (transformers 5.18.0) merges
// such an adapter into another random model each time.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openAdapter, openCheckpoint } from '../../src/checkpoint/index.js'
import { safetensors, writeModel } from './adapters.js'
import { temporary } from './files.js'

const root = temporary()

test('question answering whose head peft does not save, and whose layers the class does not find', async () => {
  for (const [model_type, architecture, module, message] of [
    [
      'modernbert',
      'ModernBertForMaskedLM',
      'model.layers.0.attn.Wo',
      /ModernBertForQuestionAnswering has the module classifier, which neither/,
    ],
    [
      'nemotron',
      'NemotronForCausalLM',
      'model.layers.0.self_attn.q_proj',
      /NemotronForQuestionAnswering of transformers 5 calls its layers/,
    ],
    [
      'ministral',
      'MinistralForCausalLM',
      'model.layers.0.self_attn.q_proj',
      /MinistralForQuestionAnswering of transformers 5 calls its/,
    ],
  ] as const) {
    const names = [`${module}.weight`, 'head.dense.weight']
    const base = writeModel(join(root, model_type), Object.fromEntries(names.map((name) => [name, [[1, 1], [0]]])), {
      model_type,
      architectures: [architecture],
    })
    const folder = join(root, `${model_type}-adapter`)
    mkdirSync(folder)
    const config = {
      peft_type: 'LORA',
      r: 1,
      task_type: 'QUESTION_ANS',
      target_modules: [module],
      modules_to_save: ['qa_outputs'],
    }
    writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify(config))
    const parts = ['A', 'B'].map((side) => [`base_model.model.${module}.lora_${side}.weight`, [[1, 1], [1]]] as const)
    writeFileSync(join(folder, 'adapter_model.safetensors'), safetensors(Object.fromEntries(parts)))
    const below = await openCheckpoint(base)
    await assert.rejects(openAdapter(folder, below), message)
    await below.close()
  }
})
