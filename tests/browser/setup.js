// What the tests of one file need: each is had by one line, and goes when they are done, whatever became of them.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { launch } from './browser.js';
import { serve } from './server.js';

/** A browser; see `launch` for the options. */
export async function useBrowser(options) {
  const browser = await launch(options);
  after(() => browser.close());
  return browser;
}

/** A server of the site; see `serve` for the options. */
export async function useServer(options) {
  const server = await serve(options);
  after(() => server.close());
  return server;
}

/** An empty folder. */
export function useFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'scorefield-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
