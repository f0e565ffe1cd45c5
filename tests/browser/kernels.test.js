// Every kernel of ours beside burn's own operators, in the browser: random odd sizes, strides and offsets on the CPU
// (SIMD128), forward and gradients, and on WebGPU. The module is the WebGPU engine with one export more, which `./dev test`
// builds beside this file; the list of kernels is src/net/kernel/cases.rs, which the native tests run, too.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, open } from './browser.js';
import { serve } from './server.js';

const SEED = Number(process.env.SCOREFIELD_SEED ?? 1);

let server;
before(async () => {
  server = await serve();
});
after(() => server.close());

/** What a function of the kernels' module gives, in a worker as an engine would run. */
async function ask(browser, name, ...given) {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const result = await page.evaluate(
    ([name, given]) => {
      const source = `
        import start, { ${name} } from '${location.origin}/tests/browser/kernels/kernels.js';
        const fail = (name, { message }) => postMessage({ error: name + ': ' + message });
        try {
          await start();
          postMessage({ result: await ${name}(...${JSON.stringify(given)}, fail) });
        } catch (error) {
          fail('error', { message: error.what ?? String(error) });
        }`;
      const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })), { type: 'module' });
      return new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => (data.result ? resolve(data.result) : reject(new Error(data.error)));
        worker.onerror = ({ message }) => reject(new Error(message ?? 'the kernels’ module does not load: ./dev test builds it'));
      });
    },
    [name, given],
  );
  assert.deepEqual(page.errors, []);
  await page.context().close();
  return result;
}

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

/** A copy, and sums in burn's order. */
const EXACT = ['join', 'sum'];
const FORWARD = ['conv2d', 'conv2d_add', 'conv2d_fold', 'group_norm', 'group_norm_film', 'attention', ...EXACT];

test('the CPU’s kernels and their gradients are burn’s operators', async (t) => {
  const browser = await launch();
  try {
    const names = [...FORWARD, 'conv2d_same_backward', 'conv2d_same_input_backward', 'group_norm_backward'];
    // The native tests' tolerance: sums of up to a few thousand products of order one, in another order, are about
    // √terms·2⁻²⁴ of the largest apart.
    for (const { name, worst } of verify(t, await ask(browser, 'checkKernels', 'cpu', SEED, 64), names, 64, () => 2e-5)) {
      // Sums in another order are other numbers; were there no difference, burn would be compared with itself.
      if (!EXACT.includes(name)) assert.ok(worst > 0, `${name} is burn’s own`);
    }
  } finally {
    await browser.close();
  }
});

test('the GPU’s kernels are burn’s operators, in one dispatch each', async (t) => {
  const browser = await launch({ gpu: true });
  try {
    // Few, since SwiftShader compiles each pipeline slowly: one of each kind (`Draw::shape`).
    const cases = await ask(browser, 'checkKernels', 'webgpu', SEED, 4);
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

test('on SwiftShader our kernels are no slower than burn’s operators', async (t) => {
  const browser = await launch({ gpu: true });
  try {
    const times = await ask(browser, 'raceBurn', 1, 3);
    // The least of three: whatever else the machine does only adds.
    const [ours, burns] = [0, 1].map((i) => Math.min(...times.map((pair) => pair[i])));
    t.diagnostic(`one evaluation, batch 1: ${ours} ms, by burn’s operators ${burns} ms, ratio ${(ours / burns).toFixed(2)}`);
    assert.ok(ours <= burns, `${ours} ms, by burn’s operators ${burns}`);
  } finally {
    await browser.close();
  }
});
