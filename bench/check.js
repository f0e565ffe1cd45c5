// `./dev bench --check`: what must not take longer than it may. Everything here is measured by the clock, so it is no part of
// `./dev test`: on a machine that is busy with other things it says little.

import { join } from 'node:path';
import { native } from './native.js';
import { firstFrame } from './start.js';
import { finished, launch, open } from '../tests/browser/browser.js';
import { ask } from '../tests/browser/kernels.js';
import { root, serve } from '../tests/browser/server.js';

/** What a sampler may add to an evaluation of the shipped network at batch 16. */
const SHARE = 0.03;
/** Milliseconds from a cold page to its first denoised frame: four times the bar of 1 s, for machines that others share. */
const FIRST_FRAME = 4000;

/** Milliseconds for which the page may be deaf. */
const LONGEST_TASK = 100;

const failures = [];
function check(what, holds) {
  console.log(`${holds ? 'ok    ' : 'FAILED'} ${what}`);
  if (!holds) failures.push(what);
}

async function samplers() {
  const ours = await native({ model: join(root, 'web/models/fashion.safetensors') });
  const { evaluation, own } = await ours.ask('samplers', { n: 16 });
  await ours.close();
  for (const [name, seconds] of Object.entries(own)) {
    const share = seconds / evaluation;
    check(`${name} adds ${(100 * share).toFixed(1)} % to an evaluation of ${(1e3 * evaluation).toFixed(1)} ms (at most ${100 * SHARE} %)`, share <= SHARE);
  }
}

/** On SwiftShader our kernels are no slower than burn's own operators. */
async function kernels() {
  const [browser, server] = await Promise.all([launch({ gpu: true }), serve()]);
  const times = await ask(browser, server.origin, 'raceBurn', 1, 3);
  await Promise.all([browser.close(), server.close()]);
  // The least of three: whatever else the machine does only adds.
  const [ours, burns] = [0, 1].map((i) => Math.min(...times.map((pair) => pair[i])));
  check(`an evaluation on SwiftShader: ${ours} ms, by burn’s operators ${burns} ms`, ours <= burns);
}

async function page() {
  const [best] = await firstFrame(3);
  check(`a cold page’s first frame: ${best.milliseconds.toFixed(0)} ms (at most ${FIRST_FRAME} ms)`, best.milliseconds <= FIRST_FRAME);
}

/** The page hears its reader while the workers take every core. */
async function blocking() {
  const [browser, server] = await Promise.all([launch(), serve()]);
  const longest = [];
  for (let i = 0; i < 3; i++) {
    const tab = await open(browser, `${server.origin}/`);
    await tab.evaluate(() => {
      window.long = [];
      const note = (list) => window.long.push(...list.getEntries().map((entry) => entry.duration));
      new PerformanceObserver(note).observe({ type: 'longtask', buffered: true });
    });
    await tab.click('#generate');
    await finished(tab);
    longest.push(Math.max(0, ...(await tab.evaluate(() => window.long))));
    await tab.context().close();
  }
  await Promise.all([browser.close(), server.close()]);
  const best = Math.min(...longest);
  check(`the page's longest task in a run: ${best.toFixed(0)} ms (at most ${LONGEST_TASK} ms)`, best <= LONGEST_TASK);
}

for (const part of [samplers, kernels, page, blocking]) await part();
if (failures.length) {
  console.error(`bench: ${failures.length} took too long`);
  process.exitCode = 1;
}
