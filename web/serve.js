// `./dev serve`: the page on 127.0.0.1, built again when a file changes. The CPU's engine comes first, and is served while
// WebGPU's, which takes minutes, is compiled.
//
//   node web/serve.js PORT ENGINES
//       ENGINES: the folder that `./dev engine` puts engines into

import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, watch, writeFileSync } from 'node:fs';
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

/** The site from what there is: before WebGPU's engine the CPU's stands in its place. */
function layOut() {
  let from = engines;
  if (!existsSync(join(engines, 'engine-gpu_bg.wasm'))) {
    from = join(engines, 'cpu-alone');
    mkdirSync(from, { recursive: true });
    for (const file of ['engine.js', 'engine_bg.wasm']) copyFileSync(join(engines, file), join(from, file));
    copyFileSync(join(engines, 'engine_bg.wasm'), join(from, 'engine-gpu_bg.wasm'));
    writeFileSync(join(from, 'engine-gpu.js'), "export * from './engine.js';\nexport { default } from './engine.js';\n");
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
  if (!(await compile('engine'))) return;
  layOut();
  if (!existsSync(join(engines, 'engine-gpu_bg.wasm'))) await show('?device=cpu', '(WebGPU is still to come: its engine is being compiled)');
  if (!(await compile('engine-gpu'))) return;
  layOut();
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
