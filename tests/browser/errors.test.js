// What a server and a visitor can get wrong: each gets an error that says what, where and how to mend it.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { finished, open } from './browser.js';
import { dist, site, versioned } from './server.js';
import { useBrowser, useServer } from './setup.js';

const browser = await useBrowser();
const server = await useServer();
const weights = Buffer.from(await (await fetch(`${server.origin}/models/fashion.safetensors`)).arrayBuffer());

const octets = (body) => (_, response) => {
  response.setHeader('content-type', 'application/octet-stream');
  response.end(body);
};

/** The page with the model at `path`, which the server answers as `route` says. */
async function attempt(path, route, query = '') {
  server.routes[path] = route;
  const page = await open(browser, `${server.origin}/?model=${path}&steps=2&n=1&device=cpu&autostart=1${query}`);
  const status = await finished(page);
  delete server.routes[path];
  const code = await page.getAttribute('#error', 'data-code');
  const text = (await page.textContent('#error')).replace(/\s+/g, ' ');
  await page.context().close();
  assert.equal(status.state, 'error');
  return { code, text };
}

test('a 404', async () => {
  const { code, text } = await attempt('absent/none.safetensors', undefined);
  assert.equal(code, 'not-found');
  assert.match(text, /answered 404.*none\.safetensors.*check the address/i);
});

test('a server error', async () => {
  const { code } = await attempt('absent/busy.safetensors', (_, response) => {
    response.statusCode = 503;
    response.end();
  });
  assert.equal(code, 'network');
});

test('a web page instead of weights, said to be one or not', async () => {
  const html = '<!DOCTYPE html><html><body>Sign in</body></html>';
  for (const type of ['text/html; charset=utf-8', 'application/octet-stream']) {
    const { code, text } = await attempt('other/page.safetensors', (_, response) => {
      response.setHeader('content-type', type);
      response.end(html);
    });
    assert.equal(code, 'not-weights');
    assert.match(text, /web page.*page\.safetensors/i);
  }
});

test('a corrupt header', { skip: process.env.SCOREFIELD_MOCK }, async () => {
  const broken = Buffer.from(weights);
  broken.fill(0x20, 40, 80);
  const { code, text } = await attempt('other/broken.safetensors', octets(broken));
  assert.equal(code, 'weights');
  assert.match(text, /broken\.safetensors/);
});

test('a weight that is NaN', { skip: process.env.SCOREFIELD_MOCK }, async () => {
  const poisoned = Buffer.from(weights);
  // The last f16 of the last tensor.
  poisoned.writeUInt16LE(0x7e00, poisoned.length - 2);
  const { code, text } = await attempt('other/nan.safetensors', octets(poisoned));
  assert.equal(code, 'weights');
  assert.match(text, /finite|NaN/i);
});

test('a file cut short', { skip: process.env.SCOREFIELD_MOCK }, async () => {
  const { code } = await attempt('other/short.safetensors', octets(weights.subarray(0, weights.length - 1000)));
  assert.equal(code, 'weights');
});

test('a shipped model that is not what the index says', async () => {
  const changed = Buffer.from(weights);
  changed[changed.length - 1] ^= 1;
  const path = 'models/fashion.safetensors';
  const saved = site().routes[path];
  const restore = async (result) => {
    if (saved) server.routes[path] = saved;
    return result;
  };
  const wrong = await restore(await attempt(path, octets(changed)));
  assert.equal(wrong.code, 'hash');
  assert.match(wrong.text, /SHA-256/);
  const short = await restore(await attempt(path, octets(weights.subarray(0, weights.length - 1))));
  assert.equal(short.code, 'truncated');
  const long = await restore(await attempt(path, octets(Buffer.concat([weights, Buffer.alloc(9)]))));
  assert.equal(long.code, 'too-large');
});

