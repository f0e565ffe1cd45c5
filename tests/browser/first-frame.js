// From a cold page to its first denoised frame, on the CPU path: `node first-frame.js [repeats]`, and for `./dev bench`.

import { fileURLToPath } from 'node:url';
import { launch } from './browser.js';
import { serve } from './server.js';

/** What the page does, as its workers' messages and its status tell it: a page that knows nothing of this is measured. */
function watch() {
  const times = (window.firstFrame = { messages: [] });
  const note = (way, at, data) => data.event || times.messages.push({ way, at, id: data.id, type: data.type, time: performance.now() });
  let workers = 0;
  window.Worker = class extends Worker {
    #at = workers++;

    constructor(...args) {
      super(...args);
      note('new', this.#at, {});
      this.addEventListener('message', ({ data }) => note('from', this.#at, data));
    }

    postMessage(data, ...rest) {
      note('to', this.#at, data);
      super.postMessage(data, ...rest);
    }
  };
  document.addEventListener('DOMContentLoaded', () => {
    times.parsed = performance.now();
    const status = document.querySelector('#status');
    new MutationObserver(() => {
      if (times.drawn || !status.dataset.index) return;
      times.drawn = performance.now();
      times.index = Number(status.dataset.index);
      // A message that is sent as a frame is about to be painted arrives when it has been.
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => (times.shown = performance.now());
      requestAnimationFrame(() => port2.postMessage(0));
    }).observe(status, { attributeFilter: ['data-index'] });
  });
}

/**
 * Milliseconds from the start of a navigation until the first update of a run at the default settings is on the canvas,
 * in a new profile (no cache of any kind), without a WebGPU adapter; and when its parts were done, counted likewise: the
 * document parsed, the first worker begun, all workers there, the weights downloaded, the engine and then the model ready
 * in all workers, the step computed, drawn on the canvas, painted.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {string} origin
 * @param {string} [query] settings other than the defaults
 * @returns {Promise<{milliseconds: number, parts: Record<string, number>}>}
 */
export async function firstFrame(browser, origin, query = '') {
  const context = await browser.newContext({ viewport: { width: 1200, height: 860 } });
  // The browser runs and has a tab open, as a reader's has.
  const page = await context.newPage();
  await page.addInitScript(watch);
  await page.waitForTimeout(300);
  await page.goto(`${origin}/?autostart=1${query}`, { waitUntil: 'commit' });
  await page.waitForFunction(() => window.firstFrame.shown || document.querySelector('#status')?.dataset.state === 'error', null, { timeout: 120_000 });
  const { messages, resources, index, ...times } = await page.evaluate(() => {
    const resources = performance.getEntriesByType('resource').map(({ name, responseEnd }) => ({ name, time: responseEnd }));
    return { ...window.firstFrame, resources };
  });
  await context.close();
  if (index !== 1) throw new Error(`the first picture is not that of step 1, but ${index ?? 'none'}`);
  const fetched = (pattern) => Math.max(...resources.filter(({ name }) => pattern.test(name)).map(({ time }) => time));
  /** When every worker that was asked has answered. */
  const answered = (type) => {
    const asked = messages.filter((message) => message.way === 'to' && message.type === type);
    // One step of each worker: the first.
    const first = asked.filter(({ at }, i) => asked.findIndex((other) => other.at === at) === i);
    return Math.max(...first.map(({ at, id }) => messages.find((message) => message.way === 'from' && message.at === at && message.id === id)?.time ?? 0));
  };
  const parts = {
    parsed: times.parsed,
    begun: messages[0].time,
    worker: answered('hello'),
    weights: fetched(/\.safetensors$/),
    engine: answered('create'),
    model: answered('load'),
    step: answered('step'),
    drawn: times.drawn,
    shown: times.shown,
  };
  return { milliseconds: times.shown, parts };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const repeats = Number(process.argv.find((argument) => /^\d+$/.test(argument)) ?? 5);
  const server = await serve();
  for (let i = 0; i < repeats; i++) {
    const browser = await launch();
    const { parts } = await firstFrame(browser, server.origin);
    console.log(Object.entries(parts).map(([name, time]) => `${name} ${time.toFixed(0)}`).join(' · '));
    await browser.close();
  }
  await server.close();
}
