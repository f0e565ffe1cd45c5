// A static server on 127.0.0.1 for the tests, with what a real server may do wrong.

import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assemble, version } from '../../web/assemble.js';

const here = fileURLToPath(new URL('.', import.meta.url));
export const root = join(here, '..', '..');
const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.ts': 'text/plain',
};

/** A file of the site that the tests serve: the built one, or with SCOREFIELD_MOCK=1 one with the mock engine. */
export const dist = (path) => join(folder(), path);

/** The path in the site of an internal file, such as `worker/worker.js` or `engine_bg.wasm`. */
export const versioned = (path) => `${version(folder())}/${path}`;

let mock;

function folder() {
  if (!process.env.SCOREFIELD_MOCK) return join(root, 'dist');
  mock ??= assembleMock();
  return mock;
}

/** A site of the sources and the mock engine, for work on the page alone; it goes with the process. */
function assembleMock() {
  const temporary = mkdtempSync(join(tmpdir(), 'scorefield-mock-'));
  process.on('exit', () => rmSync(temporary, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  const [engines, out] = [join(temporary, 'engines'), join(temporary, 'dist')];
  mkdirSync(engines);
  for (const name of ['engine', 'engine-gpu', 'engine-training']) {
    copyFileSync(join(here, 'mock-engine.js'), join(engines, `${name}.js`));
    // A WebAssembly module of nothing.
    writeFileSync(join(engines, `${name}_bg.wasm`), Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
  }
  assemble({ engines, out });
  return out;
}

/** A file that begins as weights do, and its index. */
export function mockModels() {
  const bytes = Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d]);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const model = { name: 'fashion', file: 'fashion.safetensors', bytes: bytes.length, sha256, title: 'Fashion-MNIST', default: true };
  return {
    'models/index.json': (_, response) => response.end(JSON.stringify({ version: 1, models: [model] })),
    'models/fashion.safetensors': (_, response) => response.end(bytes),
  };
}

/** The lab's test double in place of its engine. */
export function mockLab() {
  const script = readFileSync(join(here, 'mock-lab.js'));
  return {
    [versioned('api/lab.js')]: (_, response) => {
      response.setHeader('content-type', TYPES['.js']);
      response.end(script);
    },
  };
}

/** What the tests serve. */
export const site = () => ({ files: dist, routes: process.env.SCOREFIELD_MOCK ? { ...mockModels(), ...mockLab() } : {} });

/**
 * @param {{files?: (path: string) => string, routes?: Record<string, Function>, headers?: Record<string, string>, port?: number}}
 *   options `routes` answer before the files: `(request, response) => boolean | void`, false to go on to the files; `headers`
 *   are of every answer, and can be changed
 */
export async function serve({ files, routes, headers = {}, port = 0 } = site()) {
  const requests = [];
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, 'http://x').pathname)).slice(1) || 'index.html';
    requests.push(path);
    // Other origins may import and read: what a page of the web that embeds Scorefield needs.
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('cache-control', 'no-store');
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    try {
      if (routes[path] && (await routes[path](request, response)) !== false) return;
      const file = path.startsWith('tests/') ? join(root, path) : files(path);
      const body = await readFile(file);
      response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream');
      response.setHeader('content-length', body.length);
      response.end(body);
    } catch {
      response.statusCode = 404;
      response.end('not found');
    }
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { origin, requests, routes, headers, close };
}

// `node server.js [port]`
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.argv.findLast((argument) => /^\d+$/.test(argument)) ?? 8080);
  const { origin } = await serve({ ...site(), port });
  console.log(origin);
}
