// `./dev bench`: Scorefield beside PyTorch, onnxruntime-web and TensorFlow.js, on the same weights and in one run.
//
//     node bench/run.js [--quick] [--only native,train,wasm,webgpu,counts,growth,runs,memory,start] [--adapter any]
//
// `dev` installs the peers and builds first, and sets SCOREFIELD_BENCH to the folder of the peers.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Browser } from './browser.js';
import { agree } from './agree.js';
import { machine, versions } from './machine.js';
import { native, torch } from './native.js';
import { race } from './race.js';
import { markdown } from './report.js';
import { firstFrame, sizes } from './start.js';
import { root } from '../tests/browser/server.js';

const PARTS = ['native', 'train', 'wasm', 'webgpu', 'counts', 'growth', 'runs', 'memory', 'start'];
/** The noise level of every evaluation. */
const TIME = 0.3;
const LABEL = 3;
const TRAINING = 128;

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    // Chromium's software adapter unless the machine's own is asked for.
    adapter: { type: 'string', default: 'swiftshader' },
  },
});
const parts = options.only ? options.only.split(',') : PARTS;
for (const part of parts) if (!PARTS.includes(part)) fail(`--only ${part}: expected ${PARTS.join(', ')}`);
if (!['swiftshader', 'any'].includes(options.adapter)) fail(`--adapter ${options.adapter}: expected swiftshader or any`);
const folder = process.env.SCOREFIELD_BENCH ?? fail('run it by ./dev bench, which installs the peers');

function fail(message) {
  console.error(`bench: ${message}`);
  process.exit(1);
}

const say = (message) => console.error(`   ${message}`);
const { quick } = options;
const limits = quick ? { rounds: 3, budget: 1.5 } : { rounds: 15, budget: 10 };
const batches = quick ? [1, 16] : [1, 4, 16, 64];

const begun = performance.now();
const inputs = mkdtempSync(join(tmpdir(), 'scorefield-bench-'));
const places = { inputs, model: join(root, 'web/models/fashion.safetensors'), python: join(folder, 'py/bin/python'), packages: join(folder, 'web/node_modules') };
const report = { version: 1, quick, machine: machine(), versions: versions(root, places.packages), races: {}, notes: [] };
const closing = [];

try {
  await measure();
  report.seconds = (performance.now() - begun) / 1e3;
  const out = join(folder, 'out');
  mkdirSync(out, { recursive: true });
  const file = join(out, `${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.json`);
  writeFileSync(file, JSON.stringify(report, null, 1));
  console.log(markdown(report));
  console.error(`\nas JSON: ${file}`);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  for (const close of closing.reverse()) await close();
  rmSync(inputs, { recursive: true });
}

