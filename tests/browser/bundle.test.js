// A page of ten lines that imports scorefield.js, through a bundler: Vite with no configuration, as people have it.

import assert from 'node:assert/strict';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { build } from 'vite';
import { open } from './browser.js';
import { dist, root } from './server.js';
import { useBrowser, useFolder, useServer } from './setup.js';

const PAGE = `<!doctype html>
<link rel="icon" href="data:,">
<canvas></canvas>
<script type="module">
  import { load } from 'scorefield'
  const model = await load('fashion', { device: 'cpu' })
  const run = model.sample({ sampler: 'euler', steps: 2, n: 4, seed: 1 })
  for await (const step of run) step.draw(document.querySelector('canvas'))
  document.title = model.title + ' ' + document.querySelector('canvas').width
</script>`;

const browser = await useBrowser();
const folder = useFolder();

test('a bundle of Vite’s draws what the files draw by themselves', { skip: process.env.SCOREFIELD_MOCK }, async () => {
  await writeFile(join(folder, 'index.html'), PAGE);
  await build({
    root: folder,
    configFile: false,
    logLevel: 'error',
    resolve: { alias: { scorefield: dist('scorefield.js') } },
  });
  const assets = await readdir(join(folder, 'dist', 'assets'));
  for (const ending of ['.wasm', '.safetensors', '.js'])
    assert.ok(
      assets.some((name) => name.endsWith(ending)),
      `${assets}`,
    );
  const server = await useServer({ files: (path) => join(folder, 'dist', path), routes: {} });
  const page = await open(browser, `${server.origin}/`);
  await page.waitForFunction(() => document.title);
  assert.equal(await page.title(), 'Fashion-MNIST 57');
  assert.deepEqual(page.errors, []);
  await page.context().close();
  await server.close();
});

test('every file of the index is named so that bundlers find it', async () => {
  const { models } = JSON.parse(await readFile(join(root, 'web', 'models', 'index.json'), 'utf8'));
  const script = await readFile(join(root, 'web', 'api', 'weights.js'), 'utf8');
  const named = [...script.matchAll(/'([^']+)': new URL\('\.\.\/\.\.\/models\/([^']+)', import\.meta\.url\)/g)];
  assert.deepEqual(
    named.map(([, name, file]) => [name, file]),
    models.map(({ file }) => [file, file]),
  );
});
