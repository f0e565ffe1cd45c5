// Weights of another site: nothing is asked of it before the reader has agreed, however its address is written.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finished, state } from './browser.js';
import { useBrowser, useServer } from './setup.js';
import { alive, leave, visit } from './visit.js';

const browser = await useBrowser();
const server = await useServer();
const other = await useServer();

const port = (origin) => new URL(origin).port;

test('an address of another site is asked about, and named as it will be fetched', async () => {
  const path = 'models/fashion.safetensors';
  const written = [
    `${other.origin}/${path}`,
    `//localhost:${port(other.origin)}/${path}`,
    `\\\\2130706433:${port(other.origin)}\\${path.replace('/', '\\')}`,
    `//127。0。0。1:${port(other.origin)}/${path}`,
  ];
  for (const address of written) {
    other.requests.length = 0;
    const page = await visit(
      browser,
      `${server.origin}/?model=${encodeURIComponent(address)}&steps=1&n=1&device=cpu&autostart=1`,
    );
    await page.waitForSelector('#ask:not([hidden])');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'ask-yes');
    assert.match(
      await page.textContent('#ask-address'),
      new RegExp(`^http://(127\\.0\\.0\\.1|localhost):${port(other.origin)}/${path}$`),
    );
    await page.waitForTimeout(200);
    assert.deepEqual(other.requests, [], address);
    assert.equal((await state(page)).state, 'idle');
    await page.click('#ask-yes');
    assert.equal((await finished(page)).state, 'done');
    assert.ok(other.requests.includes(path));
    // Once.
    await page.click('#generate');
    await finished(page);
    assert.ok(!(await page.isVisible('#ask')));
    await leave(page);
  }
});

test('an address without a site is asked about by what it is, or is none', async () => {
  const data = await visit(
    browser,
    `${server.origin}/?model=${encodeURIComponent(`data:,${'x'.repeat(10_000)}`)}&autostart=1`,
  );
  await data.waitForSelector('#ask:not([hidden])');
  assert.match(await data.textContent('#ask-text'), /data:/);
  assert.doesNotMatch(await data.textContent('#ask-text'), /null/);
  assert.ok((await data.textContent('#ask-address')).length < 400);
  await leave(data);
  const script = await visit(browser, `${server.origin}/?model=javascript:alert(1)&autostart=1`);
  await script.waitForSelector('#error:not([hidden])');
  assert.match(await script.textContent('#error'), /nothing can be downloaded from a javascript: address/);
  assert.ok(!(await script.isVisible('#ask')));
  await leave(script);
});

test('one’s own address that leads to another site is asked about, too', async () => {
  server.routes['own.safetensors'] = (_, response) => {
    response.writeHead(302, { location: `${other.origin}/models/fashion.safetensors` });
    response.end();
  };
  other.requests.length = 0;
  const page = await visit(browser, `${server.origin}/?model=own.safetensors&steps=1&n=1&device=cpu&autostart=1`, {
    errors: false,
  });
  await page.waitForSelector('#ask:not([hidden])');
  assert.match(await page.textContent('#ask'), /another site, to which this address leads.*own\.safetensors/s);
  assert.deepEqual(other.requests, []);
  assert.ok(!(await page.isVisible('#error')));
  await page.click('#ask-yes');
  assert.equal((await finished(page)).state, 'done');
  assert.ok(other.requests.includes('models/fashion.safetensors'));
  await page.context().close();
});

test('no is an answer; and the question goes when another model is chosen', async () => {
  other.requests.length = 0;
  const page = await visit(
    browser,
    `${server.origin}/?model=${other.origin}/models/fashion.safetensors&steps=1&n=1&device=cpu`,
  );
  await alive(page);
  await page.click('#generate');
  await page.waitForSelector('#ask:not([hidden])');
  await page.click('#ask-no');
  assert.ok(!(await page.isVisible('#ask')));
  assert.equal(await page.evaluate(() => document.activeElement.id), 'generate');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#ask:not([hidden])');
  await page.click('#more summary');
  await page.selectOption('#model', 'fashion');
  assert.ok(!(await page.isVisible('#ask')));
  await page.click('#generate');
  assert.equal((await finished(page)).state, 'done');
  assert.ok(!(await page.isVisible('#ask')));
  assert.deepEqual(other.requests, []);
  await leave(page);
});
