// Links: a stranger's text. What one asks for is what runs; all else is said, and nothing that it says kills the page.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAddress, snippet, writeAddress } from '../../web/page/address.js';
import { FIELDS, SAMPLERS, toSettings } from '../../web/page/settings.js';
import { finished, state } from './browser.js';
import { useBrowser, useServer } from './setup.js';
import { alive, formValues, leave, visit } from './visit.js';

const browser = await useBrowser();
const server = await useServer();

const read = (query) => {
  const { values, ...rest } = readAddress(query);
  return { values: { ...values }, ...rest };
};

test('a name with a plus sign is understood, encoded or not; a written address encodes it', () => {
  for (const query of ['?sampler=dpm++2m', '?sampler=dpm%2B%2B2m', '?sampler=dpm%20%202m']) {
    assert.deepEqual(read(query), { values: { sampler: 'dpm++2m' }, autostart: false, problems: [] });
  }
  assert.equal(read('?label=1&guidance=1e+1').values.guidance, '10');
  assert.equal(writeAddress({ sampler: 'dpm++2m' }), '?sampler=dpm%2B%2B2m');
  for (const sampler of Object.keys(SAMPLERS)) assert.equal(read(writeAddress({ sampler })).values.sampler, sampler);
});

test('a number is as a number field takes it, so that what is asked for runs', async () => {
  const query = '?sampler=heun&steps=5.&n=%2B2&seed=.7e1&label=%2B3&guidance=+2.50&device=cpu&autostart=1';
  const asked = { sampler: 'heun', steps: '5', n: '2', seed: '7', label: '3', guidance: '2.5', device: 'cpu' };
  assert.deepEqual(read(query), { values: asked, autostart: true, problems: [] });
  assert.deepEqual(read('?n=4&n=4.0').problems, []);
  const page = await visit(browser, `${server.origin}/${query}`);
  assert.equal((await finished(page)).index, '6');
  const shown = await formValues(page);
  assert.deepEqual({ ...asked, model: 'fashion', show: 'denoised' }, shown);
  assert.match(await page.textContent('#caption'), /^Two samples/);
  await leave(page);
});

test('guidance without a class is refused, as the command line refuses it', () => {
  const { values, problems } = read('?guidance=2&n=4');
  assert.deepEqual([values, problems.length], [{ n: '4' }, 1]);
  assert.match(problems[0], /^guidance = 2: a class \(label\) is needed/);
  for (const query of ['guidance=1', 'guidance=0', 'guidance=2&label=0']) assert.deepEqual(read(query).problems, []);
});

test('trackers and empty fields are passed over in silence; other names are said', () => {
  const trackers = 'utm_source=x&utm_campaign=y&fbclid=1&gclid=2&msclkid=3&mc_cid=4&_ga=5&igshid=6&ref=7';
  assert.deepEqual(read(`?seed=7&${trackers}&sampler=&label=&guidance=`), {
    values: { seed: '7' },
    autostart: false,
    problems: [],
  });
  assert.deepEqual(read('?colour=red&seed=7').problems, ['colour is not a setting']);
});

test('what is wrong is named with what is expected, and is not among the values', () => {
  const { values, problems } = read('?sampler=heunn&steps=-4&n=4096&seed=1.5&times=abc&label=x&n=3');
  assert.deepEqual(values, { n: '3' });
  assert.match(problems[0], /^sampler = heunn: choose heun, .* or [\w+-]+$/);
  assert.deepEqual(problems.slice(1), [
    'steps = -4: a whole number from 1 to 100000',
    'n = 4096: a whole number from 1 to 1024',
    'seed = 1.5: a whole number from 0 to 9007199254740991',
    'times = abc: numbers that fall from 1, with commas between them, such as 1, 0.5, 0.001',
    'label = x: a whole number from 0 to 65535',
  ]);
  assert.deepEqual(read('?n=3&n=4').problems, ['n is there twice']);
  assert.deepEqual(read('?sampler=euler&eta=0.5'), {
    values: { sampler: 'euler' },
    autostart: false,
    problems: ['eta does not apply to euler'],
  });
  const [long] = read(`?${'x'.repeat(5000)}=1`).problems;
  assert.ok(long.length < 120, `${long.length} characters`);
});

test('an address says all that was set, and nothing twice', () => {
  const values = {
    model: 'fashion',
    sampler: 'pc',
    steps: '7',
    n: '9',
    seed: '3',
    label: '2',
    device: 'cpu',
    guidance: '2',
    corrector: 'none',
    show: 'x',
  };
  const query = writeAddress(values, { autostart: true });
  assert.deepEqual(read(query), { values, autostart: true, problems: [] });
  // What is as it is anyway, is empty, or does not apply, is left out.
  assert.equal(writeAddress({ sampler: 'heun', eta: '1', label: '', show: 'denoised' }), '?sampler=heun');
});

test('the lines for another page are what the form asks for, whatever a name holds', async () => {
  const values = {
    model: "it's\\here.toml",
    sampler: 'dpm++2m',
    steps: '5',
    n: '2',
    seed: '1',
    label: '',
    times: '1, 0.5',
    show: 'x',
    device: 'cpu',
  };
  const text = snippet(values, 'https://host/');
  const asked = {};
  const run = new Function('load', 'document', `return (async () => { ${text.split('\n').slice(1).join('\n')} })()`);
  const load = async (source, options) => {
    Object.assign(asked, { source, ...options });
    return {
      sample: (settings) => (
        Object.assign(asked, { settings }),
        [{ draw: (_, options) => Object.assign(asked, options) }]
      ),
    };
  };
  await run(load, { querySelector() {} });
  // Times take the place of steps.
  const settings = { sampler: 'dpm++2m', n: 2, seed: 1, times: [1, 0.5] };
  assert.deepEqual(toSettings(values), settings);
  // x is what a step draws anyway.
  assert.deepEqual(asked, { source: values.model, device: 'cpu', settings });
});

