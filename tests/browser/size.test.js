// The engines are small: what a server sends, compressed, is within the budget.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { dist, versioned } from './server.js';

/**
 * Bytes by gzip -9, and why as many. Two thirds of the CPU's engine and nine tenths of WebGPU's are burn, CubeCL and wgpu. This
 * repository's code is 0.2 MB of either, and may take half as much again: 20 kB for a network, 5 kB for a sampler or a guide.
 * What needs more (gradients, say) belongs into an engine of its own, with a budget of its own, that only its users fetch.
 */
const BUDGET = {
  // Everybody waits for it: 0.6 s at 10 Mbit/s, a third of what the shipped model takes.
  engine: 750_000,
  // Fetched only where there is a GPU: about as long as the shipped model, which comes at the same time.
  'engine-gpu': 2_300_000,
  // Fetched by the lab alone.
  'engine-training': 1_050_000,
};

for (const [name, most] of Object.entries(BUDGET)) {
  test(`${name} is at most ${most / 1e6} MB to download`, (t) => {
    const module = readFileSync(dist(versioned(`${name}_bg.wasm`)));
    const bytes = gzipSync(module, { level: 9 }).length;
    t.diagnostic(`${name}: ${module.length} bytes, ${bytes} by gzip -9`);
    assert.ok(bytes <= most, `${bytes} bytes`);
  });
}
