// Whether this browser draws on a WebGPU canvas in a worker, byte for byte: a GPU's frames need no readback then.

import { present } from '../api/optional.js';

/** Milliseconds after which the answer is no. */
const PATIENCE = 5000;
const SIDE = 16;

/** Every level of a byte, rising in red and falling in green. */
const SHADER = `
  @vertex fn corner(@builtin(vertex_index) i: u32) -> @builtin(position) vec4f {
    return vec4f(f32(i & 1u) * 4.0 - 1.0, f32(i >> 1u) * 4.0 - 1.0, 0.0, 1.0);
  }
  @fragment fn colour(@builtin(position) at: vec4f) -> @location(0) vec4f {
    let level = f32(u32(at.y) * ${SIDE}u + u32(at.x)) / 255.0;
    return vec4f(level, 1.0 - level, 0.0, 1.0);
  }`;

/**
 * Tries it with a device of its own: where a canvas cannot be had, some browsers end every WebGPU device of the page.
 *
 * @returns {Promise<string>} why not; empty where it works
 */
export async function canvasProblem() {
  if (!present(() => OffscreenCanvas)) return 'this browser has no OffscreenCanvas';
  let device = null;
  let timer;
  const late = new Promise(
    (resolve) => (timer = setTimeout(() => resolve('drawing on a canvas takes too long'), PATIENCE)),
  );
  const tried = (async () => {
    const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
    device = await adapter.requestDevice();
    return paint(device);
  })();
  try {
    return await Promise.race([tried, late]);
  } catch (error) {
    return `a WebGPU canvas fails here (${error.message})`;
  } finally {
    clearTimeout(timer);
    tried.catch(() => {});
    device?.destroy();
  }
}

async function paint(device) {
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const context = canvas.getContext('webgpu');
  if (!context) return 'this browser has no WebGPU canvas in a worker';
  const format = 'rgba8unorm';
  context.configure({ device, format, alphaMode: 'premultiplied' });
  const module = device.createShaderModule({ code: SHADER });
  const pipeline = device.createRenderPipeline({
    layout: 'auto',
    vertex: { module },
    fragment: { module, targets: [{ format }] },
  });
  const encoder = device.createCommandEncoder();
  const view = context.getCurrentTexture().createView();
  const pass = encoder.beginRenderPass({ colorAttachments: [{ view, loadOp: 'clear', storeOp: 'store' }] });
  pass.setPipeline(pipeline);
  pass.draw(3);
  pass.end();
  device.queue.submit([encoder.finish()]);
  const bitmap = canvas.transferToImageBitmap();
  // Fails where the canvas has ended all devices: then that is over before the engine asks for one.
  await device.queue.onSubmittedWorkDone();
  const plain = new OffscreenCanvas(SIDE, SIDE).getContext('2d', { willReadFrequently: true });
  plain.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = plain.getImageData(0, 0, SIDE, SIDE);
  for (let level = 0; level < SIDE * SIDE; level++) {
    const [red, green, blue, alpha] = data.subarray(4 * level, 4 * level + 4);
    if (red !== level || green !== 255 - level || blue !== 0 || alpha !== 255)
      return 'this browser’s WebGPU canvas changes colours';
  }
  return '';
}
