// The lab page on a test double of its engine (mock-lab.js): what does not depend on what a network learns.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { canvasBytes } from './browser.js';
import { writeNpy } from './npy.js';
import { dist, mockLab, mockModels } from './server.js';
import { useBrowser, useFolder, useServer } from './setup.js';
import { leave, visit } from './visit.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const browser = await useBrowser();
const server = await useServer({ files: dist, routes: { ...mockModels(), ...mockLab() } });
const folder = useFolder();

const SMALL = 'train=6&steps=4&b.steps=4&n=64';
const at = (query) => `${server.origin}/lab.html?${query}`;
const state = (page, ...states) =>
  page.waitForFunction((states) => states.includes(document.querySelector('#status').dataset.state), states);
const open = (page) =>
  page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
const step = (page) => page.getAttribute('#status', 'data-step').then(Number);
const shown = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll('.cell:not([hidden]) canvas')].map((canvas) => canvas.dataset.figure),
  );
const field = (name) => `canvas[data-figure="${name}"]`;

test('every preset trains, moves its particles and measures each of its rows', async () => {
  const page = await visit(browser, at(SMALL));
  await state(page, 'idle');
  const names = await page.evaluate(() =>
    [...document.querySelectorAll('#presets a')].map(({ href }) => new URL(href).searchParams.get('preset')),
  );
  assert.ok(names.length >= 7);
  await leave(page);
  // Without motion, which would only take time.
  await Promise.all(
    names.map(async (name) => {
      const page = await visit(browser, at(`preset=${name}&autostart=1&${SMALL}`), { reducedMotion: 'reduce' });
      await state(page, 'done');
      await page.waitForFunction(() => document.querySelector('#hold').disabled);
      await page.waitForFunction(() => document.querySelectorAll('#measured tbody td').length > 0);
      const cells = await page.$$eval('#measured tbody td[data-side]', (cells) =>
        cells.map(({ textContent }) => textContent),
      );
      assert.ok(
        cells.length > 0 && cells.every((text) => /^[−\d.e+\-, ]+$/.test(text) || text === ''),
        `${name}: ${cells}`,
      );
      assert.match(await page.textContent('#story'), /\(.+ \d{4}, §\d/);
      assert.ok(await page.isHidden('#error'), `${name}: ${await page.textContent('#error')}`);
      await leave(page);
    }),
  );
});

test('a link is a result: what is set is in the address, and the address sets it again', async () => {
  const page = await visit(browser, at('preset=sde-flow'));
  await state(page, 'idle');
  await open(page);
  await page.selectOption('[name="data"]', 'pinwheel');
  await page.selectOption('[name="b.sampler"]', 'euler');
  await page.fill('[name="seed"]', '7');
  await page.press('[name="seed"]', 'Tab');
  await page.fill('#time', '0.5');
  await page.waitForFunction(() => location.search.includes('seed=7') && location.search.includes('t=0.0'));
  await state(page, 'idle');
  const query = await page.evaluate(() => location.search);
  const values = (page) =>
    page.$$eval('#settings [name]', (fields) => fields.map(({ name, value }) => `${name}=${value}`));
  const before = await values(page);
  await leave(page);
  const again = await visit(browser, at(query.slice(1)));
  await state(again, 'idle');
  assert.deepEqual(await values(again), before);
  assert.equal(await again.evaluate(() => location.search), query);
  await leave(again);
});

test('what an address has wrong is said, and any part or setting can be hidden by it', async () => {
  const page = await visit(browser, at('data=three-moons&colour=red&lr=5&hide=objective,lr,presets,nothing'));
  await page.waitForSelector('#error:not([hidden])');
  const said = await page.textContent('#error');
  for (const part of [
    /data = three-moons: choose one of two-moons/,
    /colour is not a setting/,
    /lr = 5: a number from/,
    /hide = nothing/,
  ])
    assert.match(said, part);
  assert.ok(await page.isHidden('fieldset[data-part="objective"]'));
  assert.ok(await page.isHidden('[data-part="presets"]'));
  await state(page, 'idle');
  assert.match(await page.evaluate(() => location.search), /hide=objective,lr,presets,nothing/);
  await leave(page);
  const bare = await visit(
    browser,
    at('data=eight-gaussians&hide=header,presets,controls,footer,loss,levels,truth&autostart=1&train=4'),
  );
  await state(bare, 'done');
  assert.ok(await bare.isHidden('.controls'));
  assert.deepEqual(await shown(bare), ['field-a', 'density', 'difference-a', 'regions']);
  assert.deepEqual(
    await bare.$$eval('.cell:not([hidden]) .letter', (letters) => letters.map(({ textContent }) => textContent)),
    ['a', 'c', 'b', 'd'],
  );
  await leave(bare);
});

test('train, pause, a single step, reset, and the slider through what was', async () => {
  const page = await visit(browser, at('data=eight-gaussians&train=100000'));
  await state(page, 'idle');
  await page.click('#train');
  await page.waitForFunction(() => Number(document.querySelector('#status').dataset.step) > 20);
  assert.equal(await page.textContent('#train'), 'Pause');
  await page.click('#train');
  await state(page, 'paused');
  const paused = await step(page);
  await page.waitForTimeout(150);
  assert.equal(await step(page), paused);
  await page.click('#single');
  await page.waitForFunction((paused) => Number(document.querySelector('#status').dataset.step) === paused + 1, paused);
  const live = await canvasBytes(page, field('field-a'));
  await page.fill('#past', '0');
  assert.equal(await page.textContent('#past-out'), 'step 0');
  await page.waitForFunction((length) => length > 0, live.length);
  await page.waitForTimeout(60);
  assert.notDeepEqual(await canvasBytes(page, field('field-a')), live);
  await page.click('#reset');
  await state(page, 'idle');
  assert.equal(await step(page), 0);
  await leave(page);
});

test('two fields take their steps together, whatever happens', async () => {
  const page = await visit(browser, at('preset=implicit-denoising&train=100000'));
  await state(page, 'idle');
  const steps = () =>
    page.$$eval('canvas[data-figure^="field-"]', (all) =>
      all.map((one) => /after (\d+) steps/.exec(one.getAttribute('aria-label'))[1]),
    );
  for (let i = 0; i < 2; i++) {
    await page.click('#train');
    await page.waitForTimeout(200);
    await page.click('#train');
    await state(page, 'paused');
    await page.waitForFunction(() =>
      document
        .querySelector('[data-figure="field-a"]')
        .getAttribute('aria-label')
        .includes(`after ${document.querySelector('#status').dataset.step} steps`),
    );
    const [a, b] = await steps();
    assert.equal(a, b);
    assert.ok(Number(a) > 0);
  }
  await leave(page);
});

test('a hidden tab loses nothing: what went on is drawn when somebody looks', async () => {
  const page = await visit(browser, at('data=eight-gaussians&train=60'));
  await state(page, 'idle');
  const hide = (hidden) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, 'hidden', { configurable: true, value: hidden });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  await page.waitForTimeout(100);
  const before = await canvasBytes(page, field('field-a'));
  await page.click('#train');
  await hide(true);
  await state(page, 'done');
  assert.equal(await step(page), 60);
  await hide(false);
  await page.waitForFunction(() =>
    document.querySelector('[data-figure="field-a"]').getAttribute('aria-label').includes('after 60 steps'),
  );
  await page.waitForTimeout(100);
  assert.notDeepEqual(await canvasBytes(page, field('field-a')), before);
  await leave(page);
});

