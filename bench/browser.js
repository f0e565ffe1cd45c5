// The contestants of the browser, each in a page of its own.

import { createRequire } from 'node:module';
import { serveBench } from './server.js';

const { chromium } = createRequire(new URL('../tests/browser/package.json', import.meta.url))('playwright-core');

/** A GPU in software: slow, and the same everywhere. */
const SWIFTSHADER = ['--use-webgpu-adapter=swiftshader', '--enable-unsafe-swiftshader'];
/** The machine's own, which on Linux Chromium reaches through Vulkan, if told to. */
const HARDWARE = process.platform === 'linux' ? ['--ignore-gpu-blocklist', '--enable-features=Vulkan'] : [];
/** Compiling every kernel on a software adapter takes long. */
const TIMEOUT = 180_000;

/** Contestants by device; the first is ours. */
const CONTESTANTS = (cores) => ({
  wasm: [
    { name: 'Scorefield, 1 thread', ours: true, query: { contestant: 'ours', device: 'cpu' } },
    { name: 'onnxruntime-web, 1 thread', query: { contestant: 'ort', device: 'wasm', threads: 1 } },
    { name: `onnxruntime-web, ${cores} threads`, query: { contestant: 'ort', device: 'wasm', threads: cores } },
    { name: 'tfjs, 1 thread', query: { contestant: 'tfjs', device: 'wasm' } },
  ],
  webgpu: [
    { name: 'Scorefield', ours: true, query: { contestant: 'ours', device: 'webgpu' } },
    { name: 'onnxruntime-web', query: { contestant: 'ort', device: 'webgpu' } },
    { name: 'tfjs', query: { contestant: 'tfjs', device: 'webgpu' } },
  ],
});

/** One page with one contestant, opened when it is first asked. */
class Contestant {
  #browser;
  #query;
  #page = null;

  constructor(browser, { name, ours = false, query }, device) {
    Object.assign(this, { name, ours, device });
    this.#browser = browser;
    this.#query = query;
  }

  async #ask(op, ...args) {
    this.#page ??= this.#browser.page(this.#query);
    const page = await this.#page;
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${TIMEOUT / 1e3} s`)), TIMEOUT);
    });
    try {
      return await Promise.race([page.evaluate(([op, args]) => globalThis.bench[op](...args), [op, args]), late]);
    } catch (error) {
      throw new Error(error.message.replace(/^page\.evaluate: /, ''), { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  info = () => this.#ask('info');
  output = (n) => this.#ask('output', n);
  evaluate = (n, repeat) => this.#ask('evaluate', n, repeat);
  run = (settings) => this.#ask('run', settings);
  count = (n) => this.#ask('count', n);
  memory = () => this.#ask('memory');
  opened = () => this.#page !== null;

  async close() {
    if (this.#page) await (await this.#page).context().close();
    this.#page = null;
  }
}

export class Browser {
  static async open({ packages, inputs, adapter, cores }) {
    const gpu = ['--enable-unsafe-webgpu', ...(adapter === 'swiftshader' ? SWIFTSHADER : HARDWARE)];
    const self = new Browser();
    self.browser = await chromium.launch({
      executablePath: process.env.SCOREFIELD_CHROMIUM ?? '/usr/bin/chromium',
      // Playwright's own headless shell has no WebGPU; the full browser's new headless mode has.
      ignoreDefaultArgs: ['--headless', '--headless=old', '--disable-gpu'],
      args: ['--headless=new', '--no-sandbox', '--disable-dev-shm-usage', ...gpu],
    });
    self.version = self.browser.version();
    self.server = await serveBench({ packages, inputs });
    const make = (list, device) => list.map((one) => new Contestant(self, one, device));
    self.all = Object.fromEntries(Object.entries(CONTESTANTS(cores)).map(([device, list]) => [device, make(list, device)]));
    self.runner = new Contestant(self, { name: 'Scorefield', ours: true, query: { contestant: 'ours', device: 'cpu', api: 'yes' } }, 'cpu');
    return self;
  }

  async page(query) {
    const context = await this.browser.newContext();
    const page = await context.newPage();
    page.on('pageerror', (error) => console.error(`   ${query.contestant}, ${query.device}: ${error}`));
    await page.goto(`${this.server.origin}/bench/browser/index.html?${new URLSearchParams(query)}`);
    await page.waitForFunction(() => globalThis.bench);
    return page;
  }

  /** Of one device; the first is ours. */
  contestants = (device) => this.all[device];

  /** Our public API on the CPU, with as many workers as it takes by itself. */
  api = () => this.runner;

  opened = () => Object.values(this.all).flat().filter((contestant) => contestant.opened());

  /** What WebGPU computes on. */
  async adapter() {
    const page = await (await this.browser.newContext()).newPage();
    await page.goto(`${this.server.origin}/bench/browser/index.html?contestant=none`);
    const info = await page.evaluate(async () => {
      const adapter = await navigator.gpu?.requestAdapter();
      const { vendor, architecture, description, isFallbackAdapter } = adapter?.info ?? {};
      return adapter && { vendor, architecture, description, software: isFallbackAdapter, features: [...adapter.features].sort() };
    });
    await page.context().close();
    return info ?? { vendor: 'none', software: true, features: [] };
  }
  async close() {
    // Once, whoever asks first.
    this.closed ??= Promise.all([this.browser.close(), this.server.close()]);
    await this.closed;
  }
}
