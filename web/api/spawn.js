// How a worker is started, and why it could not be.
//
// A worker's script must be of the page's own origin. Where Scorefield is, the script itself is the worker: a page's
// policy has nothing to allow but its own files, and the script has what its server says of it. Elsewhere, and in
// frames that are of no origin (`sandbox` without `allow-same-origin`), a Blob is, which imports the script from
// wherever that allows it (CORS): a module, or, since Chromium starts none in such a frame, a classic script, which can
// say why it could not import.

import { allow, blockedBy, sourceOf } from './policy.js';

const NAME = 'scorefield';
/**
 * Not `new URL('…', import.meta.url)`: bundlers would ship the files again, beside the worker that they have made of
 * them.
 */
const here = import.meta.url;
const at = (path) => new URL(path, here).href;
/** What every worker's script imports. */
export const COMMON = ['./errors.js', './optional.js', '../worker/serve.js', '../worker/canvas.js'];

/**
 * A worker's script: its address, what it imports, for the search of what is missing, and how it is started where it is of
 * the page's own origin.
 *
 * @typedef {{address: string, imported: string[], start: () => Worker}} Script
 */

/** @type {Script} A model that is sampled from. */
export const SAMPLING = {
  address: at('../worker/worker.js'),
  imported: [...COMMON, '../engine.js', '../engine-gpu.js'].map(at),
  start: () => new Worker(new URL('../worker/worker.js', import.meta.url), { type: 'module', name: NAME }),
};

/** In some bundles there is no such address. */
const isServed = ({ address }) => /^https?:/.test(address);

/**
 * The ways to start a worker of `script` here, the best first: each gives `{ worker, release }`, `release` to be called
 * when the worker runs or never will, or throws.
 *
 * @param {Script} script
 */
export function ways(script) {
  const { address } = script;
  const fromScript = () => ({
    worker: trusting(script.start, () => new Worker(trusted(address), { type: 'module', name: NAME })),
    release() {},
  });
  const fromModule = () => fromBlob(`import ${JSON.stringify(address)};`, 'module');
  const fromClassic = () => fromBlob(importing(address), 'classic');
  if (!isServed(script) || new URL(address).origin === globalThis.origin) return [fromScript, fromClassic];
  return globalThis.origin === 'null' ? [fromClassic, fromModule] : [fromModule, fromClassic];
}

function fromBlob(source, type) {
  const blob = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  const release = () => URL.revokeObjectURL(blob);
  const options = { type, name: NAME };
  try {
    return {
      worker: trusting(
        () => new Worker(blob, options),
        () => new Worker(trusted(blob), options),
      ),
      release,
    };
  } catch (error) {
    release();
    throw error;
  }
}

/** Imports the script and hands it what has come meanwhile; or says why it cannot. */
const importing = (address) => `
const early = [];
const keep = (event) => {
  event.stopImmediatePropagation();
  early.push(event.data);
};
addEventListener('message', keep);
let directive = null;
addEventListener('securitypolicyviolation', (event) => (directive = event.effectiveDirective));
import(${JSON.stringify(address)}).then(
  () => {
    removeEventListener('message', keep);
    for (const data of early) dispatchEvent(new MessageEvent('message', { data }));
  },
  (error) => setTimeout(() => postMessage({ event: 'unloadable', message: String(error), directive }), 50),
);`;

/** A page that requires Trusted Types refuses addresses that are not of a policy; only there is one made. */
function trusting(start, again) {
  try {
    return start();
  } catch (error) {
    if (!(error instanceof TypeError) || !globalThis.trustedTypes) throw error;
    return again();
  }
}

let types = null;

function trusted(url) {
  types ??= trustedTypes.createPolicy(NAME, {
    createScriptURL(url) {
      if (url.startsWith(at('../worker/')) || url.startsWith('blob:')) return url;
      throw new TypeError(`${url} is no script of Scorefield’s`);
    },
  });
  return types.createScriptURL(url);
}

/**
 * Why no way has led to a running worker.
 *
 * @param {Script} script
 * @param {object[]} failures what each way has thrown or, `{message, directive}`, reported
 * @returns {Promise<{what: string, remedy: string}>}
 */
export async function diagnose(script, failures) {
  const { address } = script;
  const home = sourceOf(address);
  const needed = home === `'self'` ? home : `blob: ${home}`;
  const directive = (await blockedBy(address)) ?? (await blockedBy('blob'));
  if (directive && /trusted-types/.test(await blockedType())) return typesMissing();
  if (directive) return refused(directive, needed);
  const inside = failures.find((failure) => failure.directive)?.directive;
  if (inside) return refused(inside, home);
  if (await blockedType()) return typesMissing();
  const lost = await missing(script);
  if (lost) return lost;
  const said = failures.map((failure) => failure?.message).find(Boolean);
  const what = `no worker can be started here${said ? ` (${said})` : ''}`;
  return {
    what,
    remedy: 'use a browser of 2023 or later, or a page that is not in a frame without scripts or workers',
  };
}

const blockedType = async () => (await blockedBy('trusted-types-policy', 'trusted-types-sink')) ?? '';

function refused(directive, source) {
  return {
    what: `the page’s Content-Security-Policy (${directive}) does not allow the engine’s worker`,
    remedy: allow(directive, source),
  };
}

function typesMissing() {
  const what = 'the page requires Trusted Types, and allows no policy named scorefield';
  return { what, remedy: allow('trusted-types', NAME) };
}

/** What of the script and its imports is not served, or not as JavaScript; null where all are. */
async function missing(script) {
  for (const file of isServed(script) ? [script.address, ...script.imported] : []) {
    let response;
    try {
      response = await fetch(file);
    } catch (error) {
      const what = `${file} cannot be fetched (${error.message})`;
      const remedy =
        'serve the whole folder of scorefield.js; to pages of other origins, and to frames of none, its server must ' +
        'allow it (the header Access-Control-Allow-Origin: *)';
      return { what, remedy };
    }
    response.body?.cancel().catch(() => {});
    if (!response.ok) {
      const remedy =
        'reload the page, which may be of an older version; serve the whole folder of scorefield.js, and do not let a ' +
        'bundler take it apart';
      return { what: `${file}: the server answered ${response.status}`, remedy };
    }
    const type = response.headers.get('content-type')?.split(';')[0] ?? 'without a type';
    if (!/javascript|ecmascript/i.test(type)) {
      return {
        what: `${file} is served as ${type}`,
        remedy: 'serve .js files with the header Content-Type: text/javascript',
      };
    }
  }
  return null;
}
