// What a visitor waits for: the modules' sizes, and the time to the first frame.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { launch } from '../tests/browser/browser.js';
import { dist, root, serve, versioned } from '../tests/browser/server.js';

/** Raw and gzipped bytes of everything that is compiled or run. */
export function sizes(packages) {
  const of = (name, file) => {
    const bytes = readFileSync(file);
    return { name, raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
  };
  const ours = readdirSync(dist(versioned('.'))).filter((file) => file.endsWith('.wasm')).sort();
  const ort = join(packages, 'onnxruntime-web/dist');
  return [
    ...ours.map((file) => of(`Scorefield, ${file}`, dist(versioned(file)))),
    of('onnxruntime-web, ort-wasm-simd-threaded.wasm', join(ort, 'ort-wasm-simd-threaded.wasm')),
    of('onnxruntime-web, ort-wasm-simd-threaded.asyncify.wasm (WebGPU)', join(ort, 'ort-wasm-simd-threaded.asyncify.wasm')),
    of('tfjs, tfjs-backend-wasm-simd.wasm', join(packages, '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm')),
  ];
}

/** From a cold page to its first denoised frame, some times; each in a browser that has only just started. */
export async function firstFrame(repeats) {
  const script = join(root, 'tests/browser/first-frame.js');
  if (!existsSync(script)) return null;
  const measure = (await import(script)).firstFrame;
  const server = await serve();
  const results = [];
  for (let i = 0; i < repeats; i++) {
    const browser = await launch();
    results.push(await measure(browser, server.origin));
    await browser.close();
  }
  await server.close();
  return results.sort((a, b) => a.milliseconds - b.milliseconds);
}
