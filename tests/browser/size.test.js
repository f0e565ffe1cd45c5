// The engines are small: what a server sends, compressed, is within the budget.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { dist, versioned } from './server.js';

/** Bytes by gzip -9. */
const BUDGET = { engine: 700_000, 'engine-gpu': 2_200_000 };

for (const [name, most] of Object.entries(BUDGET)) {
  test(`${name} is at most ${most / 1e6} MB to download`, (t) => {
    const module = readFileSync(dist(versioned(`${name}_bg.wasm`)));
    const bytes = gzipSync(module, { level: 9 }).length;
    t.diagnostic(`${name}: ${module.length} bytes, ${bytes} by gzip -9`);
    assert.ok(bytes <= most, `${bytes} bytes`);
  });
}
