// Pages whose Content-Security-Policy, frame or headers allow little: a run, or an error that names the header to add.

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { finished, open } from './browser.js';
import { versioned } from './server.js';
import { useBrowser, useServer } from './setup.js';

const browser = await useBrowser();
const home = await useServer();
const other = await useServer();
afterEach(() => {
  for (const server of [home, other]) for (const name of Object.keys(server.headers)) delete server.headers[name];
});

/** What a run in this frame comes to: `2 of 2`, or the error's code and text. */
const run = (frame, origin) =>
  frame.evaluate(async (origin) => {
    const { load } = await import(`${origin}/scorefield.js`);
    try {
      const model = await load('fashion', { device: 'cpu', workers: 2, timeout: 20_000 });
      let said;
      for await (const step of model.sample({ sampler: 'euler', steps: 1, n: 2, seed: 1 })) {
        step.draw(document.createElement('canvas'));
        said = `${step.index} of ${step.total}`;
      }
      model.dispose();
      return said;
    } catch (error) {
      return `${error.name} ${error.code}: ${error.message}`;
    }
  }, origin);

/** The same in an empty page of `server` with a policy, or other headers. */
async function under(policy, { server = home, headers = {}, script = 'text/html' } = {}) {
  server.routes['empty.html'] = (_, response) => {
    response.setHeader('content-type', script);
    if (policy) response.setHeader('content-security-policy', policy);
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.end('<!doctype html><title>Empty</title><link rel="icon" href="data:,">');
  };
  const page = await browser.newPage();
  await page.goto(`${server.origin}/empty.html`);
  const said = await run(page, home.origin);
  await page.close();
  return said;
}

const STRICT = `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; connect-src 'self'; img-src 'self' data: blob:; style-src 'self'`;
const LEAST = `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'`;

test('on its own origin: the least that docs/embedding.md asks for', async () => {
  for (const policy of [
    STRICT,
    // worker-src falls back to script-src.
    LEAST,
    `worker-src 'self'`,
    `worker-src blob:`,
    `require-trusted-types-for 'script'`,
    `require-trusted-types-for 'script'; trusted-types scorefield`,
    `${LEAST}; require-trusted-types-for 'script'; trusted-types scorefield`,
  ]) {
    assert.equal(await under(policy), '2 of 2', policy);
  }
});

test('on its own origin: each header that is missing is named', async () => {
  const cases = [
    [
      `worker-src 'none'`,
      /engine: .*\(worker-src\) does not allow the engine’s worker; add 'self' to worker-src in the page’s Content-Security-Policy header/,
    ],
    [
      `require-trusted-types-for 'script'; trusted-types 'none'`,
      /engine: .*Trusted Types.*add scorefield to trusted-types in/,
    ],
    [`connect-src 'none'`, /: .*Content-Security-Policy \(connect-src\).*add 'self' to connect-src in/],
  ];
  if (!process.env.SCOREFIELD_MOCK)
    cases.push([`script-src 'self'`, /engine: .*WebAssembly.*add 'wasm-unsafe-eval' to script-src in/]);
  for (const [policy, expected] of cases) assert.match(await under(policy), expected, policy);
});