test('no name in a link kills the page: what objects, forms and elements call their own', async () => {
  const page = await visit(browser, `${server.origin}/`);
  await alive(page);
  const names = await page.evaluate(() => {
    const all = [HTMLFormControlsCollection, HTMLFormElement, HTMLInputElement, Object, Function, Array].flatMap(
      (type) => Object.getOwnPropertyNames(type.prototype),
    );
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
    return [...new Set([...all, ...ids, 'isMap', '__proto__', '0', 'toJSON', ''])];
  });
  await leave(page);
  const settings = names.filter((name) => Object.hasOwn(FIELDS, name));
  const strange = names.filter((name) => !settings.includes(name));
  assert.ok(strange.length > 150, `${strange.length} names`);
  for (const name of strange) {
    for (const value of ['1', 'x', '']) {
      const { values } = read(`?${encodeURIComponent(name)}=${value}`);
      assert.deepEqual(values, {}, name);
    }
  }
  // All of them at once, and some alone: the page lives.
  const queries = [
    strange.map((name) => `${encodeURIComponent(name)}=1`).join('&'),
    'length=1',
    'item=2',
    'toString=1',
    'constructor=1',
    '__proto__=1',
    'file=x',
    'generate=x',
    'sampler=',
    'model=',
  ];
  for (const query of queries) {
    const lively = await visit(browser, `${server.origin}/?${query}&n=1&steps=1`.replace('?&', '?'));
    await alive(lively);
    if (!/^(sampler|model)=$/.test(query)) assert.match(await lively.textContent('#error'), /is not a setting/, query);
    await lively.click('#generate');
    assert.equal((await finished(lively)).state, 'done', query);
    await leave(lively);
  }
});

test('every setting is in the address and comes back from it', async () => {
  const query =
    'model=fashion&sampler=pc&steps=77&n=9&seed=123&label=3&device=cpu&guidance=2.5&grid=log-snr&t_end=0.002' +
    '&denoise=off&predictor=euler-maruyama&corrector=langevin&corrector_steps=2&snr=0.1&pc_order=score-sde' +
    '&norms=batch&show=x';
  const page = await visit(browser, `${server.origin}/?${query}`);
  const wanted = Object.fromEntries(new URLSearchParams(query));
  await alive(page);
  assert.deepEqual(await formValues(page), wanted);
  await page.fill('#seed', '124');
  await page.press('#seed', 'Tab');
  assert.deepEqual(Object.fromEntries(new URL(page.url()).searchParams), { ...wanted, seed: '124' });
  await page.reload();
  await alive(page);
  assert.equal(await page.inputValue('#seed'), '124');
  await leave(page);
});

test('with a bad address nothing starts that it did not ask for, and the message stays', async () => {
  for (const query of ['n=4096', 'sampler=heunn', 'colour=red', 'sampler=euler&eta=1', 'model=javascript:alert(1)', 'guidance=2']) {
    const before = server.requests.length;
    const page = await visit(browser, `${server.origin}/?${query}&autostart=1`);
    await alive(page);
    await page.waitForTimeout(300);
    assert.equal((await state(page)).state, 'idle', query);
    assert.ok(await page.isVisible('#error'), query);
    // Names are lower case, in a sentence's beginning, too.
    assert.match(await page.textContent('#error .what'), /^[a-z]/, query);
    assert.match(await page.textContent('#error'), /Nothing was started/, query);
    assert.ok(!server.requests.slice(before).some((path) => path.endsWith('.wasm')), query);
    await leave(page);
  }
});

test('address, caption, link and file name are those of the picture, whatever the form says', async () => {
  const options = { acceptDownloads: true, permissions: ['clipboard-read', 'clipboard-write'] };
  const page = await visit(
    browser,
    `${server.origin}/?sampler=heun&steps=2&n=1&seed=1&device=cpu&autostart=1`,
    options,
  );
  await finished(page);
  await page.fill('#seed', '99');
  await page.click('#more summary');
  await page.selectOption('#sampler', 'ddim');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#png')]);
  assert.equal(download.suggestedFilename(), 'scorefield-heun-seed1.png');
  assert.match(await page.textContent('#caption'), /Heun.*seed 1\./);
  await page.click('#copy');
  await page.waitForFunction(() => document.querySelector('#copy').textContent === 'Copied');
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const asked = { model: 'fashion', sampler: 'heun', steps: '2', n: '1', seed: '1', device: 'cpu' };
  assert.deepEqual(Object.fromEntries(new URL(link).searchParams), { ...asked, autostart: '1' });
  assert.deepEqual(Object.fromEntries(new URL(page.url()).searchParams), { ...asked, autostart: '1' });
  // The link draws the picture by itself; the snippet is for what the form asks.
  assert.match(await page.textContent('#snippet'), /sampler: 'ddim'.*seed: 99/);
  const again = await visit(browser, link);
  assert.equal((await finished(again)).state, 'done');
  await leave(again);
  await leave(page);
});

test('a list of models that is missing keeps its cause on screen', async () => {
  server.routes['models/index.json'] = (_, response) => {
    response.statusCode = 404;
    response.end();
  };
  try {
    for (const query of ['autostart=1', 'seed=2']) {
      const page = await visit(browser, `${server.origin}/?${query}`, { errors: false });
      await page.waitForSelector('#error:not([hidden])');
      if (query === 'seed=2') await page.click('#generate');
      await page.waitForTimeout(200);
      assert.match(await page.textContent('#error'), /index of models cannot be read \(HTTP 404\)/, query);
      await leave(page);
    }
  } finally {
    delete server.routes['models/index.json'];
  }
});
