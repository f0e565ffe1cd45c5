// The lab: networks of points that are trained in the page.

import { ScorefieldError } from './errors.js';

/** Opens a lab: a worker with the engine that has gradients. */
export async function openLab() {
  throw new ScorefieldError('engine', 'this build has no engine with gradients', {
    remedy: 'build the site of a later version; the presets’ texts and the form work without it',
  });
}
