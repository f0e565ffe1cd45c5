// What leaves the page: a file of weights, and a link.

import { ScorefieldError } from '../api/errors.js';

/** Hands bytes to the reader as a file. */
export function download(bytes, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([bytes]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Puts a link on the clipboard, and says so on its button for a moment. */
export async function copy(link, button) {
  try {
    await navigator.clipboard.writeText(link);
  } catch (cause) {
    const more = { where: link, remedy: 'copy it from here', cause };
    throw new ScorefieldError('io', 'the browser does not let this page use the clipboard', more);
  }
  button.textContent = 'Copied';
  setTimeout(() => (button.textContent = 'Copy link'), 2000);
}