test('an engine that is missing, or is none; the next attempt fetches it again', { skip: process.env.SCOREFIELD_MOCK }, async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const attempt = () =>
    page.evaluate(async (origin) => {
      const { load } = await import(`${origin}/scorefield.js`);
      try {
        const model = await load('fashion', { device: 'cpu' });
        model.dispose();
        return 'loaded';
      } catch (error) {
        return `${error.name} ${error.code}: ${error.message}`;
      }
    }, server.origin);
  const engine = versioned('engine_bg.wasm');
  server.routes[engine] = (_, response) => {
    response.statusCode = 404;
    response.end();
  };
  assert.match(await attempt(), /^ScorefieldError engine: .*engine_bg\.wasm: .*answered 404.*serve the engines’ files/);
  server.routes[engine] = octets('<!DOCTYPE html>');
  assert.match(await attempt(), /^ScorefieldError engine: .*engine_bg\.wasm: .*cannot be compiled.*try again/);
  delete server.routes[engine];
  assert.equal(await attempt(), 'loaded');
  // None is left behind; the browser says so a moment later.
  for (let i = 0; i < 100 && page.workers().length > 0; i++) await page.waitForTimeout(100);
  assert.equal(page.workers().length, 0);
  await page.context().close();
});

test('a label, a count and a step count out of range', { skip: process.env.SCOREFIELD_MOCK }, async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const errors = await page.evaluate(async (origin) => {
    const { load } = await import(`${origin}/scorefield.js`);
    const model = await load('fashion', { device: 'cpu' });
    const found = {};
    for (const settings of [{ label: 10 }, { label: -1 }, { n: 0 }, { n: 1e9 }, { steps: 0 }, { seed: 2 ** 60 }, { step: 3 }, { sampler: 'heunn' }, { t_end: 2 }]) {
      try {
        for await (const step of model.sample({ n: 1, steps: 1, ...settings })) found[JSON.stringify(settings)] = `step ${step.index}`;
      } catch (error) {
        found[JSON.stringify(settings)] = `${error.name} ${error.code}: ${error.message}`;
      }
    }
    model.dispose();
    return found;
  }, server.origin);
  for (const [settings, error] of Object.entries(errors)) {
    assert.match(error, /^ScorefieldError setting: .*expected/, settings);
    assert.match(error, new RegExp(Object.keys(JSON.parse(settings))[0]), settings);
  }
});

test('an aborted download, a foreign address that was not agreed to, a file that is dropped', async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const aborted = await page.evaluate(async (origin) => {
    const { load, ScorefieldError } = await import(`${origin}/scorefield.js`);
    const controller = new AbortController();
    controller.abort();
    try {
      await load('fashion', { signal: controller.signal });
    } catch (error) {
      return [error instanceof ScorefieldError, error.name, error.code];
    }
  }, server.origin);
  assert.deepEqual(aborted, [true, 'AbortError', 'aborted']);

  const other = await useServer();
  try {
    const asked = await open(browser, `${server.origin}/?model=${other.origin}/models/fashion.safetensors&steps=1&n=1&device=cpu&autostart=1`);
    await asked.waitForSelector('#ask:not([hidden])');
    assert.deepEqual(other.requests, []);
    await asked.click('#ask-yes');
    assert.equal((await finished(asked)).state, 'done');
    assert.ok(other.requests.includes('models/fashion.safetensors'));
  } finally {
    await other.close();
  }

  const dropped = await open(browser, `${server.origin}/?steps=1&n=1&device=cpu`);
  await dropped.click('#more summary');
  await dropped.setInputFiles('#file', { name: 'mine.safetensors', mimeType: 'application/octet-stream', buffer: weights });
  assert.equal((await finished(dropped)).state, 'done');
  assert.ok(!new URL(dropped.url()).searchParams.has('model'));
  await dropped.setInputFiles('#file', { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('hello, this is no model') });
  await dropped.waitForSelector('#error:not([hidden])');
  assert.equal(await dropped.getAttribute('#error', 'data-code'), 'not-weights');
});

