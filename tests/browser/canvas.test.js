// Frames that the GPU draws, without a readback, and pipelines that are built before the first step; on SwiftShader.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { open } from './browser.js';
import { colourModel } from './colour.js';
import { dist, versioned } from './server.js';
import { useBrowser, useServer } from './setup.js';

const browser = await useBrowser({ gpu: true });
const server = await useServer();
server.routes[versioned('worker/worker.js')] = counting;
server.routes['colour.safetensors'] = (_, response) => response.end(colourModel());

/** The worker's script, which counts readbacks and pipelines since its run began; the counts ride on each step. */
async function counting(_, response) {
  const hook = `
    const counts = { maps: 0, pipelines: 0 };
    for (const [prototype, method, name] of [
      [GPUBuffer.prototype, 'mapAsync', 'maps'],
      [GPUDevice.prototype, 'createComputePipeline', 'pipelines'],
      [GPUDevice.prototype, 'createComputePipelineAsync', 'pipelines'],
      [GPUDevice.prototype, 'createRenderPipeline', 'pipelines'],
      [GPUDevice.prototype, 'createRenderPipelineAsync', 'pipelines'],
    ]) {
      const original = prototype[method];
      prototype[method] = function (...rest) {
        counts[name] += 1;
        return original.apply(this, rest);
      };
    }
    const request = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (...rest) {
      return (self.gpuDevice = await request.apply(this, rest));
    };
    const post = self.postMessage;
    self.postMessage = function (message, transfer) {
      const { value } = message;
      if (value?.shape && 'total' in value) counts.start = { ...counts };
      // A field of a step that no network's sampler has.
      if (value?.index) value.acceptance = { maps: counts.maps - counts.start.maps, pipelines: counts.pipelines - counts.start.pipelines };
      post.call(self, message, transfer);
    };
  `;
  response.setHeader('content-type', 'text/javascript');
  response.end(hook + (await readFile(dist(versioned('worker/worker.js')), 'utf8')));
}

/** Runs in the page. */
async function bothWays([origin, source, settings]) {
  const { load } = await import(`${origin}/scorefield.js`);
  const model = await load(source, { device: 'webgpu' });
  const pictures = async (more) => {
    const found = [];
    for await (const step of model.sample({ ...settings, ...more })) {
      const drawn = [];
      for (const options of [{}, { scale: 3 }, { columns: 3, gap: 2 }, { columns: 3, gap: 3, scale: 2 }]) {
        const canvas = new OffscreenCanvas(1, 1);
        // Twice: the first must not show through the second.
        for (const kind of ['x', 'denoised']) step.draw(canvas, { kind, ...options });
        drawn.push(...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data);
      }
      found.push({ x: step.pixels(), denoised: step.pixels('denoised'), drawn, counts: step.acceptance });
    }
    return found;
  };
  const drawn = await pictures({});
  const read = await pictures({ values: true });
  const differences = (a, b) => (a.length === b.length ? a.reduce((sum, value, i) => sum + (value !== b[i]), 0) : Infinity);
  const { frames, shape } = model;
  model.dispose();
  return {
    frames,
    shape,
    bytes: drawn[0].x.length,
    shades: new Set(read.at(-1).x).size,
    differences: drawn.map((frame, i) => ['x', 'denoised', 'drawn'].map((key) => differences(frame[key], read[i][key]))),
    maps: { drawn: drawn.map(({ counts }) => counts.maps), read: read.map(({ counts }) => counts.maps) },
  };
}

for (const [name, source, channels] of [
  ['grey', 'fashion', 1],
  ['colour', 'colour.safetensors', 3],
]) {
  test(`a frame that the GPU draws is the one that is read back, byte for byte: ${name}`, async () => {
    const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
    const address = source === 'fashion' ? source : `${server.origin}/${source}`;
    // Three of them: a sheet with places that nobody fills.
    const settings = { sampler: 'euler', steps: 3, n: 3, seed: 6, label: 8 };
    const found = await page.evaluate(bothWays, [server.origin, address, settings]);
    assert.deepEqual(found.frames, { drawn: true, reason: '' });
    assert.equal(found.shape[0], channels);
    assert.equal(found.bytes, 3 * 28 * 28 * 4);
    assert.ok(found.shades > 50, `${found.shades} shades`);
    assert.deepEqual(found.differences, Array(4).fill([0, 0, 0]));
    // The last step's alone are read back, to see that the numbers are finite, and to be kept.
    assert.deepEqual(found.maps.drawn.slice(0, -1), [0, 0, 0]);
    assert.ok(found.maps.drawn.at(-1) > 0);
    assert.ok(found.maps.read.every((maps, i) => maps > i), `the other way reads every frame: ${found.maps.read}`);
    assert.deepEqual(page.errors, []);
    await page.context().close();
  });
}

