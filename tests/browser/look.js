// Pictures of the page for people to look at: `node look.js [--gpu] [query]`.

import { join } from 'node:path';
import { launch, open, out } from './browser.js';
import { serve } from './server.js';

const flags = process.argv.slice(2);
const query = flags.find((flag) => !flag.startsWith('--')) ?? 'model=fashion&autostart=1';
const server = await serve();
const browser = await launch({ gpu: flags.includes('--gpu') });
const views = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  phone: { colorScheme: 'light', viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};
for (const [name, options] of Object.entries(views)) {
  const page = await open(browser, `${server.origin}/?${query}`, options);
  await page.waitForSelector('#status:is([data-state=done], [data-state=error])', { timeout: 300_000 });
  await page.screenshot({ path: join(out, `${name}.png`), fullPage: true });
  if (name === 'phone') {
    await page.click('#more summary');
    await page.screenshot({ path: join(out, 'phone-more.png'), fullPage: true });
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    if (width > 360) console.log(`the phone's page is ${width} px wide`);
  }
  for (const error of page.errors) console.log(`${name}: ${error}`);
  await page.context().close();
}
console.log(out);
await browser.close();
await server.close();
