// NPY files of float32, as `scorefield sample --npy` writes them.

/** @returns {{shape: number[], values: Float32Array}} */
export function readNpy(buffer) {
  if (buffer.toString('latin1', 0, 6) !== '\x93NUMPY') throw new Error('not an NPY file');
  const wide = buffer[6] >= 2;
  const start = wide ? 12 : 10;
  const length = wide ? buffer.readUInt32LE(8) : buffer.readUInt16LE(8);
  const header = buffer.toString('latin1', start, start + length);
  if (!/'descr': *'<f4'/.test(header) || !/'fortran_order': *False/.test(header)) throw new Error(`not rows of float32: ${header}`);
  const shape = /'shape': *\(([^)]*)\)/.exec(header)[1].split(',').map((text) => text.trim()).filter(Boolean).map(Number);
  const bytes = buffer.subarray(start + length);
  return { shape, values: new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)) };
}

export function writeNpy(values, shape) {
  let header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  // Magic, version and length take 10 bytes; the whole is a multiple of 64 and ends in a line feed.
  header = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`;
  const start = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1');
  start.writeUInt16LE(header.length, 8);
  return Buffer.concat([start, Buffer.from(header, 'latin1'), Buffer.from(values.buffer, values.byteOffset, values.byteLength)]);
}
