// `./dev serve`: the page on 127.0.0.1, built again when a file changes. The CPU's engine comes first, and is served while
// WebGPU's, which takes minutes, is compiled.
//
//   node web/serve.js PORT ENGINES
//       ENGINES: the folder that `./dev engine` puts engines into

import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assemble } from './assemble.js';
import { root, serve } from '../tests/browser/server.js';

const [port, engines] = process.argv.slice(2);
/** What a change of the engines comes from; of the rest of web/ only the site is laid out anew. */
const RUST = ['src', 'index.html', 'Cargo.toml', 'Cargo.lock', 'Trunk.toml'];
const OTHERS = ['web', 'lab.html'];

const say = (message) => console.error(`\n== ${message}`);

/** Whether the engine is compiled. */
function compile(name) {
  const child = spawn(join(root, 'dev'), ['engine', name], { cwd: root, stdio: 'inherit' });
  return new Promise((resolve) => child.on('close', (code) => resolve(code === 0)));
}

/** The engines in the order in which they are compiled. */
const ENGINES = ['engine', 'engine-training', 'engine-gpu'];

/** In place of an engine that is still being compiled. */
const LATER = `export default async () => {};
export const Engine = {
  create() {
    throw { code: 'engine', what: 'this engine is still being compiled', where: '', remedy: 'reload the page in some minutes' };
  },
};
`;

const isMade = (name) => existsSync(join(engines, `${name}_bg.wasm`));

/** The site from what there is. */
function layOut() {
  const from = join(engines, 'present');
  rmSync(from, { recursive: true, force: true });
  mkdirSync(from, { recursive: true });
  for (const name of ENGINES) {
    const made = isMade(name) ? name : 'engine';
    copyFileSync(join(engines, `${made}_bg.wasm`), join(from, `${name}_bg.wasm`));
    if (made === name) copyFileSync(join(engines, `${name}.js`), join(from, `${name}.js`));
    else writeFileSync(join(from, `${name}.js`), LATER);
  }
  assemble({ engines: from, out: join(root, 'dist') });
}

let server;
/** The address, with what to know of it. */
async function show(query, what) {
  server ??= await serve({ files: (path) => join(root, 'dist', path), routes: {}, port: Number(port) });
  say(`${server.origin}/${query}  ${what}`);
}

async function update(rust) {
  if (!rust) {
    layOut();
    return show('', 'reload it');
  }
  for (const name of ENGINES) {
    if (!(await compile(name))) return;
    layOut();
    if (!isMade('engine-gpu')) await show('?device=cpu', '(WebGPU is still to come: its engine is being compiled)');
  }
  await show('', 'the CPU and WebGPU');
}

let [changed, rust, busy] = [true, true, false];
async function run() {
  if (busy) return;
  busy = true;
  while (changed) {
    // Editors write a file in several goes.
    await new Promise((resolve) => setTimeout(resolve, 200));
    const all = rust;
    changed = rust = false;
    await update(all).catch((error) => say(error.message));
  }
  busy = false;
}

for (const path of [...RUST, ...OTHERS]) {
  watch(join(root, path), { recursive: true }, () => {
    changed = true;
    rust ||= RUST.includes(path);
    run();
  });
}
run();
