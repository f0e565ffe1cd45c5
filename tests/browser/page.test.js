// The page on the CPU path, in a browser that has navigator.gpu and no adapter behind it.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { canvasBytes, finished, launch, open, out, state } from './browser.js';
import { serve } from './server.js';

let browser;
let server;
before(async () => {
  [browser, server] = await Promise.all([launch(), serve()]);
});
after(async () => {
  await browser.close();
  await server.close();
});

test('without an adapter the page samples on the CPU, and says why', async () => {
  const page = await open(browser, `${server.origin}/`);
  assert.equal((await state(page)).state, 'idle');
  await page.click('#generate');
  const status = await finished(page);
  assert.equal(status.state, 'done');
  assert.equal(status.device, 'cpu');
  assert.match(status.reason, /no WebGPU adapter/);
  assert.match(await page.textContent('#status'), /On the CPU: there is no WebGPU adapter/);
  // 18 steps of two evaluations, and the final denoising.
  assert.equal(status.index, '19');
  assert.equal(status.nfe, '37');
  assert.match(await page.getAttribute('#progress', 'title'), /19 of 19 steps, 37 NFE, [\d.]+ ms\/step/);
  assert.deepEqual(page.errors, []);
  await page.screenshot({ path: join(out, 'cpu.png') });
});

test('the page never blocks for 100 ms, though its workers take every core', async () => {
  const longest = [];
  // A task's length counts the time in which other programs had the core: the best of three.
  do {
    const page = await open(browser, `${server.origin}/`);
    await page.evaluate(() => {
      window.long = [];
      const note = (list) => window.long.push(...list.getEntries().map((entry) => entry.duration));
      new PerformanceObserver(note).observe({ type: 'longtask', buffered: true });
    });
    await page.click('#generate');
    await finished(page);
    longest.push(Math.max(0, ...(await page.evaluate(() => window.long))));
    await page.context().close();
  } while (longest.length < 3 && Math.min(...longest) > 100);
  assert.ok(Math.min(...longest) <= 100, `the main thread was blocked for ${longest.join(', ')} ms`);
});

test('the scrubber goes back to noise, and the estimate differs from the sample', async () => {
  const page = await open(browser, `${server.origin}/?model=fashion&steps=6&n=4&seed=3&device=cpu&autostart=1`);
  await finished(page);
  const last = await canvasBytes(page, '#canvas');
  await page.focus('#scrubber');
  await page.keyboard.press('Home');
  const first = await canvasBytes(page, '#canvas');
  assert.notDeepEqual(first, last);
  assert.match(await page.getAttribute('#scrubber', 'aria-valuetext'), /step 1 of 7/);
  await page.check('input[name=show][value=denoised]');
  assert.notDeepEqual(await canvasBytes(page, '#canvas'), first);
  assert.match(page.url(), /show=denoised/);
  await page.keyboard.press('Tab');
  await page.focus('#scrubber');
  await page.keyboard.press('End');
  await page.check('input[name=show][value=x]');
  assert.deepEqual(await canvasBytes(page, '#canvas'), last);
});

test('cancel takes effect within one step, and the next run is not disturbed', async () => {
  const page = await open(browser, `${server.origin}/?model=fashion&sampler=euler&steps=400&n=16&seed=1&device=cpu&autostart=1`);
  await page.waitForFunction(() => Number(document.querySelector('#status').dataset.index) >= 3);
  const { before: seen, after: then, took } = await page.evaluate(async () => {
    const status = document.querySelector('#status');
    const before = Number(status.dataset.index);
    const begin = performance.now();
    document.querySelector('#cancel').click();
    while (status.dataset.state === 'sampling') await new Promise((resolve) => setTimeout(resolve, 1));
    return { before, after: Number(status.dataset.index), took: performance.now() - begin };
  });
  assert.equal((await state(page)).state, 'cancelled');
  assert.ok(then - seen <= 1, `${then - seen} steps after the click`);
  assert.ok(took < 1000, `${took} ms`);
  // The worker has dropped the sampler too: a short run starts at once.
  await page.click('#more summary');
  await page.fill('#steps', '3');
  await page.click('#generate');
  assert.equal((await finished(page)).index, '4');
});

test('cancel is heard at the moment when the model is ready', async () => {
  const page = await open(browser, `${server.origin}/`);
  await page.waitForFunction(() => document.querySelector('#status').dataset.state === 'idle');
  await page.evaluate(() => {
    // The device is shown between the model's loading and the run's start; observers are told before either goes on.
    const watch = new MutationObserver(() => document.querySelector('#cancel').click());
    watch.observe(document.querySelector('#status'), { attributeFilter: ['data-device'] });
    document.querySelector('#generate').click();
  });
  assert.equal((await finished(page, 60_000)).state, 'cancelled');
});

