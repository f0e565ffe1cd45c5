// A worker with the CPU's engine that has gradients, which is fetched when it is first needed.

import { Host } from './host.js';
import { compiled } from './modules.js';
import { COMMON } from './spawn.js';

const at = (path) => new URL(path, import.meta.url).href;

/** @type {import('./spawn.js').Script} */
const SCRIPT = {
  address: at('../worker/lab.js'),
  imported: [...COMMON, '../worker/training.js', '../engine-training.js'].map(at),
  start: () => new Worker(new URL('../worker/lab.js', import.meta.url), { type: 'module', name: 'scorefield' }),
};

/**
 * @param {{hello: number, timeout: number, onProgress: Function}} options `hello` and `timeout` in ms without a sign of
 *   life, for its first and for its engine
 * @returns {Promise<Host>}
 */
export async function withGradients({ hello, timeout, onProgress }) {
  const host = new Host({ script: SCRIPT, timeout: hello });
  try {
    await host.ready;
    const module = await compiled('training', onProgress);
    const onEvent = ({ phase, loaded, total }) => onProgress({ phase, loaded, total });
    await host.request('create', { device: 'training', module, problem: 'nothing is drawn' }, { timeout, onEvent });
    return host;
  } catch (error) {
    host.kill(error);
    throw error;
  }
}
