// A second page, of twenty lines, that draws into its own canvas; from Scorefield's origin and from another one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canvasBytes, open } from './browser.js';
import { useBrowser, useServer } from './setup.js';

const browser = await useBrowser();
const home = await useServer();
const other = await useServer();

async function draw(address) {
  const page = await open(browser, address);
  await page.waitForFunction(() => document.body.dataset.done, null, { timeout: 300_000 });
  assert.equal(await page.evaluate(() => document.body.dataset.done), 'yes');
  assert.equal(await page.title(), '5 of 5');
  assert.deepEqual(page.errors, []);
  const size = await page.evaluate(() => [document.querySelector('#mine').width, document.querySelector('#mine').height]);
  assert.deepEqual(size, [57, 57]);
  return canvasBytes(page, '#mine');
}

test('a page of twenty lines, from both origins', async () => {
  const near = await draw(`${home.origin}/tests/browser/embed.html`);
  assert.ok(new Set(near).size > 20, 'the canvas shows shades');
  const far = await draw(`${other.origin}/tests/browser/embed.html?home=${home.origin}`);
  assert.ok(!other.requests.some((path) => path.endsWith('.wasm')), 'everything came from the first origin');
  assert.deepEqual(far, near);
});
