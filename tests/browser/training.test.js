// Training in a worker: the same field for the same seed, natively, too; the true one beside it; particles; bad input.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { open } from './browser.js';
import { command } from './native.js';
import { readNpy, writeNpy } from './npy.js';
import { root } from './server.js';
import { useBrowser, useFolder, useServer } from './setup.js';

const browser = await useBrowser();
const server = await useServer();
const folder = useFolder();

const STEPS = 300;
const CONFIG = {
  name: 'lab',
  data: { name: 'eight-gaussians' },
  model: { kind: 'mlp', dim: 2, width: 64, depth: 2 },
  process: { kind: 'vp' },
  objective: { kind: 'denoising' },
  optimiser: { lr: 1e-2, ema: 0.98 },
  train: { steps: STEPS, batch: 256, seed: 7 },
};
const TOML = `name = "lab"
[data]
name = "eight-gaussians"
[model]
kind = "mlp"
dim = 2
width = 64
depth = 2
[process]
kind = "vp"
[objective]
kind = "denoising"
[optimiser]
lr = 1e-2
ema = 0.98
[train]
steps = ${STEPS}
batch = 256
seed = 7
sample_every = 0
`;
/** Points where the fields are compared: a grid over the data. */
const GRID = Float32Array.from({ length: 2 * 81 }, (_, i) => ((i % 2 ? Math.floor(i / 18) : Math.floor(i / 2) % 9) - 4) * 1.1);
const T = 0.3;