test('the page itself under a strict policy, with all its files', async () => {
  home.headers['content-security-policy'] = STRICT;
  const page = await open(browser, `${home.origin}/?steps=2&n=2&device=cpu&autostart=1`);
  assert.equal((await finished(page)).state, 'done');
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test('from another origin: the least, and each source that is missing', async () => {
  const policy = (changed = {}) => {
    const parts = {
      'default-src': `'none'`,
      'script-src': `${home.origin} 'wasm-unsafe-eval'`,
      'worker-src': `blob: ${home.origin}`,
      'connect-src': home.origin,
    };
    return Object.entries({ ...parts, ...changed })
      .map((part) => part.join(' '))
      .join('; ');
  };
  assert.equal(await under('', { server: other }), '2 of 2');
  assert.equal(await under(policy(), { server: other }), '2 of 2');
  assert.equal(
    await under(`${policy()}; require-trusted-types-for 'script'; trusted-types scorefield`, { server: other }),
    '2 of 2',
  );
  assert.match(
    await under(policy({ 'worker-src': `'self'` }), { server: other }),
    new RegExp(`engine: .*\\(worker-src\\).*add blob: ${home.origin} to worker-src in`),
  );
  const [network] = [await under(policy({ 'connect-src': `'self'` }), { server: other })];
  assert.match(network, new RegExp(`\\(connect-src\\).*add ${home.origin} to connect-src in`));
});

test('frames: of no origin, of a document’s own making, and in a strict page', async () => {
  const page = await open(browser, `${home.origin}/tests/browser/blank.html`);
  for (const attributes of [
    { sandbox: 'allow-scripts' },
    { sandbox: 'allow-scripts allow-same-origin' },
    { srcdoc: '<!doctype html>' },
  ]) {
    const name = `frame${Math.random()}`;
    await page.evaluate(
      ([attributes, name, src]) => {
        const frame = document.createElement('iframe');
        Object.assign(frame, { name });
        for (const [key, value] of Object.entries(attributes)) frame.setAttribute(key, value);
        if (!attributes.srcdoc) frame.src = src;
        const loaded = new Promise((resolve) => (frame.onload = resolve));
        document.body.append(frame);
        return loaded;
      },
      [attributes, name, `${home.origin}/tests/browser/blank.html`],
    );
    assert.equal(await run(page.frame({ name }), home.origin), '2 of 2', JSON.stringify(attributes));
  }
  await page.context().close();
});

test('cross-origin isolation, of the page alone and of all files', async () => {
  const isolated = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };
  assert.equal(await under('', { headers: isolated }), '2 of 2');
  Object.assign(home.headers, isolated);
  assert.equal(await under(''), '2 of 2');
});

test('a script that is missing, or that is served as something else, is named', async () => {
  const worker = versioned('worker/worker.js');
  home.routes[worker] = (_, response) => {
    response.statusCode = 404;
    response.end();
  };
  assert.match(await under(''), /engine: .*worker\/worker\.js: the server answered 404; reload the page/);
  home.routes[worker] = (_, response) => {
    response.setHeader('content-type', 'text/plain');
    response.end('// a script');
  };
  assert.match(
    await under(''),
    /engine: .*worker\/worker\.js is served as text\/plain; serve \.js files with the header Content-Type: text\/javascript/,
  );
  delete home.routes[worker];
  const glue = versioned('engine-gpu.js');
  home.routes[glue] = (_, response) => {
    response.statusCode = 403;
    response.end();
  };
  assert.match(await under(''), /engine: .*engine-gpu\.js: the server answered 403/);
  delete home.routes[glue];
  assert.equal(await under(''), '2 of 2');
});

/** What a browser may have and refuse, with the methods that are called; none: nothing is there. */
const OPTIONAL = {
  'navigator.locks': ['request', 'query'],
  caches: ['open', 'match', 'keys', 'has', 'delete'],
  'navigator.gpu': ['requestAdapter'],
  'navigator.storage': ['persist', 'estimate'],
  'navigator.clipboard': ['writeText'],
  'navigator.wakeLock': ['request'],
  'navigator.hardwareConcurrency': [],
  OffscreenCanvas: [],
  trustedTypes: [],
};

/** Puts what refuses in place of a property, in a page or, as a text, in a worker. */
function refuse([name, methods, way]) {
  const [key, owner] = name.startsWith('navigator.') ? [name.slice(10), navigator] : [name, globalThis];
  const denial = () => new DOMException(`${name} is denied here.`, 'SecurityError');
  const answer = () => (way === 'hangs' ? new Promise(() => {}) : Promise.reject(denial()));
  const value = methods.length ? Object.fromEntries(methods.map((method) => [method, answer])) : undefined;
  const get = () => {
    if (way === 'throws') throw denial();
    return value;
  };
  Object.defineProperty(owner, key, { configurable: true, get });
}

test('what a browser refuses, by throwing, rejecting or silence, in a page and its workers, ends no run', async () => {
  const file = versioned('worker/worker.js');
  const source = await (await fetch(`${home.origin}/${file}`)).text();
  for (const [name, methods] of Object.entries(OPTIONAL)) {
    // An adapter may take long to be found: a silent one is waited for longer than a test should.
    for (const way of ['throws', 'rejects', ...(methods.length && name !== 'navigator.gpu' ? ['hangs'] : [])]) {
      // A module's imports are run before it: what refuses has to be a module before them.
      const script = `(${refuse})(${JSON.stringify([name, methods, way])});`;
      for (const [path, body] of [
        ['refuse.js', script],
        [file, `import '/refuse.js';\n${source}`],
      ]) {
        home.routes[path] = (_, response) => {
          response.setHeader('content-type', 'text/javascript');
          response.end(body);
        };
      }
      const context = await browser.newContext();
      const page = await context.newPage();
      const errors = [];
      page.on('pageerror', (error) => errors.push(String(error)));
      await page.addInitScript(refuse, [name, methods, way]);
      await page.goto(`${home.origin}/?steps=1&n=1&device=auto&autostart=1`);
      const { state, error } = await finished(page);
      assert.deepEqual([state, error, errors], ['done', undefined, []], `${name} ${way}`);
      await context.close();
    }
  }
  delete home.routes[file];
});
