// What the browser's contestants are served: the built page, the peers' packages, the inputs, and the headers without which
// there are no threads in WebAssembly.

import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { dist, root, serve, versioned } from '../tests/browser/server.js';

/** An isolated page may share memory between threads. Ours needs none of it. */
const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
};

/** @param {{packages: string, inputs: string}} folders of npm's packages, and of the files that the run made */
export function serveBench({ packages, inputs }) {
  const files = (path) => {
    const [first, ...rest] = path.split('/');
    if (first === 'bench') return join(root, path);
    if (first === 'packages') return join(packages, ...rest);
    if (first === 'inputs') return join(inputs, ...rest);
    // By the names that they were built with.
    if (first.startsWith('engine')) return dist(versioned(path));
    return dist(path);
  };
  const handle = (path) => async (_, response) => {
    for (const [name, value] of Object.entries(ISOLATED)) response.setHeader(name, value);
    if (extname(path) !== '.mjs') return false;
    const body = await readFile(files(path));
    response.setHeader('content-type', 'text/javascript');
    response.end(body);
    return true;
  };
  return serve({ files, routes: new Proxy({}, { get: (_, path) => handle(path) }) });
}
