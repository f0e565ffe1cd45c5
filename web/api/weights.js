// Weights: from an address, a file or bytes to verified bytes in memory.
//
// The index (models/index.json) says how long a file is and what its SHA-256 is. The length caps the
// download before anything is buffered, since Content-Length counts compressed bytes; the hash is checked
// before parsing, and is the key of the cache. A file outside the index is capped by `maxBytes`. A mixture's TOML
// file goes the same way.

import { find, openCache, store } from './cache.js';
import { ScorefieldError, aborted } from './errors.js';
import { optional, present } from './optional.js';
import { refusal } from './policy.js';

const MAX_BYTES = 64 * 2 ** 20;
/** Bytes of safetensors' header length, and its opening brace: nothing shorter can be a weights file. */
const PREAMBLE = 9;
/** Bytes within which the engine, too, tells a mixture's TOML file. */
const START = 4096;
/** The engine refuses longer headers too. */
const MAX_HEADER = 2 ** 20;

const indexUrl = new URL('../../models/index.json', import.meta.url);
/** The files of the index, each by a literal: bundlers take along what is named so, under names of their own. */
const FILES = { 'fashion.safetensors': new URL('../../models/fashion.safetensors', import.meta.url) };
/** Where they all are; null in a bundle that holds the index itself. */
const folder = present(() => new URL('./', indexUrl).href);
let indexPromise;

/** The shipped models: `[{name, title, file, bytes, sha256, default, url}]`. */
export function models() {
  indexPromise ??= readIndex().catch((error) => {
    indexPromise = undefined;
    throw error;
  });
  return indexPromise;
}

async function readIndex() {
  const where = indexUrl.href;
  let index;
  try {
    const response = await fetch(indexUrl, { cache: 'no-cache' });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    index = await response.json();
  } catch (cause) {
    const refused = await refusal(where);
    const remedy = refused?.remedy ?? 'serve the folder models/ beside scorefield.js';
    throw new ScorefieldError('not-found', `the index of models cannot be read (${refused?.what ?? cause.message})`, {
      where,
      remedy,
      cause,
    });
  }
  if (index?.version !== 1 || !Array.isArray(index.models)) {
    const remedy = 'serve scorefield.js and models/ of one version';
    throw new ScorefieldError('weights', `version ${index?.version} of the index is unknown`, { where, remedy });
  }
  return index.models.map((model) => ({ ...model, url: (FILES[model.file] ?? new URL(model.file, indexUrl)).href }));
}

/**
 * What a source is, before anything is fetched: the page that asks and the loader that fetches go by the same answer.
 *
 * A name is a shipped model's. An address counts as foreign unless it is of the document's own site (origin): what is
 * written `\\\\host`, with full-width dots, or as `data:` or `blob:`, is foreign, too.
 *
 * @param {string | URL | Blob | ArrayBuffer | ArrayBufferView} source
 * @returns {{kind: 'name' | 'address' | 'data', name: string, url: string | null, site: string | null, foreign:
 *   boolean}}
 *   `site`: an address's origin, or its scheme where it has none
 * @throws {ScorefieldError} `not-found` where it is none of these
 */
export function resolve(source) {
  if (source instanceof Blob)
    return { kind: 'data', name: source.name ?? 'weights', url: null, site: null, foreign: false };
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) {
    return { kind: 'data', name: 'bytes', url: null, site: null, foreign: false };
  }
  if (!(typeof source === 'string' || source instanceof URL) || source === '') {
    const given =
      source === '' ? 'an empty name' : typeof source === 'object' && source !== null ? 'an object' : String(source);
    throw new ScorefieldError('not-found', `${given} is no model`, {
      remedy: 'give a model name, an address, a file, or bytes',
    });
  }
  const text = String(source);
  if (/^[\w-]+$/.test(text)) return { kind: 'name', name: text, url: null, site: null, foreign: false };
  const own = globalThis.location?.origin ?? new URL(import.meta.url).origin;
  let url;
  try {
    url = new URL(text, globalThis.document?.baseURI ?? import.meta.url);
  } catch (cause) {
    throw new ScorefieldError('not-found', `"${text}" is not an address`, {
      remedy: 'give a model name, an address or a file',
      cause,
    });
  }
  const { protocol } = url;
  if (![...SCHEMES, globalThis.location?.protocol].includes(protocol)) {
    throw new ScorefieldError('not-found', `nothing can be downloaded from a ${protocol} address`, {
      where: text,
      remedy: 'give an https address or a file',
    });
  }
  const hasOrigin = url.origin !== 'null' && protocol !== 'blob:';
  const name = hasOrigin ? decodeName(url.pathname) : `${protocol.slice(0, -1)} address`;
  return {
    kind: 'address',
    name,
    url: url.href,
    site: hasOrigin ? url.origin : protocol,
    foreign: !hasOrigin || url.origin !== own,
  };
}

/** What can be fetched, beside what the document itself came by. */
const SCHEMES = ['http:', 'https:', 'data:', 'blob:'];