test('without motion nothing moves by itself: the end is shown', async () => {
  const page = await visit(browser, at('data=eight-gaussians&train=40&steps=8&sampler=euler'), {
    reducedMotion: 'reduce',
  });
  await state(page, 'idle');
  await page.waitForTimeout(150);
  await page.evaluate(() => {
    const { clearRect } = CanvasRenderingContext2D.prototype;
    window.draws = 0;
    CanvasRenderingContext2D.prototype.clearRect = function (...box) {
      if (this.canvas.dataset.figure === 'field-a') window.draws += 1;
      return clearRect.apply(this, box);
    };
  });
  await page.click('#train');
  await state(page, 'done');
  await page.waitForTimeout(100);
  assert.ok((await page.evaluate(() => window.draws)) <= 6);
  await page.evaluate(() => (window.draws = 0));
  await page.click('#release');
  await page.waitForFunction(() => document.querySelector('#frame-out').textContent.startsWith('step 8'));
  assert.ok((await page.evaluate(() => window.draws)) <= 4);
  await leave(page);
});

test('particles by the pointer, by the keyboard and by the button, and back through their steps', async () => {
  const page = await visit(browser, at('data=two-moons&train=4&sampler=euler&steps=10&n=100&autostart=1'));
  await state(page, 'done');
  const end = (text) =>
    page.waitForFunction(
      (text) =>
        document.querySelector('#hold').disabled && document.querySelector('#frame-out').textContent.startsWith(text),
      text,
    );
  await page.click('#release');
  await end('step 10');
  await page.fill('#frame', '2');
  assert.match(await page.textContent('#frame-out'), /^step 3/);
  await page.click('#clear');
  assert.equal(await page.textContent('#frame-out'), 'none');
  await page.click(field('field-a'));
  await end('step 10');
  assert.equal(await page.getAttribute('#frame', 'max'), '10');
  await page.click('#clear');
  await page.focus(field('field-a'));
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await end('step 10');
  await leave(page);
});

