// Weights: from an address, a file or bytes to verified bytes in memory.
//
// The index (models/index.json) says how long a file is and what its SHA-256 is. The length caps the
// download before anything is buffered, since Content-Length counts compressed bytes; the hash is checked
// before parsing, and is the key of the cache. A file outside the index is capped by `maxBytes`. A mixture's TOML
// file goes the same way.

import { ScorefieldError, aborted } from './errors.js';

const CACHE = 'scorefield-weights-v1';
const MAX_BYTES = 64 * 2 ** 20;
/** Bytes of safetensors' header length, and its opening brace: nothing shorter can be a weights file. */
const PREAMBLE = 9;
/** The engine refuses longer headers too. */
const MAX_HEADER = 2 ** 20;

/** What is being put into the cache: whoever looks there waits for it, and nobody else does. */
let storing = Promise.resolve();

const indexUrl = new URL('../../models/index.json', import.meta.url);
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
    const remedy = 'serve the folder models/ beside scorefield.js';
    throw new ScorefieldError('not-found', `the index of models cannot be read (${cause.message})`, { where, remedy, cause });
  }
  if (index?.version !== 1 || !Array.isArray(index.models)) {
    const remedy = 'serve scorefield.js and models/ of one version';
    throw new ScorefieldError('weights', `version ${index?.version} of the index is unknown`, { where, remedy });
  }
  return index.models.map((model) => ({ ...model, url: new URL(model.file, indexUrl).href }));
}

/**
 * The bytes of a weights file.
 *
 * @param {string | URL | Blob | ArrayBuffer | ArrayBufferView} source a shipped model's name, an address, or the data
 * @param {{signal?: AbortSignal, onProgress?: Function, maxBytes?: number, sha256?: string}} options
 * @returns {Promise<{bytes: Uint8Array, name: string, title?: string, sha256: string | null, cached: boolean}>}
 */
export async function readWeights(source, { signal, onProgress = () => {}, maxBytes = MAX_BYTES, sha256 } = {}) {
  if (signal?.aborted) throw aborted(signal);
  if (source instanceof Blob) {
    const name = source.name ?? 'weights';
    if (source.size > maxBytes) throw tooLarge(name, source.size, maxBytes);
    return finish(new Uint8Array(await source.arrayBuffer()), { name, sha256 });
  }
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) {
    const view = ArrayBuffer.isView(source)
      ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
      : new Uint8Array(source);
    if (view.length > maxBytes) throw tooLarge('bytes', view.length, maxBytes);
    // A copy: the caller may transfer or change its own.
    return finish(view.slice(), { name: 'bytes', sha256 });
  }
  // The first look into a profile's caches takes a while: the index comes meanwhile.
  const cache = openCache();
  const entry = await find(source);
  const name = entry.name ?? entry.url.split('/').pop().split('?')[0];
  const expected = sha256 ?? entry.sha256;
  const cached = expected && (await fromCache(cache, expected));
  if (cached) {
    onProgress({ phase: 'weights', loaded: cached.length, total: cached.length, cached: true });
    return { bytes: cached, name, title: entry.title, sha256: expected, cached: true };
  }
  const bytes = await download(entry, { signal, onProgress, maxBytes });
  const result = await finish(bytes, { name, sha256: expected, where: entry.url });
  if (expected) storing = toCache(cache, expected, bytes);
  return { ...result, title: entry.title };
}

/** The index's entry of a name or an address; an address outside the index is an entry of its own. */
async function find(source) {
  const text = String(source);
  const isName = typeof source === 'string' && /^[\w-]+$/.test(text);
  if (isName) {
    const all = await models();
    const entry = all.find((model) => model.name === text);
    if (entry) return entry;
    const remedy = `shipped models are ${all.map((model) => model.name).join(', ')}; or give an address or a file`;
    throw new ScorefieldError('not-found', `no model is named "${text}"`, { where: indexUrl.href, remedy });
  }
  let url;
  try {
    url = new URL(text, globalThis.document?.baseURI ?? new URL('..', indexUrl)).href;
  } catch (cause) {
    throw new ScorefieldError('not-found', `"${text}" is not an address`, { remedy: 'give a model name, an address or a file', cause });
  }
  const folder = new URL('./', indexUrl).href;
  const entry = url.startsWith(folder) ? (await models()).find((model) => model.url === url) : undefined;
  return entry ?? { url };
}

