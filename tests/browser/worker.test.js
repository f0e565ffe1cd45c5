// The worker is disposable: whatever ends it, another one carries the run on to the same picture.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open } from './browser.js';
import { useBrowser, useServer } from './setup.js';

const browser = await useBrowser();
const server = await useServer();

/** Samples through the API; after step 3 the page waits for `window.go`, and what the run did is returned. */
async function interrupted(hurt, { timeout = 60_000 } = {}) {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const running = page.evaluate(
    async ([origin, timeout]) => {
      const { load } = await import(`${origin}/scorefield.js`);
      const model = await load('fashion', { device: 'cpu', timeout });
      const settings = { sampler: 'euler-maruyama', steps: 8, n: 2, seed: 11 };
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
      model.dispose();
      return { recovered, indices, same: JSON.stringify(pixels) === JSON.stringify(straight) };
    },
    [server.origin, timeout],
  );
  await page.waitForFunction(() => window.waiting);
  await hurt(page.workers()[0]);
  await page.evaluate(() => window.go());
  const result = await running;
  await page.context().close();
  return result;
}

const INDICES = [1, 2, 3, 4, 5, 6, 7, 8, 9];

test('a worker that the browser ends', async () => {
  const result = await interrupted((worker) => worker.evaluate(() => self.close()));
  assert.deepEqual(result.indices, INDICES);
  assert.equal(result.recovered.length, 1);
  assert.equal(result.recovered[0].kind, 'killed');
  assert.ok(result.same, 'the picture differs from the straight run’s');
});

test('a worker that throws', async () => {
  const result = await interrupted((worker) =>
    worker.evaluate(() => {
      setTimeout(() => {
        throw new Error('boom');
      });
    }),
  );
  assert.deepEqual(result.indices, INDICES);
  assert.equal(result.recovered[0].kind, 'panic');
  assert.match(result.recovered[0].reason, /boom/);
  assert.ok(result.same);
});

test('a worker that hangs', async () => {
  const result = await interrupted(
    async (worker) => {
      // It never comes back from this: do not wait for it.
      worker
        .evaluate(() =>
          setTimeout(() => {
            for (;;);
          }),
        )
        .catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 200));
    },
    { timeout: 15_000 },
  );
  assert.deepEqual(result.indices, INDICES);
  assert.equal(result.recovered[0].kind, 'timeout');
  assert.ok(result.same);
});

test('a worker that always dies ends in an error, not in a loop', async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  let deaths = 0;
  page.on('worker', (worker) => {
    deaths += 1;
    worker.evaluate(() => self.close()).catch(() => {});
  });
  const error = await page.evaluate(async (origin) => {
    const { load } = await import(`${origin}/scorefield.js`);
    try {
      await load('fashion', { device: 'cpu', workers: 1, timeout: 5000 });
    } catch (error) {
      return { name: error.name, code: error.code, message: error.message };
    }
  }, server.origin);
  assert.equal(error.name, 'ScorefieldError');
  assert.match(error.code, /^(engine|timeout)$/);
  assert.match(error.message, /the engine stopped/);
  assert.ok(deaths >= 2 && deaths <= 5, `${deaths} workers`);
});

test('a worker that dies in each of many runs is replaced in each', async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const running = page.evaluate(async (origin) => {
    const { load } = await import(`${origin}/scorefield.js`);
    const model = await load('fashion', { device: 'cpu', workers: 1 });
    let recovered = 0;
    model.addEventListener('recover', () => (recovered += 1));
    const ends = [];
    for (let seed = 0; seed < 10; seed++) {
      try {
        for await (const step of model.sample({ sampler: 'euler', steps: 2, n: 1, seed })) {
          if (step.done) ends.push(step.index);
          if (step.index !== 1) continue;
          window.waiting = seed;
          await new Promise((resolve) => (window.go = resolve));
        }
      } catch (error) {
        ends.push(error.code);
      }
    }
    model.dispose();
    return { ends, recovered };
  }, server.origin);
  for (let seed = 0; seed < 10; seed++) {
    await page.waitForFunction((seed) => window.waiting === seed, seed);
    await page.workers()[0].evaluate(() => self.close());
    await page.evaluate(() => window.go());
  }
  const { ends, recovered } = await running;
  assert.deepEqual(ends, Array(10).fill(3));
  assert.equal(recovered, 10);
  await page.context().close();
});

