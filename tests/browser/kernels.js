// The kernels' module: the WebGPU engine and the CPU's with two exports more, which `./dev test` builds in kernels/.

import assert from 'node:assert/strict';
import { open } from './browser.js';

/**
 * What a function of the module gives, in a worker as an engine would run.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {string} origin of a server of tests/
 * @param {'checkKernels' | 'raceBurn'} name
 * @param {...unknown} given the function's arguments
 */
export async function ask(browser, origin, name, ...given) {
  const page = await open(browser, `${origin}/tests/browser/blank.html`);
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
