// Every kernel of ours beside burn's own operators, in the browser: random odd sizes, strides and offsets on the CPU
// (SIMD128), forward and gradients, and on WebGPU. The list of kernels is src/compute/kernels/testing/cases.rs, which the
// native tests run, too.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask } from './kernels.js';
import { useBrowser, useServer } from './setup.js';

const SEED = Number(process.env.SCOREFIELD_SEED ?? 1);

const server = await useServer();

/** Every kernel in its cases; gives the worst of each. */
function verify(t, cases, names, count, tolerance) {
  assert.deepEqual([...new Set(cases.map(({ kernel }) => kernel))], names);
  return names.map((name) => {
    const own = cases.filter(({ kernel }) => kernel === name);
    assert.equal(own.length, count, name);
    for (const { sizes, worst } of own) {
      assert.equal(typeof worst, 'number', `no kernel for ${name}, ${sizes}`);
      assert.ok(worst <= tolerance(name), `${name}, ${sizes}: ${worst}`);
    }
    const worst = Math.max(...own.map(({ worst }) => worst));
    t.diagnostic(`${name}: ${count} cases, at most ${worst.toExponential(1)} apart`);
    return { name, worst };
  });
}

const FORWARD = ['conv2d', 'conv2d_add', 'conv2d_shuffle', 'group_norm', 'group_norm_film', 'attention', 'join', 'sum'];
/** A copy, and sums in burn's order: WebAssembly has no fused product and sum, by which they would differ. */
const EXACT = ['join', 'sum', 'dense_layer', 'modulated_backward'];

/** Layers of rows, which the CPU has kernels for. */
const ROWS = ['waves', 'dense_layer', 'activation', 'modulated', 'dense_layer_backward', 'modulated_backward'];

test('the CPU’s kernels and their gradients are burn’s operators', async (t) => {
  const browser = await useBrowser();
  try {
    const names = [...FORWARD, ...ROWS, 'conv2d_same_backward', 'conv2d_same_input_backward', 'group_norm_backward'];
    // The native tests' tolerance: sums of up to a few thousand products of order one, in another order, are about
    // √terms·2⁻²⁴ of the largest apart.
    for (const { name, worst } of verify(t, await ask(browser, server.origin, 'checkKernels', 'cpu', SEED, 64), names, 64, () => 2e-5)) {
      // Sums in another order are other numbers; were there no difference, burn would be compared with itself.
      if (!EXACT.includes(name)) assert.ok(worst > 0, `${name} is burn’s own`);
    }
  } finally {
    await browser.close();
  }
});

test('the GPU’s kernels are burn’s operators, in one dispatch each', async (t) => {
  const browser = await useBrowser({ gpu: true });
  try {
    // Few, since SwiftShader compiles each pipeline slowly: one of each kind (`Draw::shape`).
    const cases = await ask(browser, server.origin, 'checkKernels', 'webgpu', SEED, 4);
    // As above, and twice as much again for a GPU's exp and √.
    verify(t, cases, [...FORWARD, 'waves_layer', 'class_layer', 'product'], 4, () => 6e-5);
    for (const { kernel, sizes, views, dispatches } of cases) {
      // A view is one more, which copies.
      assert.ok(dispatches >= 1 && dispatches <= 1 + views, `${kernel}, ${sizes}: ${dispatches} dispatches`);
    }
  } finally {
    await browser.close();
  }
});
