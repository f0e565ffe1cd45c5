// Scorefield in a page: load a score network, sample from it, draw every step.
//
//   import { load } from './scorefield.js'
//   const model = await load('models/fashion.safetensors', { device: 'auto' })
//   for await (const step of model.sample({ sampler: 'heun', steps: 18, n: 16, seed: 1 })) step.draw(canvas)

import { known, named, number, signalOf, wrong } from './check.js';
import { devices } from './device.js';
import { draw, toPng } from './draw.js';
import { ScorefieldError, aborted } from './errors.js';
import { Model } from './model.js';
import { Run, Step } from './run.js';
import { models, readWeights, resolve } from './weights.js';

export { Model, Run, ScorefieldError, Step, devices, draw, models, resolve, toPng };

/** Milliseconds without an answer after which a worker counts as hung: compiling shaders takes long. */
const TIMEOUT = 120_000;
/** What `load` takes. */
const OPTIONS = ['device', 'signal', 'onProgress', 'maxBytes', 'sha256', 'allowForeign', 'timeout', 'workers'];

/**
 * Loads a model: its weights, the engine, and a device.
 *
 * @param {string | URL | Blob | ArrayBuffer | ArrayBufferView | Promise} source a shipped model's name, an address, or
 *   the data; or a promise of it
 * @param {{device?: 'auto' | 'webgpu' | 'cpu', signal?: AbortSignal, onProgress?: (event: object) => void,
 *          maxBytes?: number, sha256?: string, allowForeign?: boolean, timeout?: number,
 *          workers?: 'auto' | number}} [options]
 * @returns {Promise<Model>}
 */
export async function load(source, options) {
  const given = named('options', options, "{ device: 'cpu' }");
  known(given, OPTIONS);
  const { device = 'auto', onProgress = () => {}, timeout = TIMEOUT, workers = 'auto' } = given;
  const { maxBytes, sha256, allowForeign } = given;
  const signal = signalOf(given.signal);
  if (![undefined, true, false].includes(allowForeign)) throw wrong('allowForeign', allowForeign, 'true or false');
  if (typeof onProgress !== 'function') throw wrong('onProgress', onProgress, 'a function');
  number('timeout', timeout, { least: 0 });
  if (maxBytes !== undefined) number('maxBytes', maxBytes, { least: 1 });
  if (signal?.aborted) throw aborted(signal);
  // The workers start and the engine is compiled while the weights are on their way.
  const told = guarded(onProgress);
  const model = new Model({ device, workers, timeout, onProgress: told });
  const stop = () => model.dispose();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await model._take(await readWeights(await source, { signal, onProgress: told, maxBytes, sha256, allowForeign }));
    return model;
  } catch (error) {
    model.dispose();
    throw signal?.aborted ? aborted(signal) : ScorefieldError.from(error);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** A caller's function, whose errors are its own: they must not look like a download that failed. */
function guarded(listener) {
  return (event) => {
    try {
      listener(event);
    } catch (error) {
      reportError(error);
    }
  };
}
