// What ./dev test asks of dependencies: the licences, duplicates and sources that deny.toml allows. cargo-deny, which reads the
// same file, knows advisories, too; it takes minutes to compile, and this needs nothing but cargo.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const rules = readFileSync(`${root}/deny.toml`, 'utf8');
const list = (key) => rules.match(new RegExp(`^${key} = \\[\\n([^]*?)^\\]`, 'm'))[1];
const allowed = new Set([...list('allow').matchAll(/"([^"]+)"/g)].map(([, licence]) => licence));
const known = new Set([...list('skip').matchAll(/crate = "([^"]+)"/g)].map(([, name]) => name));

/** What a build is made of: `name version`, to its licence and where it is from. */
function packages(...options) {
  const args = ['tree', '--locked', '--edges', 'normal,build', '--prefix', 'none', '--format', '{p}|{l}', ...options];
  const lines = execFileSync('cargo', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim().split('\n');
  return lines.map((line) => {
    const [, name, version, rest, licence] = line.match(/^(\S+) v(\S+)([^|]*)\|(.*?)( \(\*\))?$/);
    return { name, version, licence, elsewhere: /\((?:https?|git)\b/.test(rest) };
  });
}

/** Whether a licence's expression can be met: OR (or, in old files, a slash), AND, parentheses. */
function permitted(expression) {
  const tokens = expression.replaceAll('/', ' OR ').replaceAll(/[()]/g, ' $& ').trim().split(/\s+/);
  const either = () => {
    let met = both();
    while (tokens[0] === 'OR') tokens.shift(), (met = both() || met);
    return met;
  };
  const both = () => {
    let met = one();
    while (tokens[0] === 'AND') tokens.shift(), (met = one() && met);
    return met;
  };
  const one = () => {
    let name = tokens.shift();
    if (name === '(') {
      const met = either();
      tokens.shift();
      return met;
    }
    if (tokens[0] === 'WITH') name = [name, tokens.shift(), tokens.shift()].join(' ');
    return allowed.has(name);
  };
  return either();
}

const native = ['--target', 'x86_64-unknown-linux-gnu'];
const shipped = [...packages(...native), ...packages('--target', 'wasm32-unknown-unknown', '--no-default-features', '--features', 'browser-cpu,browser-gpu,training')];
const everything = [...shipped, ...packages(...native, '--features', 'cuda,gpu-full')];

const problems = new Set();
const versions = new Map();
for (const { name, version, licence, elsewhere } of everything) {
  if (!permitted(licence)) problems.add(`${name} ${version}: its licence, ${licence || 'none'}, is not in deny.toml`);
  if (elsewhere) problems.add(`${name} ${version} is not from a registry`);
}
for (const { name, version } of shipped) versions.set(name, (versions.get(name) ?? new Set()).add(version));
for (const [name, found] of versions) {
  if (found.size > 1 && !known.has(name)) {
    problems.add(`${name} is there as ${[...found].join(' and ')}: let one do, or give the reason in deny.toml`);
  }
}
for (const name of known) if ((versions.get(name)?.size ?? 0) < 2) problems.add(`${name} is there once: deny.toml need not skip it`);
for (const problem of problems) console.error(problem);
if (problems.size) process.exitCode = 1;
else console.log(`${new Set(everything.map(({ name, version }) => `${name} ${version}`)).size} packages: licences, sources and duplicates as deny.toml allows`);
