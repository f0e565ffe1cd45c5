// One seed, one picture: natively on the CPU, in the browser on the CPU, and on WebGPU (SwiftShader).

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { open } from './browser.js';
import { command } from './native.js';
import { readNpy, writeNpy } from './npy.js';
import { dist, root } from './server.js';
import { useBrowser, useFolder, useServer } from './setup.js';

/** SwiftShader takes a tenth of a second an evaluation: one sample, and samplers of one evaluation a step or two. */
const N = 1;
const STEPS = 50;
const TIMES = [1, 0.5, 0.1, 0.001];
const RUNS = [
  { sampler: 'euler' },
  { sampler: 'euler-maruyama' },
  { sampler: 'pc' },
].map((run) => ({ ...run, steps: STEPS, n: N, seed: 4, label: 3 }));
/** Of the largest score. Sums in another order, and the GPU's own exp and sqrt: 2.4e-5 on SwiftShader, 4e-7 on the CPU. */
const SCORE_TOLERANCE = 1e-4;
/** Decibels on 8-bit pixels: two and a half levels in the mean. SwiftShader's are above 72, the CPU's are equal. */
const PSNR = 40;

const model = dist('models/fashion.safetensors');
const browser = await useBrowser({ gpu: true });
const server = await useServer();
const folder = useFolder();

function native(...args) {
  const [file, first] = command();
  execFileSync(file, [...first, ...args.map(String), '--device', 'cpu'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Numbers that are not special, of the prior's size. */
function points(d) {
  return Float32Array.from({ length: N * d }, (_, i) => 1.5 * Math.sin(12.9898 * i + 4.1414 * Math.sin(0.37 * i)));
}

async function inBrowser(device, task) {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const result = await page.evaluate(
    async ([origin, device, task]) => {
      const { load } = await import(`${origin}/scorefield.js`);
      const model = await load('fashion', { device });
      const found = { device: model.device, scores: [], samples: [] };
      for (const t of task.times) found.scores.push([...(await model.score(new Float32Array(task.x), t, 3))]);
      for (const settings of task.runs) {
        let last;
        for await (const step of model.sample({ ...settings, every: 10 })) last = step;
        found.samples.push([...last.pixels()].filter((_, i) => i % 4 === 0));
      }
      model.dispose();
      return found;
    },
    [server.origin, device, { x: [...task.x], times: task.times, runs: task.runs }],
  );
  assert.equal(result.device, device);
  await page.context().close();
  return result;
}

function compareScores(name, found, expected, t) {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const difference = found.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0);
  console.log(`${name}: t = ${t}, max|Δ|/max|s| = ${(difference / largest).toExponential(1)}`);
  assert.ok(difference / largest <= SCORE_TOLERANCE, `${name}, t = ${t}: ${difference / largest}`);
}

function comparePixels(name, found, expected) {
  assert.equal(found.length, expected.length);
  const square = found.reduce((sum, value, i) => sum + (value - expected[i]) ** 2, 0) / found.length;
  const psnr = 10 * Math.log10(255 ** 2 / square);
  console.log(`${name}: ${psnr.toFixed(1)} dB`);
  assert.ok(psnr >= PSNR, `${name}: ${psnr} dB`);
}

const byte = (x) => Math.min(255, Math.max(0, Math.round((x + 1) * 127.5)));

/** Scores and samples of the command line, once for all devices. */
let expected;
function nativeResults() {
  const x = points(28 * 28);
  const xFile = join(folder, 'x.npy');
  writeFileSync(xFile, writeNpy(x, [N, 28 * 28]));
  const out = join(folder, 'out.npy');
  const results = { scores: [], samples: [] };
  for (const t of TIMES) {
    native('score', '--model', model, '--x', xFile, '--t', t, '--label', 3, '--npy', out);
    results.scores.push(readNpy(readFileSync(out)).values);
  }
  for (const { sampler, steps, n, seed, label } of RUNS) {
    const png = join(folder, 'out.png');
    native('sample', '--model', model, '--sampler', sampler, '--steps', steps, '--n', n, '--seed', seed, '--label', label, '--npy', out, '--out', png);
    results.samples.push(Array.from(readNpy(readFileSync(out)).values, byte));
  }
  return { x, ...results };
}

for (const device of ['cpu', 'webgpu']) {
  test(`scores and samples on the browser’s ${device} are the native ones`, async () => {
    expected ??= nativeResults();
    const found = await inBrowser(device, { x: expected.x, times: TIMES, runs: RUNS });
    TIMES.forEach((t, i) => compareScores(device, found.scores[i], expected.scores[i], t));
    RUNS.forEach(({ sampler }, i) => comparePixels(`${device}, ${sampler}`, found.samples[i], expected.samples[i]));
  });
}

test('a sample does not depend on those beside it', async () => {
  const settings = { sampler: 'pc', steps: 10, seed: 9, label: 1 };
  const runs = [{ ...settings, n: 1 }, { ...settings, n: 3 }];
  const { samples } = await inBrowser('cpu', { x: [], times: [], runs });
  comparePixels('1 of 3', samples[1].slice(0, samples[0].length), samples[0]);
});
