// How a cold page comes to its first denoised frame, on the CPU path. How long it takes: `./dev bench --check`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstFrame } from './first-frame.js';
import { useBrowser, useServer } from './setup.js';

const browser = await useBrowser();
const server = await useServer();

test('a cold page loads side by side, not one thing after another', async (t) => {
  const { parts } = await firstFrame(browser, server.origin);
  t.diagnostic(Object.entries(parts).map(([name, time]) => `${name} ${time.toFixed(0)}`).join(', '));
  assert.ok(parts.begun < parts.weights, 'the workers start before the weights are there');
  assert.ok(parts.engine <= parts.model && parts.weights <= parts.model && parts.model <= parts.step && parts.step <= parts.drawn);
});
