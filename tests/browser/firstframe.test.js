// How a cold page comes to its first denoised frame, on the CPU path. How long it takes: `./dev bench --check`.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch } from './browser.js';
import { firstFrame } from './first-frame.js';
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

test('a cold page loads side by side, not one thing after another', async (t) => {
  const { parts } = await firstFrame(browser, server.origin);
  t.diagnostic(Object.entries(parts).map(([name, time]) => `${name} ${time.toFixed(0)}`).join(', '));
  assert.ok(parts.begun < parts.weights, 'the workers start before the weights are there');
  assert.ok(parts.engine <= parts.model && parts.weights <= parts.model && parts.model <= parts.step && parts.step <= parts.drawn);
});