/** The last part of a path. */
function decodeName(path) {
  const part = path.split('/').pop() || path;
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * The bytes of a weights file.
 *
 * @param {string | URL | Blob | ArrayBuffer | ArrayBufferView} source a shipped model's name, an address, or the data
 * @param {{signal?: AbortSignal, onProgress?: Function, maxBytes?: number, sha256?: string, allowForeign?: boolean}}
 *   options without `allowForeign`, an address of another site is an error, and so is one that redirects there
 * @returns {Promise<{bytes: Uint8Array, name: string, title?: string, sha256: string | null, cached: boolean}>}
 */
export async function readWeights(
  source,
  { signal, onProgress = () => {}, maxBytes = MAX_BYTES, sha256, allowForeign = true } = {},
) {
  if (signal?.aborted) throw aborted(signal);
  const wanted = checkHash(sha256);
  const resolved = resolve(source);
  if (resolved.kind === 'data') {
    const size = source.size ?? source.byteLength;
    if (size > maxBytes) throw tooLarge(resolved.name, size, maxBytes);
    return finish(await copy(source), { name: resolved.name, sha256: wanted });
  }
  if (resolved.foreign && !allowForeign)
    throw foreign(resolved.url, `this address is of another site, ${resolved.site}`);
  // The first look into a profile's caches takes a while: the index comes meanwhile.
  const cache = openCache();
  const entry = await entryOf(resolved);
  const name = entry.name ?? resolved.name;
  const expected = wanted ?? entry.sha256;
  const cached = expected && (await find(cache, expected));
  if (cached && (await hash(cached)) === expected) {
    if (cached.length > maxBytes) throw tooLarge(entry.url, cached.length, maxBytes);
    onProgress({ phase: 'weights', loaded: cached.length, total: cached.length, cached: true });
    return { bytes: cached, name, title: entry.title, sha256: expected, cached: true };
  }
  // The index is the host's own: what it names may be anywhere.
  const leave = allowForeign || resolved.kind === 'name';
  const bytes = await download(entry, { signal, onProgress, maxBytes, leave });
  const result = await finish(bytes, { name, sha256: expected, where: entry.url });
  if (expected) store(cache, expected, bytes);
  return { ...result, title: entry.title };
}

/** A copy of data in memory: the caller may transfer or change its own. */
async function copy(data) {
  if (data instanceof Blob) {
    try {
      return new Uint8Array(await data.arrayBuffer());
    } catch (cause) {
      // Moved, changed or forbidden since it was chosen.
      const remedy = 'choose it again; it may have changed since';
      throw new ScorefieldError('io', `the file cannot be read (${cause.message})`, {
        where: data.name ?? 'weights',
        remedy,
        cause,
      });
    }
  }
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()
    : new Uint8Array(data).slice();
}

/** The index's entry of a name or an address; an address outside the index is an entry of its own. */
async function entryOf({ kind, name, url }) {
  if (kind === 'name') {
    const all = await models();
    const entry = all.find((model) => model.name === name);
    if (entry) return entry;
    const remedy = `shipped models are ${all.map((model) => model.name).join(', ')}; or give an address or a file`;
    throw new ScorefieldError('not-found', `no model is named "${name}"`, { where: indexUrl.href, remedy });
  }
  const entry = folder && url.startsWith(folder) ? (await models()).find((model) => model.url === url) : undefined;
  return entry ?? { url };
}

function foreign(where, what) {
  const remedy = 'give the other site’s own address; or load with allowForeign: true, once its user has agreed';
  return new ScorefieldError('foreign', what, { where, remedy });
}

/** The response of an address; without `leave`, no request goes to another site, not even by a redirect. */
async function ask(where, { signal, leave }) {
  if (leave) return fetch(where, { signal });
  // A sandboxed document is of no origin: its own server's files are another's to it.
  const inside = globalThis.origin === new URL(where).origin ? { mode: 'same-origin' } : { redirect: 'error' };
  try {
    return await fetch(where, { signal, ...inside });
  } catch (cause) {
    const first = signal?.aborted ? null : await optional(() => fetch(where, { signal, redirect: 'manual' }), null);
    if (first?.type !== 'opaqueredirect') throw cause;
    throw foreign(where, 'this address leads to one of another site');
  }
}

async function download(entry, { signal, onProgress, maxBytes, leave }) {
  const where = entry.url;
  let response;
  try {
    response = await ask(where, { signal, leave });
  } catch (cause) {
    if (signal?.aborted) throw aborted(signal);
    if (cause instanceof ScorefieldError) throw cause;
    const { what, remedy } = (await refusal(where)) ?? {
      what: 'the download failed',
      remedy: 'check the address, the connection, and that the server allows other origins (CORS)',
    };
    throw new ScorefieldError('network', what, { where, remedy, cause });
  }
  if (!response.ok) {
    const missing = response.status === 404 || response.status === 410;
    const remedy = missing ? 'check the address of the weights file' : 'try again later';
    throw new ScorefieldError(missing ? 'not-found' : 'network', `the server answered ${response.status}`, {
      where,
      remedy,
    });
  }
  if (/^text\/html/i.test(response.headers.get('content-type') ?? ''))
    throw notWeights(where, 'a web page (text/html)');

  const cap = entry.bytes ?? maxBytes;
  if (cap > maxBytes) throw tooLarge(where, cap, maxBytes);
  const plain = !response.headers.get('content-encoding');
  const declared = plain ? Number(response.headers.get('content-length')) || undefined : undefined;
  if (declared > cap) throw tooLarge(where, declared, cap);
  const total = entry.bytes ?? declared;
  const chunks = [];
  let loaded = 0;
  let head = new Uint8Array(0);
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (loaded + value.length > cap) throw tooLarge(where, loaded + value.length, cap);
      loaded += value.length;
      chunks.push(value);
      if (head.length < START) {
        head = Uint8Array.of(...head, ...value.subarray(0, START - head.length));
        if (head.length === START) checkPreamble(head, where);
      }
      onProgress({ phase: 'weights', loaded, total, cached: false });
    }
  } catch (cause) {
    reader.cancel().catch(() => {});
    if (signal?.aborted) throw aborted(signal);
    if (cause instanceof ScorefieldError) throw cause;
    throw new ScorefieldError('network', 'the download broke off', { where, remedy: 'try again', cause });
  }
  if (total !== undefined && loaded !== total) {
    throw new ScorefieldError('truncated', `${loaded} bytes came, ${total} were expected`, {
      where,
      remedy: 'download it again',
    });
  }
  const bytes = new Uint8Array(loaded);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

