// Records the run that the page shows on arrival, with the page's defaults: `node record.js`, once they or the shipped
// model have changed. page.test.js compares it with a run.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32, deflateSync } from 'node:zlib';
import { launch, open } from './browser.js';
import { root, serve } from './server.js';

/** Frames, about. */
const MOST = 12;

/** A grey picture as PNG. */
function png(width, height, grey) {
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) rows.set(grey.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  // 8 bits of grey.
  head[8] = 8;
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/**
 * In the page, which shows the run: its facts, and the grey of its pictures, of each step the samples and the
 * estimates, a row of tiles each.
 */
export async function record(page, origin) {
  return page.evaluate(
    async ([origin, MOST]) => {
      const { load } = await import(`${origin}/scorefield.js`);
      const settingsOf = await import(new URL('./settings.js', document.querySelector('script[src$="page.js"]').src));
      const values = { model: 'fashion', device: 'auto' };
      for (const [name, { initial, setting }] of Object.entries(settingsOf.FIELDS))
        if (setting && initial !== undefined) values[name] = initial;
      const settings = settingsOf.toSettings(values);
      const model = await load('fashion', { device: 'cpu' });
      const { title, classes } = model;
      const [steps, grey] = [[], []];
      let size;
      for await (const step of model.sample(settings)) {
        const { index, total, progress, t, sigma, nfe, done, n, width, height } = step;
        // Noise does not compress: of a long run every second frame, or third, will do.
        if (index > 1 && !done && index % Math.ceil(total / MOST) !== 0) continue;
        steps.push({ index, total, progress, t, sigma, nfe, done });
        size = { n, width, height };
        for (const kind of ['x', 'denoised']) {
          const pixels = step.pixels(kind);
          for (let y = 0; y < height; y++) {
            for (let i = 0; i < n; i++)
              for (let x = 0; x < width; x++) grey.push(pixels[4 * ((i * height + y) * width + x)]);
          }
        }
      }
      model.dispose();
      return { run: { context: { values, settings, title, classes }, ...size, steps }, grey };
    },
    [origin, MOST],
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [browser, server] = await Promise.all([launch(), serve()]);
  const page = await open(browser, `${server.origin}/`);
  const { run, grey } = await record(page, server.origin);
  const folder = join(root, 'web', 'page', 'recorded');
  mkdirSync(folder, { recursive: true });
  const across = run.n * run.width;
  const picture = png(across, grey.length / across, Uint8Array.from(grey));
  writeFileSync(join(folder, 'run.png'), picture);
  writeFileSync(join(folder, 'run.json'), `${JSON.stringify(run)}\n`);
  console.log(`${run.steps.length} steps, ${picture.length} bytes`);
  await browser.close();
  await server.close();
}
