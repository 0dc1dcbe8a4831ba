// Fetches the models and the texts of the experiment from PyPI into checkpoints/rxnfp, which git ignores:
//   rxnfp 0.1.0 (MIT), its wheel: a BERT of 6.7M parameters pre-trained on chemical reactions, and two fine-tunes;
//   drfp 0.3.7 (MIT), its source archive: data/schneider50k.tsv, 50,000 reactions of 50 classes.
// The weights are those of the wheel, byte for byte; config.json is completed, and tokenizer.json is written.
// PIP_INDEX_URL names another index, as for pip. Does nothing if the folder is there.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fileOfTar, filesOfZip } from './archives.mjs'
import { chooseReactions } from './reactions.mjs'
import { tokenizerFiles } from './tokenizer.mjs'

const OUT = fileURLToPath(new URL('../../checkpoints/rxnfp', import.meta.url))
const INDEX = (process.env.PIP_INDEX_URL ?? 'https://pypi.org/simple').replace(/\/$/, '')
const RXNFP = {
  project: 'rxnfp',
  file: 'rxnfp-0.1.0-py3-none-any.whl',
  sha256: 'c5c1e818add6f34539a6b29bc680c47c9e7311e9383d1b34ce901481e34b58cf',
}
/** Of the archive only the beginning is downloaded, so the checksum is that of the table in it. */
const DRFP = {
  project: 'drfp',
  file: 'drfp-0.3.7.tar.gz',
  table: 'drfp-0.3.7/data/schneider50k.tsv',
  sha256: 'd85dc26729fdda73ca4b9ed5573a9a6be5ecff578317a47011e999bcec70156e',
}

/** The name of each model here and in the wheel, and its class, which two of the configurations are too old to say. */
const MODELS = [
  { name: 'base', of: 'bert_pretrained', architecture: 'BertForPreTraining' },
  { name: 'classes', of: 'bert_ft_10k_25s', architecture: 'BertForSequenceClassification' },
  { name: 'fingerprints', of: 'bert_ft', architecture: 'BertModel' },
]

/** The answer for a file of a project, from the page of the index (PEP 691, or PEP 503 where the index has no JSON). */
async function open({ project, file }) {
  const page = await ask(`${INDEX}/${project}/`, { accept: 'application/vnd.pypi.simple.v1+json, text/html;q=0.1' })
  const text = await page.text()
  const links = page.headers.get('content-type')?.includes('json')
    ? JSON.parse(text).files.map(({ url }) => url)
    : [...text.matchAll(/href="([^"]+)"/g)].map(([, url]) => url.replaceAll('&amp;', '&'))
  const link = links.find((url) => new URL(url, page.url).pathname.endsWith(`/${file}`))
  if (link === undefined) throw new Error(`${file} is not there`)
  return ask(new URL(link, page.url))
}

async function ask(url, headers = {}) {
  const answer = await fetch(url, { headers })
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${answer.statusText}`)
  return answer
}

/** @throws {Error} where the bytes are others than those that the experiment was made with */
function checked(bytes, { file, sha256 }) {
  const found = createHash('sha256').update(bytes).digest('hex')
  if (found !== sha256) throw new Error(`${file}: SHA-256 is ${found}; ${sha256} is wanted`)
  return bytes
}

/** Writes the reactions and their card, and gives the names of the classes. */
async function fetchReactions(folder) {
  const archive = await open(DRFP)
  const table = await fileOfTar(archive.body, DRFP.table)
  const { classes, rows } = chooseReactions(checked(table, DRFP).toString())
  writeFileSync(join(folder, 'reactions.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  return classes
}

/** Writes the three models, each with a configuration and a tokenizer that other programs read too. */
async function fetchModels(folder, classes) {
  const answer = await open(RXNFP)
  const wheel = filesOfZip(checked(Buffer.from(await answer.arrayBuffer()), RXNFP))
  const read = (path) => wheel.get(path)()
  writeFileSync(join(folder, 'LICENSE'), read('rxnfp-0.1.0.dist-info/LICENSE'))
  for (const { name, of, architecture } of MODELS) {
    const from = `rxnfp/models/transformers/${of}`
    const config = { ...JSON.parse(read(`${from}/config.json`)), architectures: [architecture], model_type: 'bert' }
    // The file says num_labels 50 and names two classes, which is what transformers believes; the classifier has 50 rows.
    if (name === 'classes') {
      delete config.num_labels
      config.id2label = Object.fromEntries(classes.map((label, i) => [i, label]))
      config.label2id = Object.fromEntries(classes.map((label, i) => [label, i]))
    }
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'pytorch_model.bin'), read(`${from}/pytorch_model.bin`))
    const written = { 'config.json': config, ...tokenizerFiles(read(`${from}/vocab.txt`).toString()) }
    for (const [file, content] of Object.entries(written))
      writeFileSync(join(folder, name, file), `${JSON.stringify(content, null, 2)}\n`)
  }
}

if (!existsSync(OUT)) {
  const partial = `${OUT}.partial`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial, { recursive: true })
  try {
    await fetchModels(partial, await fetchReactions(partial))
    renameSync(partial, OUT)
    process.stdout.write(`${OUT}: models and reactions fetched\n`)
  } catch (error) {
    // An error of fetch says why in its cause.
    const reason = error.cause?.message || error.cause?.code || error.message
    process.stderr.write(
      `real-encoder: ${INDEX} did not give what the experiment needs (${reason}); PIP_INDEX_URL names another index\n`,
    )
    process.exitCode = 1
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
}