async function finish(bytes, { name, sha256, where = name }) {
  if (bytes.length < PREAMBLE) {
    throw new ScorefieldError('truncated', `${bytes.length} bytes are too few for a weights file`, {
      where,
      remedy: 'give a .safetensors file written by scorefield train, or a mixture’s .toml file',
    });
  }
  checkPreamble(bytes, where);
  const digest = await hash(bytes);
  if (sha256 && digest === null)
    console.warn(`Scorefield: ${where}: ${UNCHECKED}, so its SHA-256 was not compared with the index’s`);
  if (sha256 && digest && digest !== sha256) {
    const remedy = 'clear the browser’s cache and load it again; if it stays, the server’s file and its index differ';
    throw new ScorefieldError('hash', `the file’s SHA-256 is ${digest.slice(0, 12)}…, not ${sha256.slice(0, 12)}…`, {
      where,
      remedy,
    });
  }
  return { bytes, name, sha256: digest, cached: false };
}

/** A mixture's TOML file, by its name, or because the first line that says something is a TOML key or table. */
function isMixture(head, where) {
  if (/\.toml(?:[?#]|$)/i.test(where)) return true;
  const lines = new TextDecoder().decode(head.subarray(0, START)).split('\n');
  const line = lines.map((text) => text.trimStart()).find((text) => text !== '' && !text.startsWith('#'));
  return /^(?:[a-z][\w-]*\s*=|\[[a-z][\w-]*\s*\])/i.test(line ?? '');
}

/** Safetensors starts with the length of its header (u64, little endian) and the header's "{". */
function checkPreamble(head, where) {
  const text = String.fromCharCode(...head.subarray(0, PREAMBLE))
    .trimStart()
    .toLowerCase();
  if (text.startsWith('<')) throw notWeights(where, 'a web page');
  if (text.startsWith('version h')) throw notWeights(where, 'a Git LFS pointer');
  if (text.startsWith('pk')) throw notWeights(where, 'a ZIP archive or a PyTorch file');
  if (isMixture(head, where)) return;
  const length = Number(new DataView(head.buffer, head.byteOffset).getBigUint64(0, true));
  if (length < 2 || length > MAX_HEADER || head[8] !== 0x7b) throw notWeights(where, 'not a safetensors file');
}

function notWeights(where, found) {
  const remedy = 'give a .safetensors file written by scorefield train, or a mixture’s .toml file';
  return new ScorefieldError('not-weights', `this is ${found}`, { where, remedy });
}

function tooLarge(where, bytes, cap) {
  const remedy = 'give a smaller file, or raise maxBytes';
  return new ScorefieldError('too-large', `at least ${bytes} bytes, ${cap} are allowed`, { where, remedy });
}

/** Why a hash cannot be had. */
const UNCHECKED = 'a page that is not served securely (https or localhost) has no WebCrypto';

/** A caller's SHA-256 as the index writes it; who gives one wants it checked. */
function checkHash(sha256) {
  if (sha256 === undefined || sha256 === null) return undefined;
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/i.test(sha256)) {
    throw new ScorefieldError('setting', `sha256 = ${String(sha256)}`, { remedy: 'use 64 hexadecimal digits' });
  }
  if (!globalThis.crypto?.subtle) {
    throw new ScorefieldError('hash', `the SHA-256 cannot be checked: ${UNCHECKED}`, {
      remedy: 'serve the page over https, or load without sha256',
    });
  }
  return sha256.toLowerCase();
}

/** SHA-256 in hex; null where the browser offers no WebCrypto (pages that are not served securely). */
async function hash(bytes) {
  if (!globalThis.crypto?.subtle) return null;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
