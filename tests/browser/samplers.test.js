// Every sampler by its name: on the shipped model, and on an exact mixture with the same numbers as natively.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { schema } from '../../web/api/schema.js';
import { open } from './browser.js';
import { command } from './native.js';
import { readNpy } from './npy.js';
import { root } from './server.js';
import { useBrowser, useFolder, useServer } from './setup.js';

const MIXTURE = 'tests/reference/mixture2d.toml';
/** The runs and their numbers, written and checked by the native test `samplers::the_numbers_are_those_that_browsers_are_held_to`. */
const NATIVE = JSON.parse(readFileSync(join(root, 'tests', 'browser', 'samplers.json'), 'utf8'));
const NETWORK = schema.samplers.map(({ name, steps }) => ({ sampler: name, n: 1, seed: 5, ...(steps === null ? {} : { steps: 50 }) }));
/** One of each family. */
const ON_WEBGPU = ['heun', 'ode', 'dpm++2m', 'pc', 'ancestral', 'ddpm', 'mala', 'annealed-langevin'];

const server = await useServer();
const folder = useFolder();

/** Samples of the command line, or the error that it ends with. */
function native(model, settings) {
  const [file, first] = command();
  const out = join(folder, 'out.npy');
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name.replaceAll('_', '-')}`, String(value)]);
  const args = [...first, 'sample', '--model', model, '--npy', out, '--device', 'cpu', '--json', ...flags];
  if (model === 'fashion') args.push('--out', join(folder, 'out.png'));
  try {
    execFileSync(file, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    return { error: String(error.stderr) };
  }
  return { values: readNpy(readFileSync(out)).values };
}

/** The same in the browser: a list of runs, one after another. */
async function inBrowser(browser, device, source, runs) {
  const page = await open(browser, `${server.origin}/tests/browser/blank.html`);
  const found = await page.evaluate(
    async ([origin, device, source, runs]) => {
      const { load } = await import(`${origin}/scorefield.js`);
      const model = await load(source, { device });
      const results = [];
      for (const settings of runs) {
        try {
          let last;
          for await (const step of model.sample({ ...settings, values: true, every: 1000 })) last = step;
          results.push({ values: [...last.values()], nfe: last.nfe });
        } catch (error) {
          results.push({ error: error.message });
        }
      }
      const used = model.device;
      model.dispose();
      return { used, results };
    },
    [server.origin, device, source, runs],
  );
  assert.equal(found.used, device);
  await page.context().close();
  return found.results;
}

/** Root mean square of the difference, in the unit of the values. */
function distance(a, b) {
  assert.equal(a.length, b.length);
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0) / a.length);
}

test('every sampler on a mixture, in the browser’s CPU as natively', async () => {
  assert.deepEqual(new Set(NATIVE.map(({ settings }) => settings.sampler)), new Set(schema.samplers.map(({ name }) => name)));
  const browser = await useBrowser();
  const found = await inBrowser(browser, 'cpu', `${server.origin}/${MIXTURE}`, NATIVE.map(({ settings }) => settings));
  NATIVE.forEach(({ settings, values }, i) => {
    assert.equal(found[i].error, undefined, `${settings.sampler}: ${found[i].error}`);
    // f32 on both, with sums and elementary functions of another order: an SDE’s 50 steps amplify a few units in the
    // last place, a Metropolis test none, unless a move is on its edge.
    const off = distance(found[i].values, values);
    assert.ok(off < 1e-3, `${settings.sampler}, ${settings.steps} steps: ${off}`);
  });
  await browser.close();
});

test('every sampler on the shipped model, or a named reason', async () => {
  const browser = await useBrowser();
  const found = await inBrowser(browser, 'cpu', 'fashion', NETWORK);
  schema.samplers.forEach(({ name, needsDensity, stays }, i) => {
    if (needsDensity) {
      assert.match(found[i].error ?? '', new RegExp(`${name}.*log-density`), name);
      return;
    }
    assert.equal(found[i].error, undefined, `${name}: ${found[i].error}`);
    // A picture: most of its values lie where pixels do. (That it shows its class, the native test asks a judge.)
    // Dynamics at the lowest level stay in the noise that they start from.
    const inside = found[i].values.filter((value) => Math.abs(value) <= 1.2).length / found[i].values.length;
    if (!stays) assert.ok(inside > 0.95, `${name}: ${inside}`);
  });
  // One of each kind of answer is compared with the command line's.
  for (const sampler of ['heun', 'ddpm']) {
    const i = NETWORK.findIndex((run) => run.sampler === sampler);
    const off = distance(found[i].values, native('fashion', NETWORK[i]).values);
    assert.ok(off < 1e-3, `${sampler}: ${off}`);
  }
  assert.match(native('fashion', { sampler: 'mala', steps: 2 }).error, /mala[^]*log-density/);
  await browser.close();
});

test('a setting that does not apply is refused by name, with those that do', async () => {
  const browser = await useBrowser();
  const runs = [
    { sampler: 'heun', eta: 0 },
    { sampler: 'ode', steps: 50 },
    { sampler: 'pc', corrector: 'ald', norms: 'batch' },
    { sampler: 'heun', steps: 2, t_end: null, label: null },
  ];
  const found = await inBrowser(browser, 'cpu', `${server.origin}/${MIXTURE}`, runs);
  assert.match(found[0].error, /eta.*heun takes.*steps/);
  assert.match(found[1].error, /steps.*ode takes.*rtol/);
  assert.match(found[2].error, /norms.*corrector is langevin/);
  assert.equal(found[3].error, undefined);
  await browser.close();
});

test('one sampler of each family on WebGPU', async () => {
  const browser = await useBrowser({ gpu: true });
  const chosen = NATIVE.filter(({ settings: { sampler, steps } }) => ON_WEBGPU.includes(sampler) && [10, undefined].includes(steps));
  assert.equal(chosen.length, ON_WEBGPU.length);
  const found = await inBrowser(browser, 'webgpu', `${server.origin}/${MIXTURE}`, chosen.map(({ settings }) => settings));
  chosen.forEach(({ settings, values }, i) => {
    assert.equal(found[i].error, undefined, `${settings.sampler}: ${found[i].error}`);
    const off = distance(found[i].values, values);
    // exp and sqrt are the GPU's own, some units in the last place, and an adaptive solver may take other steps.
    assert.ok(off < 5e-3, `${settings.sampler}: ${off}`);
  });
  await browser.close();
});
