// What a model's source is: a name, the site's own address, or another site's, which nobody fetches who has not agreed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open } from './browser.js';
import { useBrowser, useServer } from './setup.js';

const browser = await useBrowser();
const home = await useServer();
const other = await useServer();

async function blank() {
  const page = await open(browser, `${home.origin}/tests/browser/blank.html`);
  await page.evaluate(async (origin) => (window.scorefield = await import(`${origin}/scorefield.js`)), home.origin);
  return page;
}

/** What loading says: `loaded`, or the error's code and text. */
const attempt = (page, source, options = {}) =>
  page.evaluate(
    async ([source, options]) => {
      try {
        const model = await window.scorefield.load(source, { device: 'cpu', workers: 1, ...options });
        model.dispose();
        return 'loaded';
      } catch (error) {
        return `${error.name} ${error.code}: ${error.message}`;
      }
    },
    [source, options],
  );

test('what is foreign, and what will be fetched', async () => {
  const page = await blank();
  const port = new URL(home.origin).port;
  // As the URL standard reads them: a backslash is a slash, and full-width or ideographic dots are dots.
  const cases = [
    ['fashion', { kind: 'name', name: 'fashion', url: null, site: null, foreign: false }],
    [
      'models/a%20b.safetensors?x=1',
      {
        kind: 'address',
        name: 'a b.safetensors',
        url: `${home.origin}/tests/browser/models/a%20b.safetensors?x=1`,
        site: home.origin,
        foreign: false,
      },
    ],
    [
      '\\\\evil。com\\w',
      { kind: 'address', name: 'w', url: 'http://evil.com/w', site: 'http://evil.com', foreign: true },
    ],
    [
      'https://evil．com/w',
      { kind: 'address', name: 'w', url: 'https://evil.com/w', site: 'https://evil.com', foreign: true },
    ],
    ['//host/x', { kind: 'address', name: 'x', url: 'http://host/x', site: 'http://host', foreign: true }],
    [
      '\\\\2130706433\\x',
      { kind: 'address', name: 'x', url: 'http://127.0.0.1/x', site: 'http://127.0.0.1', foreign: true },
    ],
    [
      `\t\\/localhost:${port}/x`,
      {
        kind: 'address',
        name: 'x',
        url: `http://localhost:${port}/x`,
        site: `http://localhost:${port}`,
        foreign: true,
      },
    ],
    [
      `http://127.0.0.1:${port}@evil.com/w`,
      {
        kind: 'address',
        name: 'w',
        url: `http://127.0.0.1:${port}@evil.com/w`,
        site: 'http://evil.com',
        foreign: true,
      },
    ],
    ['data:,x', { kind: 'address', name: 'data address', url: 'data:,x', site: 'data:', foreign: true }],
    [
      `blob:${home.origin}/1`,
      { kind: 'address', name: 'blob address', url: `blob:${home.origin}/1`, site: 'blob:', foreign: true },
    ],
  ];
  for (const [source, expected] of cases) {
    assert.deepEqual(await page.evaluate((source) => window.scorefield.resolve(source), source), expected, source);
  }
  for (const source of ['javascript:alert(1)', 'ftp://host/x', 'http://', '', 'http://[/', 7, null, {}]) {
    const code = await page.evaluate((source) => {
      try {
        return window.scorefield.resolve(source);
      } catch (error) {
        return `${error.name} ${error.code}`;
      }
    }, source);
    assert.equal(code, 'ScorefieldError not-found', String(source));
  }
  await page.context().close();
});

test('another site is asked for nothing, by no address and by no redirect, unless allowed', async () => {
  const page = await blank();
  const target = `${other.origin}/models/fashion.safetensors`;
  const redirect = (to) => (_, response) => {
    response.writeHead(302, { location: to });
    response.end();
  };
  home.routes['away.safetensors'] = redirect(target);
  home.routes['about.safetensors'] = redirect(`${home.origin}/away.safetensors`);
  home.routes['near.safetensors'] = redirect(`${home.origin}/models/fashion.safetensors`);
  const refused = { allowForeign: false };
  for (const source of [target, target.replace('http:', ''), target.replace('http://', '\\\\')]) {
    assert.match(
      await attempt(page, source, refused),
      /^ScorefieldError foreign: .*another site, http.*allowForeign/,
      source,
    );
  }
  for (const path of ['away', 'about']) {
    const said = await attempt(page, `${home.origin}/${path}.safetensors`, refused);
    assert.match(
      said,
      new RegExp(`^ScorefieldError foreign: .*${path}\\.safetensors: this address leads to one of another site`),
    );
  }
  assert.match(await attempt(page, 'data:,hello%20hello', refused), /^ScorefieldError foreign/);
  assert.deepEqual(other.requests, []);
  assert.equal(await attempt(page, `${home.origin}/near.safetensors`, refused), 'loaded');
  assert.equal(await attempt(page, 'fashion', refused), 'loaded');
  // What an author wrote is loaded.
  assert.equal(await attempt(page, target), 'loaded');
  assert.equal(await attempt(page, `${home.origin}/away.safetensors`), 'loaded');
  assert.match(
    await attempt(page, `${home.origin}/none.safetensors`, refused),
    /^ScorefieldError not-found: .*answered 404/,
  );
  await page.context().close();
});

test('a cap and a hash hold for what comes from the cache, too', async () => {
  const page = await blank();
  const [{ sha256, bytes, url }] = await page.evaluate(() => window.scorefield.models());
  assert.equal(await attempt(page, url), 'loaded');
  // In the cache after a moment.
  await page.waitForFunction(async () => {
    for (const name of await caches.keys()) if ((await (await caches.open(name)).keys()).length) return true;
    return false;
  });
  const before = home.requests.filter((path) => path === 'models/fashion.safetensors').length;
  assert.match(await attempt(page, url, { maxBytes: bytes - 1 }), /^ScorefieldError too-large/);
  assert.equal(await attempt(page, url, { sha256: sha256.toUpperCase() }), 'loaded');
  assert.equal(home.requests.filter((path) => path === 'models/fashion.safetensors').length, before);
  assert.match(await attempt(page, url, { sha256: '0'.repeat(64) }), /^ScorefieldError hash/);
  for (const wrong of ['abc', `${sha256}0`, 7])
    assert.match(await attempt(page, url, { sha256: wrong }), /^ScorefieldError setting: sha256 = .*64 hex/);
  await page.context().close();
});

test('without WebCrypto a hash that the caller gave is an error, and one of the index is said not to be checked', async () => {
  const page = await blank();
  const warnings = [];
  page.on('console', (message) => message.type() === 'warning' && warnings.push(message.text()));
  await page.evaluate(() => Object.defineProperty(crypto, 'subtle', { value: undefined }));
  assert.match(
    await attempt(page, 'fashion', { sha256: '0'.repeat(64) }),
    /^ScorefieldError hash: the SHA-256 cannot be checked.*https/,
  );
  assert.equal(await attempt(page, 'fashion'), 'loaded');
  assert.match(warnings.join('\n'), /fashion\.safetensors: .*no WebCrypto, so its SHA-256 was not compared/);
  await page.context().close();
});