test('numbers that are not finite end a drawn run, too', async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const code = await page.evaluate(async (origin) => {
    const { load } = await import(`${origin}/scorefield.js`);
    const model = await load('fashion', { device: 'webgpu' });
    try {
      for await (const step of model.sample({ sampler: 'ula', steps: 12, n: 1, step_size: 1e6 })) step.close();
      return 'none';
    } catch (error) {
      return error.code;
    } finally {
      model.dispose();
    }
  }, server.origin);
  assert.equal(code, 'not-finite');
  await page.context().close();
});

test('every pipeline is built before the first step, with progress', async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const runs = [
    { sampler: 'heun', steps: 6, n: 2 },
    { sampler: 'heun', steps: 6, n: 2, label: 1, guidance: 2 },
    { sampler: 'pc', steps: 6, n: 1 },
    { sampler: 'dpm++2m-sde', steps: 6, n: 1 },
    { sampler: 'dpm-solver', steps: 6, n: 1, order: 3 },
    { sampler: 'ddim', steps: 6, n: 1, eta: 0.5 },
    { sampler: 'annealed-langevin', steps: 5, n: 1, level_steps: 2 },
    { sampler: 'edm', steps: 5, n: 1, churn: 5 },
    { sampler: 'ode', n: 1, rtol: 0.1, atol: 0.1 },
    { sampler: 'euler', n: 1, times: [1, 0.8, 0.6, 0.4, 0.2, 0.1], threshold: 0.9 },
  ];
  const found = await page.evaluate(
    async ([origin, runs]) => {
      const { load } = await import(`${origin}/scorefield.js`);
      const found = { late: [], stages: [], loading: [] };
      let heard = found.loading;
      const model = await load('fashion', { device: 'webgpu', onProgress: ({ phase, loaded, total }) => phase === 'pipelines' && heard.push([loaded, total]) });
      for (const settings of runs) {
        found.stages.push((heard = []));
        let last;
        for await (const step of model.sample(settings)) last = step;
        found.late.push([settings.sampler, last.acceptance.pipelines]);
      }
      // The same sizes again, with other numbers.
      found.again = heard = [];
      for await (const step of model.sample({ ...runs[1], seed: 7, label: 3, guidance: 1.5 })) step.close();
      // Cancelled in the middle of it.
      const controller = new AbortController();
      const cancelled = model.sample({ sampler: 'pc', steps: 3, n: 3, signal: controller.signal });
      heard = { push: () => controller.abort() };
      found.cancelled = await cancelled[Symbol.asyncIterator]().next().then(() => 'ran', (error) => error.code);
      heard = [];
      for await (const step of model.sample({ sampler: 'euler', steps: 1, n: 1 })) found.after = step.index;
      model.dispose();
      // An exact score, whose samplers ask for more than a network's.
      const mixture = await load(`${origin}/tests/reference/mixture2d.toml`, { device: 'webgpu' });
      for await (const step of mixture.sample({ sampler: 'mala', steps: 6, n: 5, t_end: 0.1 })) found.mala = step.acceptance.pipelines;
      mixture.dispose();
      return found;
    },
    [server.origin, runs],
  );
  const counted = (stages) => assert.deepEqual(stages, stages.map((_, i) => [i, stages.length]));
  counted(found.loading);
  assert.ok(found.loading.length >= 8, `the network in ${found.loading.length} stages`);
  for (const stages of found.stages) {
    counted(stages);
    assert.ok(stages.length > 3, `a run in ${stages.length} stages`);
  }
  assert.deepEqual(found.late, runs.map(({ sampler }) => [sampler, 0]));
  assert.deepEqual(found.again, []);
  assert.equal(found.cancelled, 'aborted');
  assert.equal(found.after, 2);
  assert.equal(found.mala, 0);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test('a device that is lost while its frame is awaited is replaced', async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const running = page.evaluate(async (origin) => {
    const { load } = await import(`${origin}/scorefield.js`);
    const model = await load('fashion', { device: 'webgpu' });
    const found = { recovered: [], indices: [] };
    model.addEventListener('recover', ({ detail }) => found.recovered.push(detail.kind));
    for await (const step of model.sample({ sampler: 'euler', steps: 3, n: 1, seed: 2 })) {
      found.indices.push(step.index);
      if (step.index !== 1) continue;
      window.waiting = true;
      await new Promise((resolve) => (window.go = resolve));
    }
    model.dispose();
    return found;
  }, server.origin);
  await page.waitForFunction(() => window.waiting, null, { timeout: 600_000 });
  await page.workers().at(-1).evaluate(() => {
    const { onSubmittedWorkDone } = GPUQueue.prototype;
    GPUQueue.prototype.onSubmittedWorkDone = function () {
      const done = onSubmittedWorkDone.call(this);
      self.gpuDevice.destroy();
      return done;
    };
  });
  await page.evaluate(() => window.go());
  const found = await running;
  assert.deepEqual(found.recovered, ['lost']);
  assert.deepEqual(found.indices, [1, 2, 3, 4]);
  await page.context().close();
});