test('run after run takes no more memory, whatever their sizes', async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const bytes = await page.evaluate(async (origin) => {
    const { load } = await import(`${origin}/scorefield.js`);
    const model = await load('fashion', { device: 'cpu' });
    const bytes = [];
    for (let i = 0; i < 16; i++) {
      // Half of them are dropped in the middle.
      const n = [8, 3, 11, 5][i % 4];
      for await (const step of model.sample({ sampler: 'euler', steps: 3, n, seed: i }))
        if (i % 2 && step.index === 2) break;
      bytes.push((await model.memory()).wasm);
    }
    model.dispose();
    return bytes;
  }, server.origin);
  // The first runs find their level; WebAssembly's memory can only grow.
  assert.equal(bytes.at(-1), bytes[7], bytes.join(' '));
});

test(
  'what a large run has taken is given back a moment after it, and the model goes on',
  { skip: process.env.SCOREFIELD_MOCK },
  async () => {
    const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
    const found = await page.evaluate(async (origin) => {
      const { load } = await import(`${origin}/scorefield.js`);
      const told = [];
      const model = await load('fashion', { device: 'cpu', workers: 2, onProgress: ({ phase }) => told.push(phase) });
      const heard = [];
      for (const name of ['recover', 'device']) model.addEventListener(name, () => heard.push(name));
      const draw = async (settings) => {
        let pixels;
        for await (const step of model.sample({ sampler: 'euler', steps: 1, seed: 3, ...settings }))
          pixels = String(step.pixels());
        return pixels;
      };
      const small = await draw({ n: 2 });
      const before = (await model.memory()).wasm;
      await draw({ n: 512 });
      const grown = (await model.memory()).wasm;
      const loaded = told.length;
      let after = grown;
      for (let i = 0; i < 600 && after === grown; i++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        after = (await model.memory()).wasm;
      }
      const { workers } = model;
      const same = (await draw({ n: 2 })) === small;
      model.dispose();
      return { before, grown, after, same, heard, workers, told: told.length - loaded };
    }, server.origin);
    assert.ok(found.grown > 2 * 64 * 2 ** 20, `a large run took ${found.grown}`);
    assert.ok(found.after <= found.before, `${found.after} are held, ${found.before} before`);
    assert.deepEqual([found.same, found.heard, found.workers, found.told], [true, [], 2, 0]);
    await page.context().close();
  },
);

test('a run that nobody has any more is dropped by its worker', async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const client = await page.context().newCDPSession(page);
  await page.evaluate(async (origin) => {
    const post = Worker.prototype.postMessage;
    window.sent = { start: new Set(), drop: new Set() };
    Worker.prototype.postMessage = function (message, ...rest) {
      window.sent[message.type]?.add(message.run);
      return post.call(this, message, ...rest);
    };
    const { load } = await import(`${origin}/scorefield.js`);
    window.model = await load('fashion', { device: 'cpu', workers: 1 });
    window.controller = new AbortController();
    for (let seed = 0; seed < 5; seed++) {
      // A signal that lives on must not keep them.
      const { signal } = window.controller;
      await window.model.sample({ sampler: 'euler', steps: 5, n: 1, seed, signal })[Symbol.asyncIterator]().next();
    }
  }, server.origin);
  let left;
  for (let i = 0; i < 50; i++) {
    await client.send('HeapProfiler.collectGarbage');
    left = await page.evaluate(() => [
      window.sent.start.size,
      [...window.sent.start].filter((run) => !window.sent.drop.has(run)).length,
    ]);
    if (left[1] === 0) break;
    await page.waitForTimeout(100);
  }
  assert.deepEqual(left, [5, 0]);
  await page.context().close();
});
