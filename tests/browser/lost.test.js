// A GPU's process that crashes takes its bitmaps along: the scrubber shows a step's own frame, or none. On SwiftShader.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finished, open } from './browser.js';
import { useBrowser, useServer } from './setup.js';

const browser = await useBrowser({ gpu: true });
const server = await useServer();

/** Notes what is on the canvas as each step is shown, and holds the run at `window.hold`. */
function watch() {
  window.seen = {};
  window.bytes = () => {
    const canvas = document.querySelector('#canvas');
    return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.join();
  };
  document.addEventListener('DOMContentLoaded', () => {
    const status = document.querySelector('#status');
    new MutationObserver(() => {
      const { index } = status.dataset;
      window.seen[index] = window.bytes();
      if (Number(index) === window.hold) document.querySelector('#pause').click();
    }).observe(status, { attributeFilter: ['data-index'] });
  });
}

/** Every place of the scrubber: the step that it says, and whether the canvas has what it had at that step. */
function scrub(page) {
  return page.evaluate(() => {
    const scrubber = document.querySelector('#scrubber');
    const found = [];
    for (let place = 1; place <= Number(scrubber.max); place++) {
      scrubber.value = place;
      scrubber.dispatchEvent(new Event('input'));
      const caption = document.querySelector('#caption').textContent;
      const index = / step (\d+) of/.exec(caption)?.[1] ?? scrubber.max;
      found.push([Number(index), window.bytes() === window.seen[index]]);
    }
    return found;
  });
}

test('after a crash of the GPU’s process, in a run and after it, each place shows its own step', async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  await page.addInitScript(watch);
  await page.addInitScript(() => (window.hold = 4));
  await page.goto(`${server.origin}/?model=fashion&sampler=euler&steps=6&n=1&seed=2&device=webgpu&show=x&autostart=1`);
  const browserSession = await browser.newBrowserCDPSession();
  await page.waitForFunction(() => document.querySelector('#pause').textContent === 'Resume', null, {
    timeout: 300_000,
  });
  await browserSession.send('Browser.crashGpuProcess').catch(() => {});
  await page.waitForTimeout(1000);
  await page.click('#pause');
  const { state, error } = await finished(page);
  assert.equal(state, 'done', error);
  const within = await scrub(page);
  assert.ok(within.length >= 6);
  assert.deepEqual(
    within.filter(([, same]) => !same),
    [],
    JSON.stringify(within),
  );
  assert.ok(new Set(within.map(([index]) => index)).size >= 4, JSON.stringify(within));
  await browserSession.send('Browser.crashGpuProcess').catch(() => {});
  await page.waitForTimeout(1000);
  const afterwards = await scrub(page);
  assert.deepEqual(afterwards, within);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#png')]);
  const chunks = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk);
  const png = Buffer.concat(chunks).toString('base64');
  const shades = await page.evaluate(async (png) => {
    const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    context.drawImage(bitmap, 0, 0);
    return new Set(context.getImageData(0, 0, bitmap.width, bitmap.height).data).size;
  }, png);
  assert.ok(shades > 20, `${shades} shades`);
  await page.context().close();
});

test('the page’s policy lets a run on WebGPU be', async () => {
  const page = await open(
    browser,
    `${server.origin}/?model=fashion&sampler=euler&steps=2&n=1&device=webgpu&autostart=1`,
  );
  const { state, error } = await finished(page);
  assert.equal(state, 'done', error);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});
