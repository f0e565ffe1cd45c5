// Pictures of the page for people to look at: `node look.js [--gpu] [--docs] [view …]`; without a view, all of them.
// `--docs` takes docs/page.png, README's picture, anew.

import { join } from 'node:path';
import { finished, launch, open, out } from './browser.js';
import { root, serve } from './server.js';

const flags = process.argv.slice(2);
const wide = { viewport: { width: 1400, height: 900 } };
const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const RUN = 'model=fashion&seed=1&autostart=1';
const LONG = 'model=fashion&sampler=euler&steps=300&seed=1&autostart=1';

/** Name: a query, options of the browser's context, what is done before the picture, whether of the whole page. */
const views = {
  arrival: ['', wide],
  wide: [RUN, wide],
  during: [LONG, wide, half],
  more: [RUN, wide, (page) => page.click('#more summary'), true],
  huge: [RUN, { viewport: { width: 2560, height: 1440 } }],
  dark: [RUN, { ...wide, colorScheme: 'dark' }],
  forced: [LONG, { ...wide, forcedColors: 'active' }, half],
  phone: [RUN, phone, undefined, true],
  'phone-during': [LONG, phone, half],
  'phone-more': [RUN, phone, (page) => page.click('#more summary'), true],
  points: ['model=tests/reference/mixture2d.toml&n=500&autostart=1', wide],
  error: ['n=4096&colour=red&autostart=1', wide],
  lab: ['lab.html', wide, trained, true],
  'lab-dark': ['lab.html?preset=low-density', { ...wide, colorScheme: 'dark' }, trained, true],
  'lab-forced': ['lab.html?preset=low-density', { ...wide, forcedColors: 'active' }, trained, true],
  'lab-phone': ['lab.html?preset=sde-flow', phone, trained, true],
  'lab-error': ['lab.html?lr=0.9', wide, (page) => page.waitForSelector('#error:not([hidden])'), true],
  question: ['model=https://example.org/weights/strange.safetensors&autostart=1', wide],
};

/** A lab's training, to its end, and its particles. */
async function trained(page) {
  await page.waitForSelector('#train:not([disabled])');
  await page.click('#train');
  await page.waitForSelector('#status[data-state=done]', { timeout: 300_000 });
  await page.waitForFunction(() => document.querySelector('#hold').disabled, null, { timeout: 60_000 });
}

/** Half of a long run. */
async function half(page) {
  await page.waitForFunction(() => Number(document.querySelector('#status').dataset.index) >= 150, null, {
    timeout: 300_000,
  });
}

const server = await serve();
const browser = await launch({ gpu: flags.includes('--gpu') });
const chosen = flags.filter((flag) => !flag.startsWith('--'));
const wanted = flags.includes('--docs') ? ['wide'] : chosen.length ? chosen : Object.keys(views);
for (const name of wanted) {
  const [query, options, then, fullPage = false] = views[name];
  const page = await open(browser, `${server.origin}/${query.startsWith('lab.html') ? '' : '?'}${query}`, { colorScheme: 'light', ...options });
  const isWhole = then !== half && /autostart/.test(query) && !['error', 'question'].includes(name);
  if (isWhole) await finished(page);
  await then?.(page);
  await page.waitForTimeout(name === 'arrival' ? 5000 : 300);
  const path = flags.includes('--docs') ? join(root, 'docs', 'page.png') : join(out, `${name}.png`);
  await page.screenshot({ path, fullPage });
  const { width, fits } = await page.evaluate(() => ({
    width: document.documentElement.scrollWidth,
    fits: document.documentElement.scrollWidth <= innerWidth,
  }));
  if (!fits) console.log(`${name}: the page is ${width} px wide`);
  for (const error of page.errors) console.log(`${name}: ${error}`);
  await page.context().close();
  console.log(path);
}
await browser.close();
await server.close();
