// The WebGPU path, on SwiftShader: slow, so that the runs are short. A run that silently used the CPU fails.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { canvasBytes, finished, launch, open, out } from './browser.js';
import { dist, versioned } from './server.js';
import { useBrowser, useServer } from './setup.js';

const browser = await useBrowser({ gpu: true });
const server = await useServer();

/** The canvas' bytes at a place of the scrubber. */
async function scrub(page, place) {
  await page.evaluate((place) => {
    const scrubber = document.querySelector('#scrubber');
    scrubber.value = place;
    scrubber.dispatchEvent(new Event('input'));
  }, place);
  return canvasBytes(page, '#canvas');
}

test('device=webgpu samples on WebGPU', async () => {
  const page = await open(browser, `${server.origin}/?model=fashion&sampler=euler&steps=3&n=2&seed=1&device=webgpu&show=x&autostart=1`);
  const status = await finished(page, 600_000);
  assert.equal(status.state, 'done', status.error);
  assert.equal(status.device, 'webgpu');
  assert.match(status.adapter, /swiftshader/i);
  assert.equal(status.software, 'true');
  assert.equal(status.nfe, '4');
  // What the scrubber shows is drawn out of bitmaps: the first frame, its estimate, and the last one again.
  const last = await canvasBytes(page, '#canvas');
  const first = await scrub(page, 0);
  assert.notDeepEqual(first, last);
  await page.check('#settings [name=show][value=denoised]');
  assert.notDeepEqual(await canvasBytes(page, '#canvas'), first);
  await page.check('#settings [name=show][value=x]');
  assert.deepEqual(await scrub(page, 4), last);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#png')]);
  assert.match(download.suggestedFilename(), /\.png$/);
  assert.deepEqual(page.errors, []);
  await page.screenshot({ path: join(out, 'webgpu.png') });
  await page.context().close();
});

test('device=auto skips the software adapter, and says so', async () => {
  const page = await open(browser, `${server.origin}/?model=fashion&steps=1&n=1&autostart=1`);
  const status = await finished(page);
  assert.equal(status.device, 'cpu');
  assert.match(await page.textContent('#status'), /On the CPU: the only WebGPU adapter runs in software/);
  await page.context().close();
});

/** The worker's script with a way to its GPU device. */
async function hooked(_, response) {
  const hook = `
    const request = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (...rest) {
      return (self.gpuDevice = await request.apply(this, rest));
    };
  `;
  response.setHeader('content-type', 'text/javascript');
  response.end(hook + (await readFile(dist(versioned('worker/worker.js')), 'utf8')));
}

test('a device that is lost is replaced once; lost again, the CPU carries on, and says why', async () => {
  server.routes[versioned('worker/worker.js')] = hooked;
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const running = page.evaluate(async (origin) => {
    // An adapter that claims to be real.
    Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', { get: () => false });
    const { load } = await import(`${origin}/scorefield.js`);
    const model = await load('fashion', { device: 'auto' });
    const found = { devices: [model.device], recovered: [], indices: [] };
    model.addEventListener('recover', ({ detail }) => found.recovered.push(detail.kind));
    for await (const step of model.sample({ sampler: 'euler', steps: 4, n: 1, seed: 2 })) {
      found.indices.push(step.index);
      found.devices.push(model.device);
      if (step.index === 1 || step.index === 3) {
        window.waiting = step.index;
        await new Promise((resolve) => (window.go = resolve));
      }
    }
    found.reason = model.reason;
    model.dispose();
    return found;
  }, server.origin);
  for (const index of [1, 3]) {
    await page.waitForFunction((index) => window.waiting === index, index, { timeout: 600_000 });
    await page.workers().at(-1).evaluate(() => self.gpuDevice.destroy());
    await page.evaluate(() => window.go());
  }
  const found = await running;
  delete server.routes[versioned('worker/worker.js')];
  assert.deepEqual(found.indices, [1, 2, 3, 4, 5]);
  assert.deepEqual(found.recovered, ['lost', 'lost']);
  assert.deepEqual(found.devices, ['webgpu', 'webgpu', 'webgpu', 'webgpu', 'cpu', 'cpu']);
  assert.match(found.reason, /WebGPU failed twice.*lost/);
  await page.context().close();
});

test('device=webgpu without an adapter is an error, not the CPU', async () => {
  const plain = await launch();
  try {
    const page = await open(plain, `${server.origin}/?model=fashion&steps=1&n=1&device=webgpu&autostart=1`);
    const status = await finished(page);
    assert.equal(status.state, 'error');
    assert.equal(await page.getAttribute('#error', 'data-code'), 'device');
    assert.match(status.error, /no WebGPU adapter.*use device cpu or auto/is);
  } finally {
    await plain.close();
  }
});