test('a drawing by pointer and keyboard is in the address, and is drawn again from it', async () => {
  const page = await visit(browser, at('data=drawn'));
  await state(page, 'idle');
  const box = await (await page.$(field('truth'))).boundingBox();
  await page.mouse.move(box.x + 100, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(box.x + 200, box.y + 160, { steps: 20 });
  await page.mouse.up();
  await page.focus(field('truth'));
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Enter');
  const count = async (page) =>
    Number(/drawing of (\d+) points/.exec(await page.getAttribute(field('truth'), 'aria-label'))[1]);
  assert.ok((await count(page)) >= 12, String(await count(page)));
  const query = await page.evaluate(() => location.search);
  assert.match(query, /points=[\w-]{20,}/);
  await open(page);
  await page.fill('[name="train"]', '4');
  await page.click('#train');
  await state(page, 'training', 'done');
  const drawn = await count(page);
  await leave(page);
  const again = await visit(browser, at(query.slice(1)));
  await state(again, 'idle');
  assert.equal(await count(again), drawn);
  await again.click('#undraw');
  await again.click('#train');
  await again.waitForSelector('#error:not([hidden])');
  assert.match(await again.textContent('#error'), /There are no points[\s\S]*draw some in panel a/i);
  await leave(again);
});

test('files of points: CSV, NPY and a picture; and what is wrong with one, by its line', async () => {
  const page = await visit(browser, at('train=4'));
  await state(page, 'idle');
  const file = (name, content) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const picture = (paint) =>
    page.evaluate(async (paint) => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 40, height: 20 });
      const context = canvas.getContext('2d');
      context.fillStyle = '#eee';
      context.fillRect(0, 0, 40, 20);
      context.fillStyle = '#000';
      if (paint) context.fillRect(0, 0, 20, 20);
      return canvas.toDataURL('image/png').split(',')[1];
    }, paint);
  const rows = Float32Array.from({ length: 40 }, (_, i) => Math.sin(i));
  const csv = [...rows].map((value, i) => (i % 2 ? `${value}\n` : `${value},`)).join('');
  const good = [
    file('points.csv', `x,y\n${csv}`),
    file('points.npy', writeNpy(rows, [20, 2])),
    file('half.png', Buffer.from(await picture(true), 'base64')),
  ];
  for (const path of good) {
    await page.setInputFiles('#points-file', path);
    await page.waitForFunction(
      (name) => document.querySelector('#live').textContent.startsWith(name),
      path.split('/').at(-1),
    );
    assert.equal(await page.inputValue('[name="data"]'), 'file');
    assert.ok(await page.isHidden('#error'), await page.textContent('#error'));
  }
  const bad = [
    [
      file('text.csv', 'x,y\n1,2\nhello,3\n'),
      /“hello” is not a number[\s\S]*text\.csv, line 3[\s\S]*two numbers a line/,
    ],
    [file('three.csv', '1,2\n3,4\n5,6\n'), /3 points are too few[\s\S]*three\.csv[\s\S]*at least 8/],
    [file('wide.csv', '1,2,3\n'), /3 columns, not two[\s\S]*wide\.csv, line 1/],
    [file('cube.npy', writeNpy(rows, [10, 2, 2])), /Its shape is \(10, 2, 2\)[\s\S]*shape \(n, 2\)/],
    [file('plain.png', Buffer.from(await picture(false), 'base64')), /of one colour[\s\S]*dark shapes/],
    [file('notes.pdf', 'no'), /no points[\s\S]*CSV or NPY/],
  ];
  for (const [path, expected] of bad) {
    await page.setInputFiles('#points-file', path);
    await page.waitForSelector('#error:not([hidden])');
    assert.match(await page.textContent('#error'), expected);
    await page.click('#dismiss');
  }
  await leave(page);
});

