// Which devices there are, and which one a request gets. Runs in a page and in a worker.

import { ScorefieldError } from './errors.js';
import { optional, present } from './optional.js';

/** (module (func (result v128) i32.const 0 i8x16.splat i8x16.popcnt)): valid where wasm has SIMD. */
const SIMD = Uint8Array.of(
  0,
  97,
  115,
  109,
  1,
  0,
  0,
  0,
  1,
  5,
  1,
  96,
  0,
  1,
  123,
  3,
  2,
  1,
  0,
  10,
  10,
  1,
  8,
  0,
  65,
  0,
  253,
  15,
  253,
  98,
  11,
);

/** What the engine's GPU runtime (cubecl-wgpu) cannot do without: it asks for GPU timers when it starts. */
const REQUIRED = ['timestamp-query'];
/** Milliseconds for an adapter to be found: drivers that hang do so for good. */
const PATIENCE = 15_000;

/**
 * What is available, and why not.
 *
 * @returns {Promise<{webgpu: {available: boolean, software: boolean, reason: string, adapter: object | null},
 *                    cpu: {available: boolean, reason: string}}>}
 */
export async function devices() {
  return { webgpu: await webgpu(), cpu: cpu() };
}

function cpu() {
  const available = typeof WebAssembly === 'object' && WebAssembly.validate(SIMD);
  return { available, reason: available ? '' : 'this browser’s WebAssembly has no SIMD' };
}

const none = (reason) => ({ available: false, software: false, reason, adapter: null });

async function webgpu() {
  if (globalThis.isSecureContext === false) return none('WebGPU needs a secure page (https or localhost)');
  const gpu = present(() => navigator.gpu);
  if (!gpu) return none('this browser has no WebGPU');
  const asked = look(gpu).catch((error) => none(`WebGPU failed: ${error.message}`));
  return optional(() => asked, none('WebGPU does not answer'), PATIENCE);
}

async function look(gpu) {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return none('there is no WebGPU adapter');
  const info = adapter.info ?? {};
  const software = Boolean(info.isFallbackAdapter ?? adapter.isFallbackAdapter);
  const described = {
    vendor: info.vendor ?? '',
    architecture: info.architecture ?? '',
    device: info.device ?? '',
    description: info.description ?? '',
    software,
  };
  const missing = REQUIRED.filter((feature) => !adapter.features.has(feature));
  if (missing.length)
    return { ...none(`the WebGPU adapter lacks ${missing.join(', ')}`), software, adapter: described };
  return { available: true, software, reason: '', adapter: described };
}

/**
 * The device that a request gets, and why it is not another.
 *
 * @param {'auto' | 'webgpu' | 'cpu'} wanted
 * @returns {Promise<{device: 'webgpu' | 'cpu', reason: string, adapter: object | null}>}
 */
export async function choose(wanted) {
  if (!['auto', 'webgpu', 'cpu'].includes(wanted)) {
    throw new ScorefieldError('setting', `device = ${wanted}`, { remedy: 'use auto, webgpu or cpu' });
  }
  const found = await devices();
  if (wanted !== 'cpu' && found.webgpu.available && (wanted === 'webgpu' || !found.webgpu.software)) {
    return { device: 'webgpu', reason: '', adapter: found.webgpu.adapter };
  }
  if (wanted === 'webgpu') {
    const remedy = 'use device cpu or auto, or a browser with WebGPU on this machine';
    throw new ScorefieldError('device', found.webgpu.reason, { where: 'device webgpu', remedy });
  }
  if (!found.cpu.available) {
    throw new ScorefieldError('device', found.cpu.reason, {
      where: 'device cpu',
      remedy: 'use a browser of 2023 or later',
    });
  }
  const software = `the only WebGPU adapter runs in software (${found.webgpu.adapter?.description || found.webgpu.adapter?.architecture || 'unnamed'}), which is slower`;
  const reason = wanted === 'cpu' ? 'asked for' : found.webgpu.available ? software : found.webgpu.reason;
  return { device: 'cpu', reason, adapter: found.webgpu.adapter };
}
