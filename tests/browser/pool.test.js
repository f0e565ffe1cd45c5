// Several workers share a run's samples: the same pictures as one worker draws, and the same answers to what goes wrong.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open } from './browser.js';
import { versioned } from './server.js';
import { useBrowser, useServer } from './setup.js';

const browser = await useBrowser();
const server = await useServer();

/** A page with `window.scorefield`. */
async function blank() {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  await page.evaluate(async (origin) => (window.scorefield = await import(`${origin}/scorefield.js`)), server.origin);
  return page;
}

/** Every run by a model with each number of workers: `[workers][run]`, each run's steps, and which workers had a part. */
async function drawn(source, workers, runs) {
  const page = await blank();
  // What workers are asked, from outside: a step is asked of those that have a part.
  await page.evaluate(() => {
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (message, ...rest) {
      if (message.type === 'step') window.asked?.add(this);
      return post.call(this, message, ...rest);
    };
  });
  const found = await page.evaluate(
    async ([source, workers, runs]) => {
      const all = [];
      for (const count of workers) {
        const model = await window.scorefield.load(source, { device: 'cpu', workers: count });
        if (model.workers !== count) throw new Error(`${model.workers} workers, not ${count}`);
        const mine = [];
        for (const settings of runs) {
          window.asked = new Set();
          const steps = [];
          let last;
          for await (const step of model.sample({ ...settings, values: true })) {
            const { index, total, progress, t, sigma, nfe, done, n } = step;
            steps.push({ index, total, progress, t, sigma, nfe, done, n });
            last = step;
          }
          const kinds = ['x', 'denoised'].map((kind) => ({ pixels: [...last.pixels(kind)], values: [...last.values(kind)] }));
          mine.push({ steps, kinds, parts: window.asked.size });
        }
        model.dispose();
        all.push(mine);
      }
      return all;
    },
    [source, workers, runs],
  );
  assert.deepEqual(page.errors, []);
  await page.context().close();
  return found;
}

const largest = (a, b) => a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);

test('1, 2, 3 and 7 workers draw the same samples', async () => {
  const runs = [
    { sampler: 'heun', steps: 4, n: 5, seed: 3 },
    { sampler: 'euler-maruyama', steps: 12, n: 5, seed: 3 },
    { sampler: 'pc', steps: 6, n: 6, seed: 4, label: 2, guidance: 2.5 },
    { sampler: 'dpm++2m-sde', steps: 5, n: 2, seed: 5, clip: 1, threshold: 0.9 },
    { sampler: 'ddim', steps: 4, n: 1, seed: 6, eta: 1 },
  ];
  const counts = [1, 2, 3, 7];
  const [one, ...others] = await drawn('fashion', counts, runs);
  others.forEach((many, at) => {
    const workers = counts[at + 1];
    runs.forEach(({ sampler, n }, i) => {
      const name = `${sampler} of ${n} by ${workers}`;
      assert.equal(many[i].parts, Math.min(n, workers), name);
      assert.deepEqual(many[i].steps, one[i].steps, name);
      many[i].kinds.forEach(({ pixels, values }, kind) => {
        const straight = one[i].kinds[kind];
        assert.equal(values.length, straight.values.length);
        // Another batch is other tiles of a matrix product: sums in another order, some units in the last place of f32,
        // which a few steps amplify. Values are of size 1; a level of 8-bit pixels is 8e-3, and a value on the edge
        // between two may round to either.
        const off = largest(values, straight.values);
        assert.ok(off < 1e-3, `${name}: ${off}`);
        assert.equal(pixels.length, straight.pixels.length);
        assert.ok(largest(pixels, straight.pixels) <= 1, name);
      });
    });
  });
});

test('what couples samples is not shared: the same bits', async () => {
  const runs = [
    { sampler: 'ode', n: 3, seed: 1, rtol: 0.05, atol: 0.05 },
    { sampler: 'pc', norms: 'batch', steps: 4, n: 3, seed: 1 },
  ];
  const [one, two] = await drawn('fashion', [1, 2], runs);
  runs.forEach((_, i) => {
    assert.equal(two[i].parts, 1);
    assert.deepEqual(two[i], one[i]);
  });
});

