// For readers with a keyboard, a screen reader, a palette of their own, or no wish for motion.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { finished, state } from './browser.js';
import { useBrowser, useServer } from './setup.js';
import { alive, leave, visit } from './visit.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const LONG = 'model=fashion&sampler=euler&steps=400&n=1&device=cpu&autostart=1';

const browser = await useBrowser();
const server = await useServer();

const focused = (page) =>
  page.evaluate(
    () => document.activeElement.id || document.activeElement.name || document.activeElement.tagName.toLowerCase(),
  );
const step = (page, least) =>
  page.waitForFunction((least) => Number(document.querySelector('#status').dataset.index) >= least, least);

test('axe finds nothing: at rest, in a run, all open, a message, a question, both palettes, a phone', async () => {
  const open = (page) =>
    page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
  const views = [
    ['', alive],
    [LONG, (page) => step(page, 3)],
    ['sampler=pc', open],
    ['sampler=pc', open, { colorScheme: 'dark' }],
    ['n=0', (page) => page.waitForSelector('#error:not([hidden])')],
    ['n=0', (page) => page.waitForSelector('#error:not([hidden])'), { colorScheme: 'dark' }],
    ['model=https://example.org/x&autostart=1', (page) => page.waitForSelector('#ask:not([hidden])')],
    ['', open, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }],
  ];
  for (const [query, then, options] of views) {
    const page = await visit(browser, `${server.origin}/?${query}`, options);
    await alive(page);
    await then(page);
    // By the driver, not by the page: its policy lets nothing in.
    await page.evaluate(axe);
    const violations = await page.evaluate(async () => {
      const { violations } = await window.axe.run();
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
    });
    assert.deepEqual(violations, [], `${query} ${JSON.stringify(options ?? {})}`);
    await leave(page);
  }
});

test('a name for everything, and nothing in it that belongs to something else', async () => {
  const page = await visit(browser, `${server.origin}/?sampler=pc`);
  await alive(page);
  const seed = await page.getByRole('spinbutton', { name: 'Seed', exact: true }).count();
  assert.equal(seed, 1);
  assert.equal(await page.getByRole('button', { name: 'Generate with another seed' }).count(), 1);
  assert.equal(await page.getByRole('slider', { name: 'Step of the run' }).count(), 1);
  assert.equal(await page.getAttribute('#live', 'aria-live'), 'polite');
  await leave(page);
});

test('the keyboard alone: in the order of sight, to the start, through a pause, to the end', async () => {
  const page = await visit(browser, `${server.origin}/?${LONG.replace('&autostart=1', '')}`);
  await alive(page);
  await page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
  const places = [];
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press('Tab');
    const place = await page.evaluate(() => {
      const { activeElement } = document;
      if (activeElement === document.body) return null;
      const { top, left } = activeElement.getBoundingClientRect();
      const { id, value, type, href, tagName } = activeElement;
      const name = id || (type === 'radio' ? value : href) || tagName;
      const outline = getComputedStyle(type === 'file' ? activeElement.labels[0] : activeElement).outlineStyle;
      return { name, column: Boolean(activeElement.closest('.controls')), top: top + scrollY, left, outline };
    });
    if (!place) break;
    places.push(place);
  }
  const names = places.map(({ name }) => name);
  const wanted = [
    'generate',
    'denoised',
    'label',
    'n',
    'seed',
    'reseed',
    'sampler',
    'steps',
    'model',
    'file',
    'device',
    'copy',
    'PRE',
  ];
  assert.deepEqual(
    wanted.filter((name) => !names.includes(name)),
    [],
    names.join(', '),
  );
  for (const [i, place] of places.entries()) {
    assert.notEqual(place.outline, 'none', `${place.name} shows no focus`);
    const next = places[i + 1];
    if (!next || next.column !== place.column) continue;
    const isBelow = next.top > place.top + 8;
    assert.ok(
      isBelow || (next.top > place.top - 8 && next.left > place.left),
      `${next.name} comes after ${place.name}`,
    );
  }
  await page.focus('#generate');
  await page.keyboard.press('Enter');
  await step(page, 2);
  assert.equal(await focused(page), 'generate');
  await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'pause');
  await page.keyboard.press('Space');
  assert.equal(await page.textContent('#pause'), 'Resume');
  // Its name says it: a state besides would say the opposite.
  assert.equal(await page.getAttribute('#pause', 'aria-pressed'), null);
  await page.keyboard.press('Space');
  assert.equal(await page.textContent('#pause'), 'Pause');
  await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'cancel');
  await page.keyboard.press('Enter');
  assert.equal((await finished(page)).state, 'cancelled');
  assert.equal(await focused(page), 'generate');
  // Escape cancels wherever the focus is.
  await page.keyboard.press('Enter');
  await step(page, 2);
  await page.focus('#scrubber');
  await page.keyboard.press('Escape');
  assert.equal((await finished(page)).state, 'cancelled');
  await leave(page);
});