for (const [what, hurt] of [
  ['device', (page) => page.workers().at(-1).evaluate(() => self.gpuDevice.destroy())],
  ['process', async () => (await browser.newBrowserCDPSession()).send('Browser.crashGpuProcess')],
]) {
  test(`a frame that was kept outlives its GPU’s ${what}; one that was not is lost, and says so`, async () => {
    const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
    const running = page.evaluate(async (origin) => {
      const { load } = await import(`${origin}/scorefield.js`);
      const model = await load('fashion', { device: 'webgpu' });
      const [steps, before] = [[], []];
      const drawn = (step) => {
        const canvas = new OffscreenCanvas(1, 1);
        step.draw(canvas, { kind: 'denoised', scale: 2 });
        return String(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data);
      };
      for await (const step of model.sample({ sampler: 'euler', steps: 3, n: 2, seed: 2 })) {
        before.push([String(step.pixels()), drawn(step)]);
        steps.push(step);
        if (step.index === 1) step.keep();
      }
      const lost = () => steps.map((step) => step.lost);
      const found = { lost: [lost()] };
      window.waiting = true;
      await new Promise((resolve) => (window.go = resolve));
      // Nobody asks anything of the model meanwhile.
      for (let i = 0; i < 100 && !steps[1].lost; i++) await new Promise((resolve) => setTimeout(resolve, 100));
      found.lost.push(lost());
      found.same = [0, 3].map((i) => String(steps[i].pixels()) === before[i][0] && drawn(steps[i]) === before[i][1]);
      const canvas = new OffscreenCanvas(5, 7);
      steps[1].draw(canvas);
      found.size = [canvas.width, canvas.height];
      try {
        steps[1].pixels();
      } catch (error) {
        found.error = `${error.code}: ${error.message}`;
      }
      model.dispose();
      return found;
    }, server.origin);
    await page.waitForFunction(() => window.waiting, null, { timeout: 600_000 });
    await hurt(page);
    await page.evaluate(() => window.go());
    const found = await running;
    assert.deepEqual(found.lost, [[false, false, false, false], [false, true, true, false]]);
    assert.deepEqual(found.same, [true, true]);
    assert.deepEqual(found.size, [5, 7]);
    assert.match(found.error, /^device-lost: step 2: the frame was lost.*keep\(\)/);
    await page.context().close();
  });
}

test('where WebGPU cannot draw on a canvas, frames are read back, and the model says why', async () => {
  const plain = await useBrowser({ gpu: true, canvas: false });
  try {
    const page = await open(plain, `${server.origin}/tests/browser/blank.html`);
    const found = await page.evaluate(async (origin) => {
      const { load } = await import(`${origin}/scorefield.js`);
      const found = { deaths: 0, frames: [], devices: [] };
      // The second does not try it again: that would end the first one's device.
      const models = [];
      for (const _ of [1, 2]) {
        const model = await load('fashion', { device: 'webgpu' });
        model.addEventListener('recover', () => (found.deaths += 1));
        models.push(model);
      }
      for (const model of models) {
        for await (const step of model.sample({ sampler: 'euler', steps: 1, n: 1 })) found.shades = new Set(step.pixels()).size;
        found.frames.push(model.frames);
        found.devices.push(model.device);
        model.dispose();
      }
      return found;
    }, server.origin);
    assert.deepEqual(found.devices, ['webgpu', 'webgpu']);
    assert.equal(found.deaths, 0);
    for (const { drawn, reason } of found.frames) {
      assert.equal(drawn, false);
      assert.match(reason, /canvas/);
    }
    assert.ok(found.shades > 20);
    await page.context().close();
  } finally {
    await plain.close();
  }
});