test('the points of a mixture are one picture by any number of workers', async () => {
  const page = await blank();
  const found = await page.evaluate(async (source) => {
    const pictures = [];
    for (const workers of [1, 2]) {
      const model = await window.scorefield.load(source, { device: 'cpu', workers });
      for (const sampler of ['heun', 'mala']) {
        for await (const step of model.sample({ sampler, steps: 5, n: 50, seed: 1 })) {
          if (step.done) pictures.push({ n: step.n, acceptance: step.acceptance, text: `${step.pixels()} ${step.pixels('denoised')}` });
        }
      }
      model.dispose();
    }
    const [heun, mala, ...two] = pictures;
    return { n: heun.n, acceptance: mala.acceptance, same: JSON.stringify(two) === JSON.stringify([heun, mala]) };
  }, `${server.origin}/tests/reference/mixture2d.toml`);
  assert.equal(found.n, 1);
  assert.ok(found.acceptance > 0);
  assert.ok(found.same);
  await page.context().close();
});

test('the engine and the weights come once, whatever the number of workers', async () => {
  const page = await blank();
  const from = server.requests.length;
  const workers = await page.evaluate(async () => {
    const model = await window.scorefield.load('fashion', { device: 'cpu', workers: 3 });
    return model.workers;
  });
  assert.equal(workers, 3);
  assert.equal(page.workers().length, 3);
  const since = server.requests.slice(from);
  for (const file of [versioned('engine_bg.wasm'), 'models/fashion.safetensors']) {
    assert.equal(since.filter((path) => path === file).length, 1, file);
  }
  await page.context().close();
});

test('automatic is as many workers as there are cores, at most 8; a wrong number is named', async () => {
  const page = await blank();
  const found = await page.evaluate(async () => {
    const counts = [];
    for (const cores of [1, 3, 100]) {
      Object.defineProperty(navigator, 'hardwareConcurrency', { configurable: true, value: cores });
      const model = await window.scorefield.load('fashion', { device: 'cpu' });
      counts.push(model.workers);
      model.dispose();
    }
    const wrong = [];
    for (const workers of [0, -1, 1.5, 'many', 1e6]) {
      wrong.push(await window.scorefield.load('fashion', { device: 'cpu', workers }).catch(({ code, message }) => `${code}: ${message}`));
    }
    return { counts, wrong };
  });
  assert.deepEqual(found.counts, [1, 3, 8]);
  for (const error of found.wrong) assert.match(error, /^setting: workers = .*use auto, or a whole number from 1 to 64/);
  await page.context().close();
});

/** A run by three workers; after step 3 the page waits for `window.go`, and what the run did is returned. */
async function interrupted(hurt, timeout = 60_000) {
  const page = await blank();
  const running = page.evaluate(async (timeout) => {
    const model = await window.scorefield.load('fashion', { device: 'cpu', workers: 3, timeout });
    const settings = { sampler: 'euler-maruyama', steps: 6, n: 4, seed: 11 };
    let straight;
    for await (const step of model.sample(settings)) straight = [...step.pixels()];
    const recovered = [];
    model.addEventListener('recover', ({ detail }) => recovered.push(detail));
    const indices = [];
    let pixels;
    for await (const step of model.sample(settings)) {
      indices.push(step.index);
      pixels = [...step.pixels()];
      if (step.index === 3) {
        window.waiting = true;
        await new Promise((resolve) => (window.go = resolve));
      }
    }
    const { workers } = model;
    model.dispose();
    return { recovered, indices, workers, same: JSON.stringify(pixels) === JSON.stringify(straight) };
  }, timeout);
  await page.waitForFunction(() => window.waiting);
  const before = page.workers();
  await hurt(before);
  await page.evaluate(() => window.go());
  const result = await running;
  // Those that lived were ended with it; a hung one takes the browser a moment.
  for (let i = 0; i < 100 && before.some((worker) => page.workers().includes(worker)); i++) await page.waitForTimeout(100);
  assert.ok(!before.some((worker) => page.workers().includes(worker)));
  await page.context().close();
  return result;
}

