// Weights that came before, in the Cache API, by their SHA-256. It is a convenience: what goes wrong here is a download
// more.

import { optional } from './optional.js';

const NAME = 'scorefield-weights-v1';
/** Milliseconds for the cache to answer: longer than a download takes, it helps nobody. */
const PATIENCE = 5000;

/** What is being put into the cache: whoever looks there waits for it, and nobody else does. */
let storing = Promise.resolve();

/** The cache; null where there is none (private windows, sandboxed frames, pages that are not served securely). */
export function openCache() {
  return optional(() => caches.open(NAME), null, PATIENCE);
}

/** Any address will do, in a scheme that a cache takes. */
const keyOf = (sha256) => `https://scorefield.invalid/sha256/${sha256}`;

/** The bytes of a hash, not checked; null where they are not there. */
export function find(opened, sha256) {
  const look = async () => {
    await storing;
    const hit = await (await opened)?.match(keyOf(sha256));
    return hit ? new Uint8Array(await hit.arrayBuffer()) : null;
  };
  return optional(look, null, PATIENCE);
}

/** Puts bytes in, some time after this returns. */
export function store(opened, sha256, bytes) {
  storing = storing.then(() => optional(() => put(opened, sha256, bytes), undefined, PATIENCE));
}

async function put(opened, sha256, bytes) {
  const cache = await opened;
  if (!cache) return;
  try {
    await cache.put(keyOf(sha256), new Response(bytes));
  } catch {
    // Out of quota: drop what older models left, and try once more.
    for (const key of await cache.keys()) await cache.delete(key);
    await cache.put(keyOf(sha256), new Response(bytes));
  }
}
