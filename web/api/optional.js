// What a browser may have or not: locks, caches and the like. Where one is missing, refuses or does not answer, the
// work goes on without it.

/**
 * What `use` gives; `otherwise` where it throws, rejects, or has given nothing after `patience` milliseconds.
 *
 * @template T, U
 * @param {() => T | Promise<T>} use
 * @param {U} otherwise
 * @param {number} [patience] 0 for as long as it takes
 * @returns {Promise<T | U>}
 */
export async function optional(use, otherwise, patience = 0) {
  let timer;
  try {
    const used = Promise.resolve(use());
    // What is late may still fail, and nobody waits for it then.
    used.catch(() => {});
    if (!patience) return await used;
    const late = new Promise((resolve) => (timer = setTimeout(() => resolve(otherwise), patience)));
    return await Promise.race([used, late]);
  } catch {
    return otherwise;
  } finally {
    clearTimeout(timer);
  }
}

/** What `use` gives at once; null where it throws or there is nothing. */
export function present(use) {
  try {
    return use() ?? null;
  } catch {
    return null;
  }
}
