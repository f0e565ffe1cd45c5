// A reader of the page: whatever nobody caught, and whatever the page's own policy refused, fails the test at its end.

import assert from 'node:assert/strict';
import { open } from './browser.js';

/** Opens an address; `errors: false` where the server's faults are what is tested, which the browser logs. */
export async function visit(browser, address, { errors = true, ...options } = {}) {
  const page = await open(browser, address, options);
  page.strict = errors;
  return page;
}

/** Ends a visit. */
export async function leave(page) {
  // What is refused by policy, in the page or in its workers, is on the console, too.
  const found = page.strict ? page.errors : page.errors.filter((text) => !/Failed to load resource/.test(text));
  assert.deepEqual(found, []);
  await page.context().close();
}

/** Waits until the page has come to life. */
export function alive(page) {
  return page.waitForSelector('#status[data-state]', { state: 'attached' });
}

/** The form's values, as text. */
export function formValues(page) {
  return page.evaluate(() => {
    const data = [...new FormData(document.querySelector('#settings'))];
    return Object.fromEntries(data.filter(([, value]) => typeof value === 'string' && value !== ''));
  });
}
