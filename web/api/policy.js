// What a page's Content-Security-Policy has blocked. The browser says it in an event and not in the error that it
// throws, so the events are noted here, and looked up when something has failed.

/** Milliseconds that an event may come after the error. */
const PATIENCE = 100;
/** Events that are remembered: a page may have many of its own. */
const MOST = 64;

const events = [];

globalThis.addEventListener?.('securitypolicyviolation', ({ disposition, effectiveDirective, blockedURI }) => {
  // What is only reported is not blocked.
  if (disposition === 'report') return;
  events.push({ directive: effectiveDirective, blocked: blockedURI });
  if (events.length > MOST) events.shift();
});

/**
 * The directive that has blocked an address, or what a `wasm-eval` or `trusted-types-sink` stands for; null where none
 * has.
 */
export async function blockedBy(...addresses) {
  const wanted = addresses.map((address) => address.split('#')[0]);
  const find = () => events.findLast(({ blocked }) => wanted.includes(blocked))?.directive ?? null;
  const found = find();
  if (found) return found;
  await new Promise((resolve) => setTimeout(resolve, PATIENCE));
  return find();
}

/** What to write into the header: `source` is to be allowed by `directive`. */
export function allow(directive, source) {
  const header = 'the page’s Content-Security-Policy header (docs/embedding.md lists what is needed)';
  return `add ${source} to ${directive} in ${header}`;
}

/** An address's origin as a policy names it. */
export function sourceOf(address) {
  const { origin } = new URL(address);
  return origin === globalThis.location?.origin || origin === 'null' ? `'self'` : origin;
}

/** Why a policy has not let an address be fetched, `{ what, remedy }`; null where none has forbidden it. */
export async function refusal(address) {
  const directive = await blockedBy(address);
  if (!directive) return null;
  const what = `the page’s Content-Security-Policy (${directive}) does not allow this download`;
  return { what, remedy: allow(directive, sourceOf(address)) };
}
