// Headless Chromium, with and without a WebGPU adapter.

import { chromium } from 'playwright-core';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';

/** SwiftShader, a GPU in software: slow, and the same everywhere. */
const SWIFTSHADER = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-unsafe-swiftshader'];

/** What a canvas needs for WebGPU to draw on it; without these the drawing ends every device of the page. */
const CANVAS = ['--enable-features=Vulkan', '--use-vulkan=swiftshader', '--use-angle=swiftshader', '--enable-gpu', '--ignore-gpu-blocklist'];

/** `gpu: false` leaves navigator.gpu there, and no adapter behind it; `canvas: false` an adapter that cannot draw on canvases. */
export function launch({ gpu = false, canvas = gpu } = {}) {
  return chromium.launch({
    executablePath: process.env.SCOREFIELD_CHROMIUM ?? '/usr/bin/chromium',
    // Playwright's own headless shell has no WebGPU; the full browser's new headless mode has.
    ignoreDefaultArgs: ['--headless', '--headless=old', '--disable-gpu'],
    args: ['--headless=new', '--no-sandbox', '--disable-dev-shm-usage', ...(gpu ? SWIFTSHADER : []), ...(canvas ? CANVAS : [])],
  });
}

/** Where the pictures of a test run go. */
export const out = process.env.SCOREFIELD_SCREENSHOTS ?? join(tmpdir(), 'scorefield-screenshots');
mkdirSync(out, { recursive: true });

/** A page that fails its test on any error that nobody caught. */
export async function open(browser, address, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 860 }, ...options });
  const page = await context.newPage();
  page.errors = [];
  page.on('pageerror', (error) => page.errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') page.errors.push(message.text());
  });
  await page.goto(address);
  return page;
}

/** The data attributes of #status. */
export function state(page) {
  return page.evaluate(() => ({ ...document.querySelector('#status').dataset }));
}

/** Waits for a run's end, and gives its status. */
export async function finished(page, timeout = 300_000) {
  await page.waitForSelector('#status:is([data-state=done], [data-state=cancelled], [data-state=error])', { timeout });
  const result = await state(page);
  if (result.state === 'error') result.error = await page.textContent('#error');
  return result;
}

/** The bytes of a canvas, RGBA. */
export function canvasBytes(page, selector) {
  return page.evaluate((selector) => {
    const canvas = document.querySelector(selector);
    return [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data];
  }, selector);
}