test('weights are cached by their hash', async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const before = server.requests.filter((path) => path === 'models/fashion.safetensors').length;
  const cached = await page.evaluate(async (origin) => {
    const { load } = await import(`${origin}/scorefield.js`);
    const seen = [];
    for (let i = 0; i < 2; i++) {
      const onProgress = ({ phase, cached, loaded, total }) => phase === 'weights' && seen.push({ cached, whole: loaded === total });
      (await load('fashion', { device: 'cpu', onProgress })).dispose();
    }
    return seen;
  }, server.origin);
  assert.deepEqual(cached[0].cached, false);
  assert.deepEqual(cached.at(-1), { cached: true, whole: true });
  assert.equal(server.requests.filter((path) => path === 'models/fashion.safetensors').length, before + 1);
});

test('a setting of the wrong type is named, with what is expected', { skip: process.env.SCOREFIELD_MOCK }, async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const cases = [
    [{ steps: '2' }, 'steps = "2"; expected a whole number from 0'],
    [{ n: 0 }, 'n = 0; expected 1 to 1024'],
    [{ n: 1025 }, 'n = 1025; expected 1 to 1024'],
    [{ n: 65537 }, 'n = 65537; expected 1 to 1024'],
    [{ n: 1.5 }, 'n = 1.5; expected a whole number from 0'],
    [{ seed: -1 }, 'seed = -1; expected a whole number from 0'],
    [{ guidance: 'big' }, 'guidance = "big"; expected a number'],
    [{ denoise: 'yes' }, 'denoise = "yes"; expected true or false'],
    [{ times: '1,0' }, 'times = "1,0"; expected an array'],
    [{ step: 3 }, 'step = 3; expected another name: one of sampler, steps, n'],
    [{ sampler: 'heunn' }, 'sampler = "heunn"; expected one of'],
  ];
  const said = await page.evaluate(
    async ([origin, all]) => {
      const { load } = await import(`${origin}/scorefield.js`);
      const model = await load('fashion', { device: 'cpu', workers: 1 });
      const said = [];
      for (const settings of all) {
        const first = model.sample({ n: 1, steps: 1, ...settings })[Symbol.asyncIterator]().next();
        said.push(await first.then(() => 'a step', ({ code, message }) => `${code}: ${message}`));
      }
      model.dispose();
      return said;
    },
    [server.origin, cases.map(([settings]) => settings)],
  );
  cases.forEach(([, expected], i) => assert.ok(said[i].startsWith(`setting: ${expected}`), `${said[i]}\nexpected ${expected}`));
  await page.context().close();
});

test('files of two versions are said to be so', { skip: process.env.SCOREFIELD_MOCK }, async () => {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const attempt = () =>
    page.evaluate(async (origin) => {
      const { load } = await import(`${origin}/scorefield.js`);
      return load('fashion', { device: 'cpu', workers: 1 }).then(
        (model) => (model.dispose(), 'loaded'),
        (error) => `${error.name} ${error.code}: ${error.message}`,
      );
    }, server.origin);
  const glue = versioned('engine.js');
  const source = await readFile(dist(glue), 'utf8');
  const script = (text) => (_, response) => {
    response.setHeader('content-type', 'text/javascript');
    response.end(text);
  };
  const pattern = /^ScorefieldError engine: the engine’s files are of two versions \(.*\); reload the page/;
  // The script of a version whose WebAssembly imported something else.
  const import_ = /__wbg_\w+_[0-9a-f]{16}/.exec(source)[0];
  server.routes[glue] = script(source.replaceAll(import_, `${import_}0`));
  assert.match(await attempt(), pattern);
  // One that the page does not know.
  server.routes[glue] = script(`${source.replace(/export function boundary[\s\S]*?\n}/, '')}\nexport function boundary() { return 99; }`);
  assert.match(await attempt(), /two versions \(the page speaks \d+, the engine 99\)/);
  delete server.routes[glue];
  assert.equal(await attempt(), 'loaded');
  await page.context().close();
});