test('a learning rate that is too large ends in words, and a smaller one goes on', async () => {
  const page = await visit(browser, at('lr=0.9&train=20&autostart=1'));
  await state(page, 'error');
  assert.match(await page.textContent('#error'), /not a number[\s\S]*smaller learning rate/);
  await page.click('#dismiss');
  await open(page);
  await page.fill('[name="lr"]', '0.01');
  await page.press('[name="lr"]', 'Tab');
  await state(page, 'idle');
  await page.click('#train');
  await state(page, 'done');
  await leave(page);
});

test('weights go out as a file and come back as the same field', async () => {
  const page = await visit(browser, at('data=eight-gaussians&train=30&autostart=1'));
  await state(page, 'done');
  await page.waitForFunction(() => document.querySelector('#measured [data-row="error"]'));
  const error = () => page.getAttribute('#status', 'data-error');
  const trained = await error();
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#export')]);
  assert.match(download.suggestedFilename(), /^lab-eight-gaussians-denoising-seed1-step30\.safetensors$/);
  const path = join(folder, 'weights.safetensors');
  await download.saveAs(path);
  await page.click('#reset');
  await state(page, 'idle');
  assert.notEqual(await error(), trained);
  // Its own settings come with it.
  await page.selectOption('[name="data"]', 'rings');
  await page.setInputFiles('#weights-file', path);
  await page.waitForFunction(() => document.querySelector('#live').textContent.includes('is loaded'));
  assert.equal(await error(), trained);
  assert.equal(await page.inputValue('[name="data"]'), 'eight-gaussians');
  writeFileSync(path, 'no weights');
  await page.setInputFiles('#weights-file', []);
  await page.setInputFiles('#weights-file', path);
  await page.waitForSelector('#error:not([hidden])');
  await leave(page);
});

test('axe finds nothing: at rest, with two fields, a message, both palettes, a phone; and everything fits', async () => {
  const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
  const views = [
    ['', async () => {}],
    [`preset=noise-levels&${SMALL}`, open],
    [`preset=sde-flow&${SMALL}&autostart=1`, (page) => state(page, 'done'), { colorScheme: 'dark' }],
    ['lr=7', (page) => page.waitForSelector('#error:not([hidden])')],
    ['data=drawn', open, phone],
    [`preset=metropolis&${SMALL}`, open, phone],
  ];
  await Promise.all(
    views.map(async ([query, then, options]) => {
      const page = await visit(browser, at(query), options);
      await state(page, 'idle', 'done', 'training');
      await then(page);
      // By the driver, not by the page: its policy lets nothing in.
      await page.evaluate(axe);
      const violations = await page.evaluate(async () => {
        const { violations } = await window.axe.run();
        return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
      });
      assert.deepEqual(violations, [], query);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${query} is too wide`);
      await leave(page);
    }),
  );
});

test('the lab and the front page lead to one another', async () => {
  const page = await visit(browser, `${server.origin}/`);
  await page.click('a[href="lab.html"]');
  await state(page, 'idle');
  assert.match(page.url(), /\/lab\.html/);
  await page.click('.way a');
  await page.waitForSelector('#generate');
  await leave(page);
});
