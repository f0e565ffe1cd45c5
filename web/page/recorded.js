// A run that was recorded (tests/browser/record.js), to look at before anything is asked for: neither engine nor
// weights are fetched for it. Its pictures are one PNG, a row of tiles for each step's samples and then one for its
// estimates.

import { draw } from '../api/draw.js';

const [facts, sheet] = [
  new URL('./recorded/run.json', import.meta.url),
  new URL('./recorded/run.png', import.meta.url),
];

/** `{context, steps}`, as a figure takes them; null where it cannot or should not be had: it is decoration. */
export async function recordedRun() {
  try {
    if (navigator.connection?.saveData) return null;
    const [run, context] = await Promise.all([fetch(facts).then((response) => response.json()), decode(sheet)]);
    const { n, width, height } = run;
    const row = (place) => {
      const pixels = new Uint8ClampedArray(4 * n * width * height);
      for (let i = 0; i < n; i++) {
        const { data } = context.getImageData(i * width, place * height, width, height);
        // A browser that guards against fingerprints gives other pixels than were drawn.
        if (data[3] !== 255) throw new Error('not what was drawn');
        pixels.set(data, i * data.length);
      }
      return pixels;
    };
    const steps = run.steps.map((step, i) => {
      const kinds = { x: row(2 * i), denoised: row(2 * i + 1) };
      const pixels = (kind) => kinds[kind];
      const show = (canvas, { kind }) => draw(canvas, { pixels: kinds[kind], n, width, height });
      return { ...step, n, width, height, pixels, draw: show, close() {} };
    });
    return { context: run.context, steps };
  } catch {
    return null;
  }
}

/** A canvas' context with a picture on it. */
async function decode(url) {
  const bitmap = await createImageBitmap(await (await fetch(url)).blob());
  const canvas = Object.assign(document.createElement('canvas'), { width: bitmap.width, height: bitmap.height });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return context;
}
