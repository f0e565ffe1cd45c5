// A batch of images as one picture: a grid, row by row, as near a square as it gets.

/** Columns of a grid of `n` images when nobody says. */
export const columnsOf = (n) => Math.ceil(Math.sqrt(n));

/**
 * Draws a frame into a canvas, one canvas pixel an image pixel; CSS scales it (`image-rendering: pixelated`).
 *
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas its width and height are set
 * @param {{pixels: Uint8ClampedArray, n: number, width: number, height: number}} frame RGBA, samples first
 * @param {{columns?: number, gap?: number, scale?: number}} [options] `gap` in image pixels, `scale` in canvas pixels
 */
export function draw(canvas, { pixels, n, width, height }, { columns = columnsOf(n), gap = 1, scale = 1 } = {}) {
  const rows = Math.ceil(n / columns);
  const full = { width: columns * (width + gap) - gap, height: rows * (height + gap) - gap };
  // Setting a size clears the canvas, even to the same size.
  if (canvas.width !== full.width * scale || canvas.height !== full.height * scale) {
    canvas.width = full.width * scale;
    canvas.height = full.height * scale;
  }
  const context = canvas.getContext('2d');
  if (!context) return;
  context.imageSmoothingEnabled = false;
  const bytes = width * height * 4;
  for (let i = 0; i < n; i++) {
    const image = new ImageData(pixels.subarray(i * bytes, (i + 1) * bytes), width, height);
    context.putImageData(image, (i % columns) * (width + gap), Math.floor(i / columns) * (height + gap));
  }
  if (scale > 1) {
    context.globalCompositeOperation = 'copy';
    context.drawImage(canvas, 0, 0, full.width, full.height, 0, 0, canvas.width, canvas.height);
    context.globalCompositeOperation = 'source-over';
  }
}

/**
 * A frame as a PNG file.
 *
 * @returns {Promise<Blob>}
 */
export async function toPng(frame, { scale = 8, ...options } = {}) {
  const canvas = document.createElement('canvas');
  draw(canvas, frame, { ...options, scale });
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the picture is too large for a PNG'))), 'image/png');
  });
}
