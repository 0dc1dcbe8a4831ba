#!/usr/bin/env bash
# @huggingface/jinja 0.5.11 fills chat templates differently from Jinja2, silently.
# - strip, lstrip and rstrip ignore their argument: all white space goes, and no other letter. Templates of models that think
#   call content.lstrip('\n') and reasoning.rstrip('\n'): the indent of an answer's first line is lost.
# - A name that is set in one turn of a loop is still set in the next one; in Jinja2 every turn begins anew.
# - 1 == '1' is true, and -7 % 3 is -1.
# Jinja2 3.1.6 gives '    x', 'a', '12', False and 2 here. Seen: 'x', 'xax', '11', true and -1.
# Exits non-zero once one of them is another.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @huggingface/jinja@0.5.11
cat > check.mjs <<'JS'
import { Template } from '@huggingface/jinja'
const fill = (text) => new Template(text).render({ content: '\n    x' })
const seen = {
  indent: fill("{{ content.lstrip('\\n') }}"),
  letters: fill("{{ 'xax'.strip('x') }}"),
  scope: fill('{% for i in [1, 2] %}{% if x is not defined %}{% set x = i %}{% endif %}{{ x }}{% endfor %}'),
  equal: fill("{{ 1 == '1' }}"),
  remainder: fill('{{ -7 % 3 }}'),
}
console.log(JSON.stringify(seen))
const expected = { indent: 'x', letters: 'xax', scope: '11', equal: 'true', remainder: '-1' }
if (JSON.stringify(seen) !== JSON.stringify(expected)) process.exit(1)
JS
node check.mjs