function native(...args) {
  const [file, first] = command();
  return execFileSync(file, [...first, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The score of a weights file, by the command line. */
function nativeScore(model) {
  writeFileSync(join(folder, 'x.npy'), writeNpy(GRID, [81, 2]));
  native('score', '--model', model, '--x', join(folder, 'x.npy'), '--t', String(T), '--npy', join(folder, 's.npy'), '--device', 'cpu');
  return readNpy(readFileSync(join(folder, 's.npy'))).values;
}

/** Mean square of the difference over that of `b`. */
function apart(a, b) {
  let [difference, size] = [0, 0];
  b.forEach((value, i) => {
    difference += (a[i] - value) ** 2;
    size += value ** 2;
  });
  return difference / size;
}

/** What `use` does with an open lab in the page. */
async function inPage(use, ...args) {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  try {
    return await page.evaluate(
      async ([text, origin, args]) => {
        const { openLab } = await import(`${origin}/lab.js`);
        const lab = await openLab();
        try {
          return await (0, eval)(text)(lab, ...args);
        } finally {
          lab.close();
        }
      },
      [String(use), server.origin, args],
    );
  } finally {
    await page.context().close();
  }
}

test('one seed, one field: again after a reset, from exported weights, and natively', async () => {
  const found = await inPage(
    async (lab, config, x, t, steps) => {
      x = new Float32Array(x);
      const training = await lab.train(config);
      const field = async (of) => [...(await of.field(x, t)).learned];
      const losses = [];
      for (let done = 0; done < steps; ) {
        const { step, losses: some } = await training.step(100);
        losses.push(...some);
        done = step;
      }
      const { learned, truth } = await training.field(x, t);
      const density = await training.logDensity(x, t);
      const weights = await training.export();
      const particles = [];
      for await (const step of training.sample({ sampler: 'heun', steps: 10, n: 50, seed: 1 })) particles.push({ ...step, x: [...step.x] });
      const exact = [];
      for await (const step of training.sample({ sampler: 'heun', steps: 10, n: 50, seed: 1 }, { score: 'truth' })) exact.push([...step.x]);
      await training.reset();
      const fresh = await field(training);
      await training.step(steps);
      const again = await field(training);
      const loaded = await lab.train(null, { weights });
      const back = await field(loaded);
      return {
        losses, learned: [...learned], truth: [...truth], fresh, again, back, weights: [...weights], particles, exact,
        density: { learned: density.learned, truth: [...density.truth] }, parameters: training.parameters, config: loaded.config,
        data: [...(await training.data(3))],
      };
    },
    CONFIG, [...GRID], T, STEPS,
  );
  assert.equal(found.losses.length, STEPS);
  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
  // EDM's weighting: a loss of 1 at the start; at little noise it stays there, for the noise itself cannot be known.
  const [first, last] = [found.losses.slice(0, 10), found.losses.slice(-50)].map(mean);
  assert.ok(Math.abs(first - 1) < 0.15 && last < first, `${first} ${last}`);
  // The field at t = 0.3, where the eight are still apart: a few per cent of its mean square after so short a training.
  const error = apart(found.learned, found.truth);
  assert.ok(error < 0.1 && apart(found.fresh, found.truth) > 3 * error, `${error}, untrained ${apart(found.fresh, found.truth)}`);
  assert.deepEqual(found.again, found.learned);
  assert.deepEqual(found.back, found.learned);
  assert.equal(found.config.train.seed, 7);
  assert.equal(found.density.learned, null);
  // log p of a mixture falls from the ring outwards.
  assert.ok(found.density.truth[0] < found.density.truth[40 - 9]);

  // Ten steps and the denoising; the particles are where the data are: between 1 and 5.5 from the middle.
  assert.deepEqual([found.particles.length, found.particles.at(-1).nfe > 10, found.exact.length], [11, true, 11]);
  const radius = (x) => mean(x.filter((_, i) => i % 2 === 0).map((value, i) => Math.hypot(value, x[2 * i + 1])));
  assert.ok(Math.abs(radius(found.particles.at(-1).x) - radius(found.exact.at(-1))) < 0.5);

  // The exported file, natively: f32 sums in another order.
  writeFileSync(join(folder, 'exported.safetensors'), Buffer.from(found.weights));
  assert.ok(apart(nativeScore(join(folder, 'exported.safetensors')), found.learned) < 1e-10);
  // The same run natively: rounding that 300 steps have carried on, and weights of 11 bits in its file.
  writeFileSync(join(folder, 'lab.toml'), TOML);
  native('train', join(folder, 'lab.toml'), '--out', join(folder, 'run'), '--device', 'cpu');
  const natively = apart(nativeScore(join(folder, 'run', 'weights.safetensors')), found.learned);
  assert.ok(natively < 1e-4, `${natively}`);
});

test('what is wrong is said, and leaves the state as it was', async () => {
  const found = await inPage(async (lab, config) => {
    const message = async (work) => {
      try {
        await work();
        return 'nothing was wrong';
      } catch (error) {
        return `${error.code}: ${error.message}`;
      }
    };
    const training = await lab.train(config);
    const own = new Float32Array(64).map((_, i) => Math.sin(i * i));
    const drawn = await lab.train({ ...config, data: { file: 'drawn' } }, { points: own });
    const { truth } = await drawn.field(own, 0.5);
    return {
      truth,
      data: [...(await drawn.data(2))].map((value, i) => value === own[i]),
      image: await message(() => lab.train({ ...config, data: { name: 'fashion-mnist' } })),
      unknown: await message(() => lab.train({ ...config, data: { name: 'three-moons' } })),
      field: await message(() => lab.train({ ...config, modle: {} })),
      few: await message(() => lab.train({ ...config, data: { file: 'drawn' } }, { points: own.slice(0, 6) })),
      nan: await message(() => lab.train({ ...config, data: { file: 'drawn' } }, { points: own.map((x, i) => (i === 9 ? NaN : x)) })),
      odd: await message(() => training.field(new Float32Array(3), 0.5)),
      t: await message(() => training.field(new Float32Array(2), 0)),
      count: await message(() => training.step(0)),
      sampler: await message(async () => {
        for await (const _ of training.sample({ sampler: 'mala', n: 4 }));
      }),
      weights: await message(() => lab.train({ ...config, model: { ...config.model, width: 32 } }, { weights: null })),
    };
  }, CONFIG);
  assert.equal(found.truth, null);
  assert.deepEqual(found.data, [true, true, true, true]);
  assert.match(found.image, /^setting: .*fashion-mnist.*expected a distribution in the plane/);
  assert.match(found.unknown, /three-moons.*two-moons/);
  assert.match(found.field, /modle/);
  assert.match(found.few, /3 points/);
  assert.match(found.nan, /point 5, counted from 1, has the coordinate NaN/);
  assert.match(found.odd, /3 numbers.*a multiple of 2/);
  assert.match(found.t, /t = 0/);
  assert.match(found.count, /count = 0/);
  assert.match(found.sampler, /mala/);
  assert.match(found.weights, /weights = null; expected a Uint8Array/);
});
