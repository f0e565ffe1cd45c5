// The colours of the drawings, which are the style sheet's: light, dark, or the reader's own where colours are forced.

/** Their names in style.css, without the dashes. */
const NAMES = ['page', 'ink', 'soft', 'line', 'fill', 'first', 'second', 'heat', 'depth'];

/** @returns {Record<string, string> & {font: string, ramps: Record<string, Uint8ClampedArray>}} */
export function themeOf(element) {
  const style = getComputedStyle(element);
  const probe = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  probe.canvas.width = probe.canvas.height = 1;
  const colours = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  const bytes = (colour) => {
    probe.fillStyle = colour;
    probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data];
  };
  const ramp = (...stops) => rampOf(stops.map((name) => bytes(colours[name])));
  return {
    ...colours,
    font: style.getPropertyValue('--sans').trim(),
    ramps: { error: ramp('page', 'heat', 'ink'), density: ramp('page', 'depth') },
  };
}

/** How large the drawings are, in CSS pixels of a page whose text has 16: they grow with it. */
export const scaleOf = (element) => Math.max(1, parseFloat(getComputedStyle(element).fontSize) / 16);

/** 256 colours between some, evenly; RGBA. */
function rampOf(stops) {
  const all = new Uint8ClampedArray(256 * 4);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (stops.length - 1);
    const k = Math.min(stops.length - 2, Math.floor(at));
    for (let c = 0; c < 4; c++) all[4 * i + c] = stops[k][c] + (at - k) * (stops[k + 1][c] - stops[k][c]);
  }
  return all;
}

/** Calls `then` when the colours are others. */
export function whenThemeChanges(then, signal) {
  for (const query of ['(prefers-color-scheme: dark)', '(forced-colors: active)']) {
    matchMedia(query).addEventListener('change', then, { signal });
  }
}
