// Before anything is timed: do all compute the same numbers?

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const BATCH = 16;
const STEPS = 3;
/** Of the largest value. float32 sums of up to 1,728 products in other orders, through 40 layers: 2e-6 on CPUs. */
const TOLERANCE = 1e-4;
/**
 * WGSL's cos and sin may be off by 2⁻¹¹, and the network sees noise levels through them. On SwiftShader all contestants are
 * 1e-4 from PyTorch, and 1e-6 from each other.
 */
const WGSL_TOLERANCE = 1e-3;

const read = (file) => {
  const bytes = readFileSync(file);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
};

function difference(found, expected) {
  if (found.length !== expected.length) throw new Error(`${found.length} numbers, not ${expected.length}`);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  // NaN must not pass for small.
  return found.reduce((most, value, i) => (Number.isNaN(value) ? Infinity : Math.max(most, Math.abs(value - expected[i]))), 0) / largest;
}

/**
 * F of every contestant beside PyTorch's, and the losses and gradients' norms of some training steps on the same batches.
 * Throws where they differ; a contestant that does not run is only noted. Of the browser's those of `devices` alone.
 */
export async function agree({ ours, peer, forms, browser, devices, inputs, level, batch }) {
  const x = join(inputs, 'x.f32');
  const out = join(inputs, 'f.f32');
  const outputOf = async (process, form) => {
    await process.ask('output', { ...form, batch: BATCH, x, c_noise: level.c_noise, out });
    return Float32Array.from(read(out));
  };
  const expected = await outputOf(peer, { form: 'default' });
  const results = [{ name: 'Scorefield, native', difference: difference(await outputOf(ours, {}), expected) }];
  for (const form of forms.slice(1)) {
    results.push({ name: `PyTorch, ${form}`, difference: difference(await outputOf(peer, { form }), expected) });
  }
  for (const contestant of devices.flatMap(browser.contestants)) {
    const name = `${contestant.name}, ${contestant.device}`;
    try {
      const tolerance = contestant.device === 'webgpu' ? WGSL_TOLERANCE : TOLERANCE;
      results.push({ name, difference: difference(await contestant.output(BATCH), expected), tolerance });
    } catch (error) {
      if (contestant.ours) throw error;
      console.error(`   ${name} does not run: ${error.message.split('\n')[0]}`);
    }
  }
  const { losses, norms, rates } = await ours.ask('train_check', { batch, steps: STEPS, folder: inputs });
  const theirs = await peer.ask('train_check', { folder: inputs, rates });
  results.push({ name: `losses of ${STEPS} training steps`, difference: difference(losses, theirs.losses) });
  results.push({ name: `gradients' norms of ${STEPS} training steps`, difference: difference(norms, theirs.norms) });
  const wrong = results.filter(({ difference, tolerance = TOLERANCE }) => !(difference <= tolerance));
  if (wrong.length > 0) {
    const list = wrong.map(({ name, difference }) => `${name}: ${difference} of the largest value`).join('; ');
    throw new Error(`these do not compute PyTorch's numbers: ${list}`);
  }
  return results;
}
