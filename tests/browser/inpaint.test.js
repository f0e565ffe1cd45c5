// Inpainting: the picture and the mask go from the page to the engine, and come back as what the command line draws.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { open } from './browser.js';
import { command } from './native.js';
import { readNpy, writeNpy } from './npy.js';
import { root } from './server.js';
import { useBrowser, useFolder, useServer } from './setup.js';

const browser = await useBrowser({ gpu: true });
const server = await useServer();
const folder = useFolder();

const N = 3;
const SIDE = 28;
const SETTINGS = { sampler: 'pc', steps: 10, n: N, label: 8 };

/** Samples of the command line. */
function native(name, ...args) {
  const [file, first] = command();
  const out = join(folder, name);
  const flags = Object.entries(SETTINGS).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const all = [...first, 'sample', '--model', 'fashion', '--device', 'cpu', '--npy', out, '--out', join(folder, 'out.png'), ...flags, ...args];
  execFileSync(file, all, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  return readNpy(readFileSync(out)).values;
}

/** The last samples of runs in the browser, or the error that each ends with. */
async function inBrowser(options, runs) {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const found = await page.evaluate(
    async ([origin, options, settings, runs]) => {
      const { load } = await import(`${origin}/scorefield.js`);
      const model = await load('fashion', options);
      const results = [];
      for (const { inpaint, ...more } of runs) {
        const array = (value) => (Array.isArray(value) ? new Float32Array(value) : value);
        const arrays = typeof inpaint === 'object' && Object.fromEntries(Object.entries(inpaint).map(([name, value]) => [name, array(value)]));
        try {
          const run = model.sample({ ...settings, ...more, inpaint: arrays || inpaint, values: true, every: 1000 });
          // What the caller does with the arrays then is nothing to the run.
          if (arrays) arrays.image?.fill(NaN);
          let last;
          for await (const step of run) last = step;
          results.push([...last.values()]);
        } catch (error) {
          results.push(error.message);
        }
      }
      model.dispose();
      return results;
    },
    [server.origin, options, SETTINGS, runs],
  );
  await page.context().close();
  return found;
}

/** The left half is known. */
const mask = Float32Array.from({ length: SIDE * SIDE }, (_, i) => Number(i % SIDE < SIDE / 2));

test('the same samples as natively, on one worker, on two and on WebGPU', async () => {
  const image = native('image.npy', '--seed', '4');
  writeFileSync(join(folder, 'mask.npy'), writeNpy(mask, [SIDE, SIDE]));
  const expected = native('filled.npy', '--inpaint', join(folder, 'image.npy'), '--mask', join(folder, 'mask.npy'), '--seed', '9');
  const run = { seed: 9, inpaint: { image: [...image], mask: [...mask] } };
  for (const options of [{ device: 'cpu', workers: 1 }, { device: 'cpu', workers: 2 }, { device: 'webgpu' }]) {
    const [found] = await inBrowser(options, [run]);
    found.forEach((value, i) => {
      if (mask[i % mask.length]) assert.equal(value, image[i], `pixel ${i} is known`);
      // f32 in another order, through ten steps: as agree.test.js has it.
      else assert.ok(Math.abs(value - expected[i]) < 2e-3, `${JSON.stringify(options)}, pixel ${i}: ${value} is not ${expected[i]}`);
    });
    const free = found.filter((value, i) => !mask[i % mask.length] && Math.abs(value - image[i]) > 0.1);
    assert.ok(free.length > found.length / 20, 'the other half is drawn anew');
  }
});

test('what does not fit is refused by name', async () => {
  const image = Array(SIDE * SIDE).fill(0);
  const whole = [...mask];
  const cases = [
    [{ image, mask: whole.slice(1) }, /inpaint\.mask has 783 numbers; give 784/],
    [{ image: image.slice(1), mask: whole }, /inpaint\.image has 783 numbers/],
    [{ image: [...image, ...image], mask: whole }, /2 rows; expected 1, or n = 3/],
    [{ image, mask: whole.map(() => 1) }, /784 known of 784/],
    [{ image, mask: whole.map((known) => known / 2) }, /inpaint\.mask\[0\] = 0\.5; expected 0/],
    [{ image }, /inpaint\.mask = undefined; expected a Float32Array/],
    [{ image, mask: whole, masks: 1 }, /masks = 1; expected no other options/],
    ['left', /inpaint = "left"; expected an object/],
  ];
  const found = await inBrowser({ device: 'cpu', workers: 1 }, cases.map(([inpaint]) => ({ inpaint })));
  cases.forEach(([, expected], i) => assert.match(String(found[i]), expected));
});