async function download(entry, { signal, onProgress, maxBytes }) {
  const where = entry.url;
  let response;
  try {
    response = await fetch(where, { signal });
  } catch (cause) {
    if (signal?.aborted) throw aborted(signal);
    const remedy = 'check the address, the connection, and that the server allows other origins (CORS)';
    throw new ScorefieldError('network', 'the download failed', { where, remedy, cause });
  }
  if (!response.ok) {
    const missing = response.status === 404 || response.status === 410;
    const remedy = missing ? 'check the address of the weights file' : 'try again later';
    throw new ScorefieldError(missing ? 'not-found' : 'network', `the server answered ${response.status}`, { where, remedy });
  }
  if (/^text\/html/i.test(response.headers.get('content-type') ?? '')) throw notWeights(where, 'a web page (text/html)');

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
      if (head.length < PREAMBLE) {
        head = Uint8Array.of(...head, ...value.subarray(0, PREAMBLE - head.length));
        if (head.length === PREAMBLE) checkPreamble(head, where);
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
    throw new ScorefieldError('truncated', `${loaded} bytes came, ${total} were expected`, { where, remedy: 'download it again' });
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
    throw new ScorefieldError('truncated', `${bytes.length} bytes are too few for a weights file`, { where, remedy: 'give a .safetensors file written by scorefield train' });
  }
  checkPreamble(bytes, where);
  const digest = await hash(bytes);
  if (sha256 && digest && digest !== sha256) {
    const remedy = 'clear the browser’s cache and load it again; if it stays, the server’s file and its index differ';
    throw new ScorefieldError('hash', `the file’s SHA-256 is ${digest.slice(0, 12)}…, not ${sha256.slice(0, 12)}…`, { where, remedy });
  }
  return { bytes, name, sha256: digest, cached: false };
}

/** A mixture's TOML file, by its name or by what such a file begins with. */
function isMixture(head, where) {
  const text = String.fromCharCode(...head.subarray(0, PREAMBLE));
  return /\.toml(?:[?#]|$)/i.test(where) || /^\s*(?:#|weights\b|means\b|stds\b|covarianc|\[process)/.test(text);
}

/** Safetensors starts with the length of its header (u64, little endian) and the header's "{". */
function checkPreamble(head, where) {
  const text = String.fromCharCode(...head.subarray(0, PREAMBLE)).trimStart().toLowerCase();
  if (text.startsWith('<')) throw notWeights(where, 'a web page');
  if (text.startsWith('version h')) throw notWeights(where, 'a Git LFS pointer');
  if (text.startsWith('pk')) throw notWeights(where, 'a ZIP archive or a PyTorch file');
  if (isMixture(head, where)) return;
  const length = Number(new DataView(head.buffer, head.byteOffset).getBigUint64(0, true));
  if (length < 2 || length > MAX_HEADER || head[8] !== 0x7b) throw notWeights(where, 'not a safetensors file');
}

function notWeights(where, found) {
  const remedy = 'give the address of a .safetensors file written by scorefield train';
  return new ScorefieldError('not-weights', `this is ${found}`, { where, remedy });
}

function tooLarge(where, bytes, cap) {
  const remedy = 'give a smaller file, or raise maxBytes';
  return new ScorefieldError('too-large', `at least ${bytes} bytes, ${cap} are allowed`, { where, remedy });
}

/** SHA-256 in hex; null where the browser offers no WebCrypto (pages that are not served securely). */
async function hash(bytes) {
  if (!globalThis.crypto?.subtle) return null;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const cacheKey = (sha256) => new URL(`sha256/${sha256}`, indexUrl).href;

/** The cache; null where there is no Cache API (private windows, insecure pages). */
async function openCache() {
  try {
    return await caches.open(CACHE);
  } catch {
    return null;
  }
}

async function fromCache(opened, sha256) {
  try {
    await storing;
    const hit = await (await opened)?.match(cacheKey(sha256));
    if (!hit) return null;
    const bytes = new Uint8Array(await hit.arrayBuffer());
    return (await hash(bytes)) === sha256 ? bytes : null;
  } catch {
    // What cannot be read is downloaded.
    return null;
  }
}

async function toCache(opened, sha256, bytes) {
  const cache = await opened;
  if (!cache) return;
  try {
    try {
      await cache.put(cacheKey(sha256), new Response(bytes));
    } catch {
      // Out of quota: drop what older models left, and try once more.
      for (const key of await cache.keys()) await cache.delete(key);
      await cache.put(cacheKey(sha256), new Response(bytes));
    }
  } catch {
    // A cache is a convenience: without it the next visit downloads again.
  }
}