test('focus is never lost: at a run’s end, with a message or a question that goes', async () => {
  const page = await visit(browser, `${server.origin}/?model=fashion&sampler=euler&steps=30&n=1&device=cpu`);
  await alive(page);
  await page.click('#generate');
  await step(page, 2);
  await page.focus('#pause');
  assert.equal((await finished(page)).state, 'done');
  assert.equal(await focused(page), 'generate');
  await page.focus('#scrubber');
  await page.evaluate(() => document.querySelector('#settings').requestSubmit());
  await page.waitForFunction(() => document.querySelector('#status').dataset.state === 'sampling');
  assert.notEqual(await focused(page), 'body');
  await finished(page);
  await leave(page);
  const told = await visit(browser, `${server.origin}/?n=0`);
  await told.waitForSelector('#error:not([hidden])');
  await told.focus('#dismiss');
  await told.keyboard.press('Enter');
  assert.equal(await focused(told), 'generate');
  await leave(told);
});

test('with reduced motion nothing replays', async () => {
  const page = await visit(browser, `${server.origin}/`, { reducedMotion: 'reduce' });
  await page.waitForFunction(() => document.querySelector('#scrubber').disabled === false);
  const end = await page.inputValue('#scrubber');
  assert.equal(end, await page.getAttribute('#scrubber', 'max'));
  assert.ok(!(await page.isVisible('#replay')));
  await page.evaluate(() => document.querySelector('#replay').click());
  for (let i = 0; i < 5; i++) {
    assert.equal(await page.inputValue('#scrubber'), end);
    await page.waitForTimeout(60);
  }
  await leave(page);
});

test('forced colours leave the bar, the panels and the chosen device to be seen', async () => {
  const page = await visit(browser, `${server.origin}/?${LONG}`, { forcedColors: 'active' });
  await step(page, 3);
  const bar = await page.evaluate(() => {
    const style = getComputedStyle(document.querySelector('#progress'));
    return { outline: style.outlineStyle, width: style.outlineWidth, opacity: style.opacity };
  });
  assert.deepEqual(bar, { outline: 'solid', width: '1px', opacity: '1' });
  await page.keyboard.press('Escape');
  await finished(page);
  await leave(page);
});

test('on a phone the buttons stay where they are, and how far the run is stays in sight', async () => {
  const page = await visit(browser, `${server.origin}/?${LONG.replace('&autostart=1', '')}`, {
    viewport: { width: 390, height: 844 },
    isMobile: true,
    hasTouch: true,
  });
  await alive(page);
  const top = () =>
    page.evaluate(() =>
      ['#generate', '#pause', '#cancel']
        .map((id) => document.querySelector(id).getBoundingClientRect())
        .map(({ x, y, width }) => [x, y + scrollY, width]),
    );
  const before = await top();
  await page.tap('#generate');
  await step(page, 1);
  assert.deepEqual(await top(), before);
  await page.tap('#pause');
  assert.deepEqual(await top(), before);
  const seen = await page.evaluate(
    () => document.querySelector('#status').getBoundingClientRect().bottom <= innerHeight,
  );
  assert.ok(seen, 'the status is below the screen');
  await page.tap('#cancel');
  assert.equal((await state(page)).state, 'cancelled');
  assert.deepEqual(await top(), before);
  await leave(page);
});
