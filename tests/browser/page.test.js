// The page on the CPU path, in a browser that has navigator.gpu and no adapter behind it.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { canvasBytes, finished, out, state } from './browser.js';
import { record } from './record.js';
import { dist, versioned } from './server.js';
import { useBrowser, useServer } from './setup.js';
import { alive, leave, visit } from './visit.js';

const browser = await useBrowser();
const server = await useServer();

test('without an adapter the page samples on the CPU, and says why', async () => {
  const page = await visit(browser, `${server.origin}/`);
  await alive(page);
  assert.equal((await state(page)).state, 'idle');
  await page.click('#more summary');
  await page.selectOption('#sampler', 'heun');
  await page.click('#generate');
  const status = await finished(page);
  assert.equal(status.state, 'done');
  assert.equal(status.device, 'cpu');
  assert.match(status.reason, /no WebGPU adapter/);
  assert.match(await page.textContent('#status'), /On the CPU: there is no WebGPU adapter/);
  // 18 steps of two evaluations, and the final denoising.
  assert.equal(status.index, '19');
  assert.equal(status.nfe, '37');
  assert.match(
    await page.textContent('#status'),
    /^18 steps and the final denoising, 37 evaluations, [\d.]+ ms per step\. /,
  );
  assert.match(
    await page.textContent('#caption'),
    /^Sixteen samples of Fashion-MNIST, by Heun’s.*: 18 steps and the final/,
  );
  await page.screenshot({ path: join(out, 'cpu.png') });
  await leave(page);
});

test('the scrubber goes back to noise, and the estimate differs from the sample', async () => {
  const page = await visit(browser, `${server.origin}/?model=fashion&steps=6&n=4&seed=3&device=cpu&show=x&autostart=1`);
  await finished(page);
  const last = await canvasBytes(page, '#canvas');
  await page.focus('#scrubber');
  await page.keyboard.press('Home');
  const first = await canvasBytes(page, '#canvas');
  assert.notDeepEqual(first, last);
  assert.match(await page.getAttribute('#scrubber', 'aria-valuetext'), /^step 1 of 6, t = /);
  await page.check('input[name=show][value=denoised]');
  assert.notDeepEqual(await canvasBytes(page, '#canvas'), first);
  assert.doesNotMatch(page.url(), /show=/);
  await page.focus('#scrubber');
  await page.keyboard.press('End');
  await page.check('input[name=show][value=x]');
  assert.match(page.url(), /show=x/);
  assert.deepEqual(await canvasBytes(page, '#canvas'), last);
  await leave(page);
});

