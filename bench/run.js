// `./dev bench`: Scorefield beside PyTorch, onnxruntime-web and TensorFlow.js, on the same weights and in one run.
//
//     node bench/run.js [--quick] [--only native,train,lab,resolution,wasm,webgpu,counts,memory,runs,cold] [--adapter any] [--readme]
//
// `dev` installs the peers and builds first, and sets SCOREFIELD_BENCH to the folder of the peers. `--readme` also puts the
// tables into docs/bench.md.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { agree } from './agree.js';
import { Browser } from './browser.js';
import { machine, versions } from './machine.js';
import { native, torch } from './native.js';
import { PARTS, TRAINING } from './parts.js';
import { markdown } from './report.js';
import { root } from '../tests/browser/server.js';

/** The noise level and the class of every evaluation. */
const TIME = 0.3;
const LABEL = 3;

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: Object.keys(PARTS).join(',') },
    // Chromium's software adapter unless the machine's own is asked for.
    adapter: { type: 'string', default: 'swiftshader' },
    readme: { type: 'boolean', default: false },
  },
});
const { quick } = options;
const wanted = options.only.split(',');
for (const part of wanted) if (!PARTS[part]) fail(`--only ${part}: expected ${Object.keys(PARTS).join(', ')}`);
if (!['swiftshader', 'any'].includes(options.adapter)) fail(`--adapter ${options.adapter}: expected swiftshader or any`);
const folder = process.env.SCOREFIELD_BENCH ?? fail('run it by ./dev bench, which installs the peers');

function fail(message) {
  console.error(`bench: ${message}`);
  process.exit(1);
}

const say = (message) => console.error(`   ${message}`);
const begun = performance.now();
const inputs = mkdtempSync(join(tmpdir(), 'scorefield-bench-'));
const closing = [];
process.on('exit', () => rmSync(inputs, { recursive: true, force: true }));
// The children end with their standard input.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));

try {
  const report = await measure();
  report.seconds = (performance.now() - begun) / 1e3;
  const out = join(folder, 'out');
  mkdirSync(out, { recursive: true });
  const file = join(out, `${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.json`);
  writeFileSync(file, JSON.stringify(report, null, 1));
  const tables = markdown(report);
  console.log(tables);
  if (options.readme) {
    const readme = join(root, 'docs/bench.md');
    const text = readFileSync(readme, 'utf8');
    writeFileSync(readme, text.replace(/(<!-- bench -->\n)[^]*(<!-- bench: end -->)/, (_, begin, end) => `${begin}${tables}\n${end}`));
  }
  say(`as JSON: ${file}`);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  for (const close of closing.reverse()) await close();
}

async function measure() {
  const places = {
    inputs,
    model: join(root, 'web/models/fashion.safetensors'),
    python: join(folder, 'py/bin/python'),
    packages: join(folder, 'web/node_modules'),
    compiled: join(folder, 'compiled'),
  };
  const report = { version: 1, quick, machine: machine(), versions: versions(root, places.packages), races: {}, notes: [] };
  const { cores, load } = report.machine;
  if (load > cores / 4) say(`the machine is busy (load ${load.toFixed(1)}): quiet, it gives better numbers`);
  const ours = await native(places);
  closing.push(ours.close);
  const peer = await torch(places, cores);
  closing.push(peer.close);
  report.native = await ours.ask('info');
  const { python, torch: version, ...torchInfo } = await peer.ask('info');
  Object.assign(report.versions, { python, torch: version });
  report.torch = torchInfo;

  const batches = quick ? [1, 16] : [1, 4, 16, 64];
  const x = join(inputs, 'x.f32');
  writeFileSync(x, points(Math.max(...batches) * 28 * 28));
  const level = { ...(await ours.ask('level', { t: TIME })), t: TIME, label: LABEL };
  level.variance = level.sigma ** 2 + (level.alpha * level.sigma_data) ** 2;
  writeFileSync(join(inputs, 'level.json'), JSON.stringify(level));

  say('exporting the twin as ONNX');
  await peer.export(join(inputs, 'fashion.onnx'));
  const { forms, compiled } = await prepare(peer, x, level, report);
  const browser = await Browser.open({ ...places, adapter: options.adapter, cores });
  closing.push(() => browser.close());
  report.versions.chromium = browser.version;
  report.adapter = await browser.adapter();

  say('checking that all compute the same numbers');
  const devices = ['wasm', 'webgpu'].filter((device) => wanted.includes(device) || (device === 'webgpu' && wanted.includes('counts')));
  report.agreement = await agree({ ours, peer, forms, browser, devices, inputs, level, batch: TRAINING });
  for (const { name, difference } of report.agreement) say(`${name}: ${difference.toExponential(1)}`);

  const limits = quick ? { rounds: 3, budget: 1.5 } : { rounds: 15, budget: 10 };
  const context = { ours, peer, browser, forms, compiled, places, level, x, limits, batches, quick, report, say };
  for (const [name, part] of Object.entries(PARTS)) if (wanted.includes(name)) await part(context);
  return report;
}

/** Numbers of about unit variance, that are not special: the same for all. */
function points(length) {
  return Float32Array.from({ length }, (_, i) => 1.5 * Math.sin(12.9898 * i + 4.1414 * Math.sin(0.37 * i)));
}

/** PyTorch's network in the forms that its documentation recommends, and the batches that it is compiled for. */
async function prepare(peer, x, level, report) {
  const forms = ['default', 'channels-last'];
  for (const form of forms) await peer.ask('prepare', { form });
  if (quick) return { forms, compiled: [] };
  say('torch.compile (a minute)');
  try {
    return { compiled: await peer.compile(x, level.c_noise), forms: [...forms, 'compiled'] };
  } catch (error) {
    report.notes.push(`torch.compile does not run: ${error.message.split('\n')[0]}`);
    return { forms, compiled: [] };
  }
}
