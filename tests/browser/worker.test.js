// The worker is disposable: whatever ends it, another one carries the run on to the same picture.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, open } from './browser.js';
import { serve } from './server.js';

let browser;
let server;
before(async () => {
  [browser, server] = await Promise.all([launch(), serve()]);
});
after(async () => {
  await browser.close();
  await server.close();
});

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
      worker.evaluate(() => setTimeout(() => { for (;;); })).catch(() => {});
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

test('run after run takes no more memory', async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const bytes = await page.evaluate(async (origin) => {
    const { load } = await import(`${origin}/scorefield.js`);
    const model = await load('fashion', { device: 'cpu' });
    const bytes = [];
    for (let i = 0; i < 12; i++) {
      // Half of them are dropped in the middle.
      for await (const step of model.sample({ sampler: 'euler', steps: 3, n: 8, seed: i })) if (i % 2 && step.index === 2) break;
      bytes.push((await model.memory()).wasm);
    }
    model.dispose();
    return bytes;
  }, server.origin);
  // The first runs find their level; WebAssembly's memory can only grow.
  assert.equal(bytes.at(-1), bytes[3], bytes.join(' '));
});
