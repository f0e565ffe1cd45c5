// Errors that say what is wrong, where, and how to mend it.

/** The one error type of the package; `code` is stable, the texts are not. */
export class ScorefieldError extends Error {
  /**
   * @param {string} code a stable code, listed in scorefield.d.ts
   * @param {string} what what is wrong
   * @param {{where?: string, remedy?: string, cause?: unknown}} [more]
   */
  constructor(code, what, { where = '', remedy = '', cause } = {}) {
    super([where ? `${where}: ${what}` : what, remedy].filter(Boolean).join('; '), { cause });
    // What AbortController's users look for.
    this.name = code === 'aborted' ? 'AbortError' : 'ScorefieldError';
    this.code = code;
    this.what = what;
    this.where = where;
    this.remedy = remedy;
  }

  /** Any thrown value as a ScorefieldError. */
  static from(value, code = 'engine', more = {}) {
    if (value instanceof ScorefieldError) return value;
    if (value && typeof value === 'object' && typeof value.code === 'string' && typeof value.what === 'string') {
      return new ScorefieldError(value.code, value.what, { ...value, cause: value });
    }
    return new ScorefieldError(code, value?.message ?? String(value), { ...more, cause: value });
  }
}

/** The error of an aborted signal. */
export function aborted(signal) {
  return new ScorefieldError('aborted', 'aborted by the caller', { cause: signal?.reason });
}
