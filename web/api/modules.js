// The engines' WebAssembly, fetched and compiled once a page: workers get the compiled module by a message, and so does
// a worker that takes over from one that died.

import { ScorefieldError } from './errors.js';
import { allow, blockedBy, refusal } from './policy.js';

const modules = new Map();

/** The CPU's is small; any other is fetched only where it is needed, and has a line here and a worker that opens it. */
const FILES = {
  cpu: new URL('../engine_bg.wasm', import.meta.url),
  webgpu: new URL('../engine-gpu_bg.wasm', import.meta.url),
  training: new URL('../engine-training_bg.wasm', import.meta.url),
};

/**
 * The compiled engine of a device.
 *
 * @param {'webgpu' | 'cpu' | 'training'} device
 * @param {(event: {phase: 'engine', loaded: number, total?: number}) => void} onProgress told if this call fetches it
 * @returns {Promise<WebAssembly.Module>}
 */
export function compiled(device, onProgress) {
  if (!modules.has(device)) {
    const module = compile(FILES[device], onProgress);
    modules.set(device, module);
    module.catch(() => modules.delete(device));
  }
  return modules.get(device);
}

async function compile(url, onProgress) {
  const where = url.href;
  let response;
  try {
    response = await fetch(url);
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
  } catch (cause) {
    const refused = await refusal(where);
    const remedy =
      refused?.remedy ??
      'reload the page; serve the engines’ files where they were built; to other origins the server must allow it (CORS)';
    throw new ScorefieldError('engine', `the engine cannot be downloaded (${refused?.what ?? cause.message})`, {
      where,
      remedy,
      cause,
    });
  }
  // With a content encoding, Content-Length counts the compressed bytes: no total then.
  const total = response.headers.get('content-encoding')
    ? undefined
    : Number(response.headers.get('content-length')) || undefined;
  let loaded = 0;
  const counted = response.body.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        loaded += chunk.length;
        onProgress({ phase: 'engine', loaded, total });
        controller.enqueue(chunk);
      },
    }),
  );
  try {
    return await WebAssembly.compileStreaming(
      new Response(counted, { headers: { 'content-type': 'application/wasm' } }),
    );
  } catch (cause) {
    const directive = await blockedBy('wasm-eval');
    if (directive) {
      const what = `the page’s Content-Security-Policy (${directive}) does not allow WebAssembly`;
      throw new ScorefieldError('engine', what, { where, remedy: allow(directive, `'wasm-unsafe-eval'`), cause });
    }
    // What is no WebAssembly, or broke off on its way.
    const remedy = 'try again; serve the engines’ files as they were built';
    throw new ScorefieldError('engine', `the engine cannot be compiled (${cause.message})`, { where, remedy, cause });
  }
}