async function measure() {
  const wants = (...names) => names.some((name) => parts.includes(name));
  const ours = await native(places);
  closing.push(ours.close);
  const peer = await torch(places, report.machine.cores);
  closing.push(peer.close);
  report.native = await ours.ask('info');
  const { python, torch: version, ...torchInfo } = await peer.ask('info');
  Object.assign(report.versions, { python, torch: version });
  report.torch = torchInfo;

  // The same points for all: of unit variance about, nothing special.
  const largest = Math.max(...batches, 4) * 64 * 64;
  const x = Float32Array.from({ length: largest }, (_, i) => 1.5 * Math.sin(12.9898 * i + 4.1414 * Math.sin(0.37 * i)));
  const x32 = join(inputs, 'x.f32');
  writeFileSync(x32, x);
  const level = { ...(await ours.ask('level', { t: TIME })), t: TIME, label: LABEL };
  level.variance = level.sigma ** 2 + (level.alpha * level.sigma_data) ** 2;
  writeFileSync(join(inputs, 'level.json'), JSON.stringify(level));

  say('exporting the twin as ONNX');
  await peer.export(join(inputs, 'fashion.onnx'));
  const forms = ['default', 'channels-last'];
  for (const form of forms) await peer.ask('prepare', { form });
  let compiled = [];
  if (!quick) {
    say('torch.compile (a minute)');
    try {
      compiled = await peer.compile(x32, level.c_noise);
      forms.push('compiled');
    } catch (error) {
      report.notes.push(`torch.compile does not run: ${error.message.split('\n')[0]}`);
    }
  }

  const browser = await Browser.open({ ...places, adapter: options.adapter, cores: report.machine.cores });
  closing.push(() => browser.close());
  report.versions.chromium = browser.version;
  report.adapter = await browser.adapter();

  say('checking that all compute the same numbers');
  report.agreement = await agree({ ours, peer, forms, browser, inputs, level, batch: TRAINING });
  for (const { name, difference } of report.agreement) say(`${name}: ${difference.toExponential(1)}`);

  const oursNative = (batch, shape) => ({
    name: 'Scorefield',
    measure: async (repeat) => (await ours.ask('evaluate', { batch, x: x32, t: TIME, repeat, shape })).seconds,
  });
  const torchNative = (form, batch, shape) => ({
    name: `PyTorch, ${form}`,
    measure: async (repeat) => (await peer.ask('evaluate', { form, batch, x: x32, c_noise: level.c_noise, repeat, shape })).seconds,
  });

  if (wants('native')) {
    report.races.native = {};
    for (const batch of batches) {
      say(`native, batch ${batch}`);
      const torches = forms.filter((form) => form !== 'compiled' || compiled.includes(batch));
      report.races.native[batch] = await race([oursNative(batch), ...torches.map((form) => torchNative(form, batch))], limits);
    }
  }

  if (wants('train')) {
    say(`training, batch ${TRAINING}`);
    const trained = forms.filter((form) => form !== 'compiled');
    await ours.ask('train_prepare', { batch: TRAINING });
    for (const form of trained) await peer.ask('train_prepare', { form, batch: TRAINING });
    report.races.train = {
      [TRAINING]: await race(
        [
          { name: 'Scorefield', measure: async (repeat) => (await ours.ask('train', { repeat })).seconds },
          ...trained.map((form) => ({ name: `PyTorch, ${form}`, measure: async (repeat) => (await peer.ask('train', { form, repeat })).seconds })),
        ],
        { ...limits, budget: 3 * limits.budget },
      ),
    };
  }

  if (wants('growth')) {
    report.races.resolution = {};
    for (const side of quick ? [32] : [16, 32, 64]) {
      say(`resolution ${side}`);
      const shape = [1, side, side];
      for (const form of ['default', 'channels-last']) await peer.ask('prepare', { form, shape });
      const contestants = [oursNative(4, shape), torchNative('default', 4, shape), torchNative('channels-last', 4, shape)];
      report.races.resolution[side] = await race(contestants, limits);
    }
  }

  for (const device of ['wasm', 'webgpu']) {
    if (!wants(device)) continue;
    report.races[device] = {};
    const contestants = browser.contestants(device);
    for (const batch of device === 'webgpu' && report.adapter.software ? [1, 16] : batches) {
      say(`${device}, batch ${batch}`);
      const measures = contestants.map((contestant) => ({ name: contestant.name, measure: (repeat) => contestant.evaluate(batch, repeat) }));
      report.races[device][batch] = await race(measures, { ...limits, budget: 2 * limits.budget });
    }
  }

  if (wants('counts')) {
    say('counting what is asked of the GPU');
    report.counts = {};
    for (const batch of [1, 16]) {
      report.counts[batch] = { least: await ours.ask('counts', { batch }) };
      for (const contestant of browser.contestants('webgpu')) {
        report.counts[batch][contestant.name] = await contestant.count(batch).catch((error) => ({ failed: error.message.split('\n')[0] }));
      }
    }
  }

  if (wants('memory')) {
    report.memory = { browser: {} };
    for (const contestant of browser.opened()) report.memory.browser[contestant.name] = await contestant.memory();
  }
  await browser.closePages();

  if (wants('runs')) {
    report.runs = [];
    const settings = { n: 16, sampler: 'heun' };
    for (const steps of quick ? [18] : [9, 18, 36]) {
      say(`${steps} steps of Heun`);
      await ours.ask('sample', { ...settings, steps: 1 });
      report.runs.push({ where: 'native', steps, ...(await best(() => ours.ask('sample', { ...settings, steps }))) });
    }
    say('18 steps of Heun in the browser');
    const api = browser.api();
    report.runs.push({ where: 'browser, CPU', steps: 18, ...(await best(() => api.run({ ...settings, steps: 18, seed: 1, label: LABEL }))) });
    await browser.closePages();
  }

  if (wants('memory')) {
    say('peak memory');
    report.memory.Scorefield = await peaks(() => native(places), { evaluate: { t: level.t } });
    const form = { form: 'default' };
    const theirs = { evaluate: { ...form, c_noise: level.c_noise }, prepare: form, train: form };
    report.memory.PyTorch = await peaks(() => torch(places, report.machine.cores), theirs);
  }

  if (wants('start')) {
    say('sizes and first frame');
    report.sizes = sizes(places.packages);
    report.firstFrame = await firstFrame(quick ? 1 : 5);
  }
}

/** The median of some whole runs, and their evaluations. */
async function best(run) {
  const times = [];
  let nfe;
  for (let i = 0; i < (quick ? 1 : 3); i++) {
    const result = await run();
    nfe = result.nfe;
    times.push(result.seconds);
  }
  times.sort((a, b) => a - b);
  return { nfe, seconds: times[Math.floor(times.length / 2)], times };
}

/** Peak resident bytes of a fresh process: with the weights loaded, after evaluations, after training steps. */
async function peaks(open, { evaluate, train, prepare }) {
  const { ask, close } = await open();
  const peak = async () => (await ask('memory')).peak;
  const loaded = await peak();
  await ask('evaluate', { batch: 16, x: join(inputs, 'x.f32'), repeat: 3, ...evaluate });
  const evaluated = await peak();
  await ask('train_prepare', { batch: TRAINING, ...prepare });
  await ask('train', { repeat: 2, ...train });
  const trained = await peak();
  await close();
  return { loaded, evaluated, trained };
}
