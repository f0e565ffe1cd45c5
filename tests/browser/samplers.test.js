// Every sampler by its name: on the shipped model and on an exact mixture, natively and in the browser, at 1, 2 and 50
// steps, with the same numbers.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SAMPLERS } from '../../web/page/settings.js';
import { launch, open } from './browser.js';
import { command } from './native.js';
import { readNpy } from './npy.js';
import { root, serve } from './server.js';

const MIXTURE = 'tests/reference/mixture2d.toml';
const STEPS = [1, 2, 50];
/** They accept a move by the log-density, which a network does not have. */
const NEED_A_DENSITY = ['mala', 'hmc'];
/** One of each family. */
const ON_WEBGPU = ['heun', 'ode', 'dpm++2m', 'pc', 'ancestral', 'ddpm', 'mala', 'annealed-langevin'];

let server;
let folder;
before(async () => {
  server = await serve();
  folder = mkdtempSync(join(tmpdir(), 'scorefield-samplers-'));
});
after(async () => {
  rmSync(folder, { recursive: true });
  await server.close();
});

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

const cases = (n, names = Object.keys(SAMPLERS)) => names.flatMap((sampler) => STEPS.map((steps) => ({ sampler, steps, n, seed: 5 })));

test('every sampler on a mixture, in the browser’s CPU as natively', async () => {
  const browser = await launch();
  const runs = cases(8);
  const found = await inBrowser(browser, 'cpu', `${server.origin}/${MIXTURE}`, runs);
  runs.forEach((settings, i) => {
    const { values, error } = native(MIXTURE, settings);
    assert.equal(error, undefined, `${settings.sampler}: ${error}`);
    assert.equal(found[i].error, undefined, `${settings.sampler}: ${found[i].error}`);
    // f32 on both, with sums and elementary functions of another order: an SDE’s 50 steps amplify a few units in the
    // last place, a Metropolis test none, unless a move is on its edge.
    const off = distance(found[i].values, values);
    assert.ok(off < 1e-3, `${settings.sampler}, ${settings.steps} steps: ${off}`);
  });
  await browser.close();
});

test('every sampler on the shipped model, or a named reason', async () => {
  const browser = await launch();
  const runs = cases(1);
  const found = await inBrowser(browser, 'cpu', 'fashion', runs);
  runs.forEach(({ sampler, steps }, i) => {
    if (NEED_A_DENSITY.includes(sampler)) {
      assert.match(found[i].error ?? '', new RegExp(`${sampler}.*log-density`), sampler);
      return;
    }
    assert.equal(found[i].error, undefined, `${sampler}: ${found[i].error}`);
    // A picture: most of its values lie where pixels do, and it has light and dark. Two steps of a stochastic sampler
    // leave noise, which is what they are.
    const inside = found[i].values.filter((value) => Math.abs(value) <= 1.2).length / found[i].values.length;
    if (steps === 50 && SAMPLERS[sampler].group === 'ODE') assert.ok(inside > 0.95, `${sampler}: ${inside}`);
  });
  // Natively the command line's own tests run them; one of each kind of answer is compared here.
  for (const name of ['heun', 'ddpm']) {
    const settings = runs.find((run) => run.sampler === name && run.steps === 2);
    const off = distance(found[runs.indexOf(settings)].values, native('fashion', settings).values);
    assert.ok(off < 1e-3, `${name}: ${off}`);
  }
  assert.match(native('fashion', { sampler: 'mala', steps: 2 }).error, /mala.*log-density/);
  await browser.close();
});

test('one sampler of each family on WebGPU', async () => {
  const browser = await launch({ gpu: true });
  const runs = ON_WEBGPU.map((sampler) => ({ sampler, steps: 10, n: 8, seed: 5 }));
  const found = await inBrowser(browser, 'webgpu', `${server.origin}/${MIXTURE}`, runs);
  runs.forEach((settings, i) => {
    assert.equal(found[i].error, undefined, `${settings.sampler}: ${found[i].error}`);
    const off = distance(found[i].values, native(MIXTURE, settings).values);
    // exp and sqrt are the GPU's own, some units in the last place, and an adaptive solver may take other steps.
    assert.ok(off < 5e-3, `${settings.sampler}: ${off}`);
  });
  await browser.close();
});