test('cancel takes effect within one step, and the next run is not disturbed', async () => {
  const page = await visit(
    browser,
    `${server.origin}/?model=fashion&sampler=euler&steps=400&n=16&seed=1&device=cpu&autostart=1`,
  );
  await page.waitForFunction(() => Number(document.querySelector('#status').dataset.index) >= 3);
  const {
    before: seen,
    after: then,
    took,
  } = await page.evaluate(async () => {
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
  const page = await visit(browser, `${server.origin}/`);
  await alive(page);
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
  const straight = await visit(browser, address);
  await finished(straight);
  const page = await visit(browser, address);
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

test('a phone’s width holds the page; the picture is saved as PNG', async () => {
  const options = {
    viewport: { width: 360, height: 740 },
    deviceScaleFactor: 2,
    isMobile: true,
    hasTouch: true,
    acceptDownloads: true,
  };
  const page = await visit(
    browser,
    `${server.origin}/?model=fashion&sampler=heun&steps=2&n=4&device=cpu&autostart=1`,
    options,
  );
  await finished(page);
  await page.click('#more summary');
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 360, `the page is ${width} px wide`);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#png')]);
  assert.match(download.suggestedFilename(), /^scorefield-heun-seed1\.png$/);
  await page.screenshot({ path: join(out, 'phone.png'), fullPage: true });
});

test('a run goes on while its tab is hidden', async () => {
  const page = await visit(browser, `${server.origin}/?model=fashion&steps=4&n=2&device=cpu`);
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

test('on arrival a recorded run plays: what Generate would compute, without an engine', async () => {
  server.requests.length = 0;
  const page = await visit(browser, `${server.origin}/`);
  await page.waitForFunction(() => document.querySelector('#scrubber').disabled === false);
  await page.waitForFunction(
    () => document.querySelector('#scrubber').value === document.querySelector('#scrubber').max,
  );
  assert.ok(
    !server.requests.some((path) => /\.(wasm|safetensors)$/.test(path)),
    'neither engine nor weights are fetched',
  );
  const shown = await canvasBytes(page, '#canvas');
  const recorded = JSON.parse(await readFile(dist(versioned('page/recorded/run.json')), 'utf8'));
  const { run } = await record(page, server.origin);
  assert.deepEqual(recorded.context, run.context);
  assert.deepEqual(
    recorded.steps.map(({ index, nfe }) => [index, nfe]),
    run.steps.map(({ index, nfe }) => [index, nfe]),
  );
  await page.click('#generate');
  await finished(page);
  const computed = await canvasBytes(page, '#canvas');
  const largest = computed.reduce((most, value, i) => Math.max(most, Math.abs(value - shown[i])), 0);
  // Another number of cores, another order of sums: a grey level, or two.
  assert.ok(largest <= 2, `${largest} grey levels`);
  await leave(page);
});

test('two pages in one document do not know of one another', async () => {
  const page = await visit(browser, `${server.origin}/tests/browser/blank.html`);
  const view = `${server.origin}/${versioned('page/view.js')}`;
  const found = await page.evaluate(
    async ([origin, view]) => {
      const { Page } = await import(view);
      const html = await (await fetch(`${origin}/index.html`)).text();
      const main = new DOMParser().parseFromString(html, 'text/html').querySelector('#page');
      const settings = [
        { sampler: 'euler', steps: '3', n: '1', seed: '1' },
        { sampler: 'ddim', steps: '5', n: '2', seed: '2' },
      ];
      const pages = settings.map((values) => {
        const host = document.body.appendChild(document.createElement('div'));
        const root = host.attachShadow({ mode: 'open' });
        root.append(document.importNode(main, true));
        const page = new Page(root.querySelector('#page'));
        return { root, page, values };
      });
      await Promise.all(pages.map(({ page }) => page.start()));
      for (const { page, values } of pages) page.form.fill(values);
      await Promise.all(pages.map(({ page }) => page.generate()));
      const found = pages.map(({ root, page }) => {
        const canvas = root.querySelector('#canvas');
        const { state, index } = root.querySelector('#status').dataset;
        const seen = [canvas.width, canvas.height, state, index, root.querySelector('#caption').textContent];
        page.dispose();
        return seen;
      });
      return { found, search: location.search };
    },
    [server.origin, view],
  );
  const [[width, , ...one], [wider, , ...two]] = found.found;
  assert.deepEqual([width, wider], [28, 57]);
  assert.deepEqual(one.slice(0, 2), ['done', '4']);
  assert.deepEqual(two.slice(0, 2), ['done', '6']);
  assert.match(one[2], /^One sample .*Euler.*seed 1\./);
  assert.match(two[2], /^Two samples .*DDIM.*seed 2\./);
  assert.equal(found.search, '');
  await leave(page);
});

test('a wrong field in a closed panel opens it, has the focus, and says what is expected', async () => {
  const page = await visit(browser, `${server.origin}/`);
  await alive(page);
  for (const [field, text, words] of [
    ['#steps', '0', /^Steps: a whole number from 1 to 100000$/],
    ['[name=times]', 'abc', /^Times: numbers that fall from 1, with commas between them/],
  ]) {
    await page.click('#more summary');
    const before = await page.inputValue(field);
    await page.fill(field, text);
    await page.click('#more summary');
    assert.ok(!(await page.isVisible(field)));
    await page.click('#generate');
    assert.ok(await page.isVisible(field));
    const { focus, message } = await page.$eval(field, (input) => ({
      focus: document.activeElement === input,
      message: input.validationMessage,
    }));
    assert.ok(focus);
    assert.match(message, words);
    assert.equal((await state(page)).state, 'idle');
    await page.fill(field, before);
    await page.click('#more summary');
  }
  // A field that the sampler does not take is not asked for.
  await page.click('#more summary');
  await page.selectOption('#sampler', 'pc');
  await page.fill('[name=snr]', '99');
  await page.selectOption('#sampler', 'euler');
  await page.fill('#steps', '1');
  await page.fill('#n', '1');
  await page.click('#generate');
  assert.equal((await finished(page)).state, 'done');
  await leave(page);
});

test('a sampler that needs a density is not offered for a network', async () => {
  const page = await visit(browser, `${server.origin}/`);
  await alive(page);
  const offered = () => page.$$eval('#sampler option:not(:disabled)', (options) => options.map(({ value }) => value));
  assert.ok(!(await offered()).some((name) => ['mala', 'hmc'].includes(name)));
  await leave(page);
  const asked = await visit(browser, `${server.origin}/?sampler=mala&n=1&autostart=1`);
  await asked.waitForFunction(() => document.activeElement.id === 'sampler');
  assert.match(await asked.$eval('#sampler', ({ validationMessage }) => validationMessage), /needs a density/);
  assert.equal((await state(asked)).state, 'idle');
  // The field's own words fade.
  assert.match(await asked.textContent('#error:not([hidden])'), /needs a density.*Nothing was started/s);
  await leave(asked);
  const mixture = await visit(
    browser,
    `${server.origin}/?model=tests/reference/mixture2d.toml&sampler=mala&steps=3&t_end=0.1&n=4&device=cpu&autostart=1`,
  );
  assert.equal((await finished(mixture)).state, 'done');
  const open = await mixture.$$eval('#sampler option:not(:disabled)', (options) => options.map(({ value }) => value));
  assert.ok(
    ['mala', 'hmc'].every((name) => open.includes(name)),
    open.join(', '),
  );
  await leave(mixture);
});

test('Generate shows noise of the new run at once; what was shown is back after Cancel', async () => {
  const page = await visit(browser, `${server.origin}/?sampler=heun&steps=2&n=4&seed=1&device=cpu&autostart=1`, {
    acceptDownloads: true,
  });
  await finished(page);
  const [picture, caption, url] = [await canvasBytes(page, '#canvas'), await page.textContent('#caption'), page.url()];
  await page.fill('#n', '256');
  const size = await page.evaluate(() => {
    document.querySelector('#generate').click();
    const { width } = document.querySelector('#canvas');
    return {
      width,
      caption: document.querySelector('#caption').textContent,
      end: document.querySelector('#scrubber').value,
    };
  });
  assert.deepEqual(size, { width: 16 * 29 - 1, caption: 'Gaussian noise, where every run starts.', end: '0' });
  await page.evaluate(() => document.querySelector('#cancel').click());
  assert.equal((await finished(page)).state, 'cancelled');
  assert.equal(await page.textContent('#caption'), caption);
  assert.deepEqual(await canvasBytes(page, '#canvas'), picture);
  assert.equal(page.url(), url);
  await page.focus('#scrubber');
  await page.keyboard.press('Home');
  assert.notDeepEqual(await canvasBytes(page, '#canvas'), picture);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#png')]);
  assert.equal(download.suggestedFilename(), 'scorefield-heun-seed1.png');
  await leave(page);
});

test('the thumb is where the run is between noise and picture', async () => {
  const page = await visit(browser, `${server.origin}/?sampler=euler&steps=200&n=1&seed=1&device=cpu&autostart=1`);
  await page.waitForFunction(() => Number(document.querySelector('#status').dataset.index) >= 20);
  const { place, index } = await page.evaluate(() => {
    document.querySelector('#pause').click();
    const scrubber = document.querySelector('#scrubber');
    return { place: scrubber.value / scrubber.max, index: Number(document.querySelector('#status').dataset.index) };
  });
  assert.ok(Math.abs(place - index / 201) < 0.01, `${place} at step ${index}`);
  assert.equal(await page.isEnabled('#scrubber'), true);
  await leave(page);
});

test('a file whose words have no end is told in a panel of a bounded size', async () => {
  const header = JSON.stringify({ ['x'.repeat(8000)]: { dtype: 'F16', shape: [1], data_offsets: [0, 2] } });
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(header.length));
  const buffer = Buffer.concat([head, Buffer.from(header), Buffer.alloc(2)]);
  const page = await visit(browser, `${server.origin}/?device=cpu`);
  await alive(page);
  for (const name of ['mine.safetensors', `${'y'.repeat(200)}.safetensors`]) {
    await page.setInputFiles('#file', { name, mimeType: 'application/octet-stream', buffer });
    await page.waitForSelector('#error:not([hidden])');
    await finished(page);
    const height = await page.$eval('#error', (panel) => panel.getBoundingClientRect().height);
    assert.ok(height < 320, `${height} px`);
  }
  await leave(page);
});

test('words where the script does not run', async () => {
  const words = async (address, options) => {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    await page.goto(address);
    if (options?.javaScriptEnabled !== false)
      await page.evaluate(() => document.getAnimations().forEach((late) => late.finish()));
    // The driver's looks, for where no script runs nothing in the page can wait.
    const height = async () => (await page.locator('#dead').boundingBox())?.height ?? 0;
    for (let i = 0; i < 100 && (await height()) < 50; i++) await page.waitForTimeout(100);
    assert.ok((await height()) > 50);
    const text = await page.innerText('#dead');
    assert.match(
      text,
      /has not started.*serve its folder over HTTP.*text\/javascript.*<base>.*script-src 'self' 'wasm-unsafe-eval'/s,
    );
    assert.ok(await page.isDisabled('#generate'));
    await context.close();
  };
  await words(`file://${dist('index.html')}`);
  await words(`${server.origin}/`, { javaScriptEnabled: false });
  const html = await readFile(dist('index.html'), 'utf8');
  const served =
    (body, headers = {}) =>
    (_, response) => {
      response.writeHead(200, { 'content-type': 'text/html', ...headers });
      response.end(body);
    };
  const script = versioned('page/page.js');
  for (const [path, route] of [
    [script, (_, response) => (response.writeHead(200, { 'content-type': 'text/plain' }), response.end(''))],
    [script, (_, response) => (response.writeHead(404), response.end())],
    [versioned('page/form.js'), (_, response) => (response.writeHead(404), response.end())],
    ['index.html', served(html, { 'content-security-policy': "script-src 'none'" })],
    ['index.html', served(html.replace('<head>', '<head><base href="/elsewhere/">'))],
  ]) {
    server.routes[path] = route;
    try {
      await words(`${server.origin}/`);
    } finally {
      delete server.routes[path];
    }
  }
  // Where it runs, they are gone for good.
  const page = await visit(browser, `${server.origin}/`);
  await alive(page);
  await page.evaluate(() => document.getAnimations().forEach((late) => late.finish()));
  assert.ok(!(await page.isVisible('#dead')));
  await leave(page);
});

test('clicks faster than anything can follow end in the last one’s run', async () => {
  const page = await visit(browser, `${server.origin}/?sampler=euler&steps=2&n=1&device=cpu`);
  await alive(page);
  await page.evaluate(async () => {
    const click = (id) => document.querySelector(id).click();
    for (let i = 0; i < 4; i++) {
      for (const id of [
        '#generate',
        '#generate',
        '#pause',
        '#reseed',
        '#cancel',
        '#png',
        '#copy',
        '#replay',
        '#generate',
      ]) {
        click(id);
        if (i % 2) await new Promise((then) => setTimeout(then, 3 * i));
      }
    }
  });
  await page.waitForFunction(() => document.querySelector('#status').dataset.state === 'done');
  const [seed, caption] = [await page.inputValue('#seed'), await page.textContent('#caption')];
  assert.match(caption, new RegExp(`seed ${seed}\\.$`));
  assert.equal(new URL(page.url()).searchParams.get('seed'), seed);
  await leave(page);
});

test('what a browser may refuse, ends nothing', async () => {
  const page = await visit(browser, `${server.origin}/?steps=1&n=1&device=cpu`);
  await page.evaluate(() => {
    Object.defineProperty(navigator, 'clipboard', { value: undefined });
    history.replaceState = () => {
      throw new DOMException('denied', 'SecurityError');
    };
  });
  await alive(page);
  await page.click('#generate');
  assert.equal((await finished(page)).state, 'done');
  await page.click('#copy');
  await page.waitForSelector('#error:not([hidden])');
  assert.match(await page.textContent('#error'), /clipboard.*steps=1.*autostart=1/s);
  await leave(page);
});

test('nothing inline, and nothing that the policy refuses', async () => {
  const html = await readFile(dist('index.html'), 'utf8');
  const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(html)[1];
  assert.match(policy, /default-src 'none'; script-src 'self' 'wasm-unsafe-eval';/);
  assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|script-src[^;]*\*/);
  assert.doesNotMatch(html, /<style|<script(?![^>]* src=)|\s(?:style|on\w+)=/);
  const page = await visit(browser, `${server.origin}/?steps=2&n=2&device=cpu`, { acceptDownloads: true });
  await alive(page);
  await page.evaluate(() => {
    window.refused = [];
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      window.refused.push(`${violatedDirective} ${blockedURI}`),
    );
  });
  await page.click('#generate');
  await finished(page);
  await Promise.all([page.waitForEvent('download'), page.click('#png')]);
  assert.deepEqual(await page.evaluate(() => window.refused), []);
  // It is in force.
  const inline = await page.evaluate(() => {
    document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.ran = true' }));
    return new Promise((then) => setTimeout(() => then([window.ran, window.refused.length]), 50));
  });
  assert.deepEqual(inline, [undefined, 1]);
  page.errors.length = 0;
  await leave(page);
});