test('pause stops between steps, and resume goes on to the same picture', async () => {
  const address = `${server.origin}/?model=fashion&sampler=euler&steps=100&n=2&seed=5&device=cpu&autostart=1`;
  const straight = await open(browser, address);
  await finished(straight);
  const page = await open(browser, address);
  await page.waitForFunction(() => Number(document.querySelector('#status').dataset.index) >= 2);
  await page.click('#pause');
  await page.waitForTimeout(300);
  const paused = (await state(page)).index;
  await page.waitForTimeout(500);
  assert.equal((await state(page)).index, paused);
  assert.equal((await state(page)).state, 'sampling');
  await page.click('#pause');
  await finished(page);
  assert.deepEqual(await canvasBytes(page, '#canvas'), await canvasBytes(straight, '#canvas'));
});

test('every setting is in the address and comes back from it', async () => {
  const query =
    'model=fashion&sampler=pc&steps=77&n=9&seed=123&label=3&device=cpu&guidance=2.5&grid=log-snr&t_end=0.002&denoise=off' +
    '&predictor=euler-maruyama&corrector=langevin&corrector_steps=2&snr=0.1&pc_order=score-sde&norms=batch&show=denoised';
  const page = await open(browser, `${server.origin}/?${query}`);
  const wanted = Object.fromEntries(new URLSearchParams(query));
  const form = () =>
    page.evaluate(() => Object.fromEntries([...new FormData(document.querySelector('#settings'))].filter(([, value]) => typeof value === 'string' && value !== '')));
  await page.waitForSelector('#model option', { state: 'attached' });
  const restored = await form();
  for (const [name, value] of Object.entries(wanted)) assert.equal(restored[name], value, name);
  await page.fill('#seed', '124');
  await page.press('#seed', 'Tab');
  const address = Object.fromEntries(new URL(page.url()).searchParams);
  assert.deepEqual(address, { ...wanted, seed: '124' });
  const again = await open(browser, page.url());
  await again.waitForSelector('#model option', { state: 'attached' });
  assert.equal(await again.inputValue('#seed'), '124');
  assert.deepEqual(again.errors, []);
});

test('a wrong setting in the address is named, with what is allowed', async () => {
  const page = await open(browser, `${server.origin}/?sampler=heunn&steps=-4&colour=red`);
  await page.waitForSelector('#error:not([hidden])');
  const text = await page.textContent('#error');
  assert.match(text, /sampler = heunn: choose heun, /);
  assert.match(text, /steps = -4: a whole number from 1 to/);
  assert.match(text, /colour is not a setting/);
});

test('everything is reached with the keyboard, and has a name', async () => {
  const page = await open(browser, `${server.origin}/`);
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll('button, input, select, canvas, progress')]
      .filter((element) => !(element.getAttribute('aria-label') || element.labels?.[0]?.textContent.trim() || element.textContent.trim()))
      .map((element) => element.outerHTML),
  );
  assert.deepEqual(nameless, []);
  assert.equal(await page.getAttribute('#live', 'aria-live'), 'polite');
  // From the top of the page by Tab alone to Generate, and Enter starts it.
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press('Tab');
    if ((await page.evaluate(() => document.activeElement.id)) === 'generate') break;
  }
  assert.equal(await page.evaluate(() => document.activeElement.id), 'generate');
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(outline, 'none');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('#status').dataset.state !== 'idle');
  await page.keyboard.press('Escape');
  assert.equal((await finished(page)).state, 'cancelled');
});

test('a phone’s width holds the page; the picture is saved as PNG', async () => {
  const options = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true, acceptDownloads: true };
  const page = await open(browser, `${server.origin}/?model=fashion&steps=2&n=4&device=cpu&autostart=1`, options);
  await finished(page);
  await page.click('#more summary');
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 360, `the page is ${width} px wide`);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#png')]);
  assert.match(download.suggestedFilename(), /^scorefield-heun-seed1\.png$/);
  await page.screenshot({ path: join(out, 'phone.png'), fullPage: true });
});

test('a run goes on while its tab is hidden', async () => {
  const page = await open(browser, `${server.origin}/?model=fashion&steps=4&n=2&device=cpu`);
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => window.isHidden ?? false });
    window.isHidden = true;
  });
  const before = await canvasBytes(page, '#canvas');
  await page.click('#generate');
  assert.equal((await finished(page)).index, '5');
  assert.deepEqual(await canvasBytes(page, '#canvas'), before);
  await page.evaluate(() => {
    window.isHidden = false;
    document.dispatchEvent(new Event('visibilitychange'));
  });
  assert.notDeepEqual(await canvasBytes(page, '#canvas'), before);
});
