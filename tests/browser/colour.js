// A colour model out of the shipped grey one: enough to draw, not to look at.

import { readFileSync } from 'node:fs';
import { dist } from './server.js';

/** Copies the last axis (`by` last) or the one before it three times over, channel by channel, so that the three differ. */
function triple(words, [outer, channels, inner]) {
  const out = new Uint16Array(words.length * 3);
  for (let o = 0; o < outer; o++) {
    for (let p = 0; p < channels; p++) {
      for (let c = 0; c < 3; c++) {
        // Red as it is, green of the other sign, blue from the next pixel of the block.
        const from = (o * channels + (c === 2 ? (p + 1) % channels : p)) * inner;
        for (let i = 0; i < inner; i++) out[((o * channels + p) * 3 + c) * inner + i] = words[from + i] ^ (c === 1 ? 0x8000 : 0);
      }
    }
  }
  return out;
}

/** How the tensors that see a pixel's channels divide into [before, channels, after]. */
const PIXEL = { 'stem.weight': [9, 4, 48], 'head.weight': [9 * 48, 4, 1], 'head.bias': [1, 4, 1] };

/** The bytes of a weights file. */
export function colourModel() {
  const file = readFileSync(dist('models/fashion.safetensors'));
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + length).toString());
  const manifest = JSON.parse(header.__metadata__.scorefield);
  manifest.architecture.shape[0] = 3;
  manifest.data.shape[0] = 3;
  const parts = [];
  let end = 0;
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    let bytes = file.subarray(8 + length + entry.data_offsets[0], 8 + length + entry.data_offsets[1]);
    if (PIXEL[name]) {
      const words = new Uint16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
      bytes = Buffer.from(triple(words, PIXEL[name]).buffer);
      entry.shape = entry.shape.map((size) => (size === 4 ? 12 : size));
    }
    entry.data_offsets = [end, (end += bytes.length)];
    parts.push(bytes);
  }
  header.__metadata__ = { scorefield: JSON.stringify(manifest) };
  let text = JSON.stringify(header);
  text = text.padEnd(Math.ceil(Buffer.byteLength(text) / 8) * 8 + text.length - Buffer.byteLength(text));
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
  return Buffer.concat([head, Buffer.from(text), ...parts]);
}