for (const [name, kind, hurt, timeout] of [
  ['that the browser ends', 'killed', ([, second]) => second.evaluate(() => self.close())],
  ['that throws', 'panic', ([, , third]) => third.evaluate(() => void setTimeout(() => { throw new Error('boom'); }))],
  [
    'that hangs',
    'timeout',
    async ([, second]) => {
      // It never comes back from this: do not wait for it.
      second.evaluate(() => setTimeout(() => { for (;;); })).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 200));
    },
    15_000,
  ],
]) {
  test(`one of three workers ${name}`, async () => {
    const result = await interrupted(hurt, timeout);
    assert.deepEqual(result.indices, [1, 2, 3, 4, 5, 6, 7]);
    assert.deepEqual(result.recovered.map((detail) => detail.kind), [kind]);
    assert.equal(result.workers, 3);
    assert.ok(result.same, 'the picture differs from the straight run’s');
  });
}

test('an abort, a cancel and a dropped loop end all parts, and the next run is not disturbed', async () => {
  const page = await blank();
  const found = await page.evaluate(async () => {
    const model = await window.scorefield.load('fashion', { device: 'cpu', workers: 2 });
    const long = { sampler: 'euler', steps: 400, n: 4, seed: 1 };
    const ends = [];
    const controller = new AbortController();
    try {
      for await (const step of model.sample({ ...long, signal: controller.signal })) if (step.index === 2) controller.abort();
    } catch (error) {
      ends.push(error.code);
    }
    const run = model.sample(long);
    for await (const step of run) if (step.index === 2) run.cancel();
    ends.push(run.state);
    for await (const step of model.sample(long)) if (step.index === 2) break;
    // In the midst of a step, too, and before the first.
    const busy = model.sample({ ...long, every: 100 })[Symbol.asyncIterator]();
    const pulled = busy.next();
    setTimeout(() => busy.return(), 50);
    ends.push((await pulled).done);
    const early = model.sample(long);
    const first = early[Symbol.asyncIterator]().next();
    early.cancel();
    ends.push((await first).done);
    const begin = performance.now();
    let last;
    for await (const step of model.sample({ ...long, steps: 1 })) last = step.index;
    const took = performance.now() - begin;
    // Two runs at once take turns in both workers.
    const drain = async (settings) => {
      let pixels;
      for await (const step of model.sample(settings)) pixels = [...step.pixels()];
      return JSON.stringify(pixels);
    };
    const pair = [{ ...long, steps: 3 }, { ...long, steps: 2, seed: 2 }];
    const apart = [await drain(pair[0]), await drain(pair[1])];
    const together = await Promise.all(pair.map(drain));
    model.dispose();
    return { ends, last, took, same: together.every((pixels, i) => pixels === apart[i]) };
  });
  assert.deepEqual(found.ends, ['aborted', 'cancelled', true, true]);
  assert.equal(found.last, 2);
  // A few evaluations of two samples; the hundred steps that were dropped would take seconds.
  assert.ok(found.took < 2000, `${found.took} ms`);
  assert.ok(found.same, 'two runs at once disturb each other');
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test('a wrong setting is one error, and the workers live on', async () => {
  const page = await blank();
  const found = await page.evaluate(async () => {
    const model = await window.scorefield.load('fashion', { device: 'cpu', workers: 2 });
    let recovered = 0;
    model.addEventListener('recover', () => (recovered += 1));
    const errors = [];
    for (const settings of [{ n: 0 }, { n: 1025 }, { label: 10 }, { first_sample: 3 }, { sampler: 'mala' }]) {
      try {
        for await (const step of model.sample({ steps: 1, n: 2, ...settings })) errors.push(step.index);
      } catch (error) {
        errors.push(`${error.code}: ${error.message}`);
      }
    }
    let last;
    for await (const step of model.sample({ steps: 1, n: 2 })) last = step.index;
    const { wasm } = await model.memory();
    model.dispose();
    const after = await model.memory().catch(({ code }) => code);
    return { errors, last, recovered, wasm, after };
  });
  assert.equal(found.errors.length, 5);
  for (const error of found.errors) assert.match(error, /^setting: .*expected/);
  assert.deepEqual([found.last, found.recovered, found.after], [2, 0, 'disposed']);
  assert.ok(found.wasm > 0);
  await page.context().close();
});
