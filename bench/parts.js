// What is measured, a function each: each puts its results into the report.
//
// All take the same context: `ours` and `peer` (processes), `browser`, `forms` of PyTorch's network, `level` and `x` of the
// evaluations, `limits` of a race, `batches`, `quick`, `report`.

import { native, torch } from './native.js';
import { quantile, race } from './race.js';
import * as start from './start.js';

const TRAINING = 128;
/** Points of a step in the lab. */
const LAB = 512;
const RUN = { sampler: 'heun', n: 16 };

const oursNative = ({ ours, x, level }, batch, shape) => ({
  name: 'Scorefield',
  measure: async (repeat) => (await ours.ask('evaluate', { batch, x, t: level.t, repeat, shape })).seconds,
});

const torchNative = ({ peer, x, level }, form, batch, shape) => ({
  name: `PyTorch, ${form}`,
  measure: async (repeat) => (await peer.ask('evaluate', { form, batch, x, c_noise: level.c_noise, repeat, shape })).seconds,
});

/** One evaluation natively, by batch. */
async function evaluation(context) {
  const { forms, compiled, batches, limits, report, say } = context;
  report.races.native = {};
  for (const batch of batches) {
    say(`native, batch ${batch}`);
    const torches = forms.filter((form) => form !== 'compiled' || compiled.includes(batch));
    report.races.native[batch] = await race([oursNative(context, batch), ...torches.map((form) => torchNative(context, form, batch))], limits);
  }
}

/** One training step natively. */
async function training({ ours, peer, forms, limits, report, say }) {
  say(`training, batch ${TRAINING}`);
  const trained = forms.filter((form) => form !== 'compiled');
  await ours.ask('train_prepare', { batch: TRAINING });
  for (const form of trained) await peer.ask('train_prepare', { form, batch: TRAINING });
  const contestants = [
    { name: 'Scorefield', measure: async (repeat) => (await ours.ask('train', { repeat })).seconds },
    ...trained.map((form) => ({ name: `PyTorch, ${form}`, measure: async (repeat) => (await peer.ask('train', { form, repeat })).seconds })),
  ];
  report.races.train = { [TRAINING]: await race(contestants, { ...limits, budget: 4 * limits.budget }) };
}

/** One training step of the score lab's network natively, by objective and threads; ours, implicit ÷ denoising. */
async function lab({ places, report, limits, say }) {
  report.races.lab = {};
  const forms = { denoising: ['eager'], implicit: ['reverse mode twice', 'forward mode'] };
  for (const threads of [...new Set([1, report.machine.cores])]) {
    const [ours, peer] = [await native(places, threads), await torch(places, threads)];
    for (const objective of Object.keys(forms)) {
      say(`lab, ${objective}, ${threads} thread(s)`);
      await ours.ask('lab_prepare', { objective, batch: LAB });
      for (const form of forms[objective]) await peer.ask('lab_prepare', { form, objective, batch: LAB });
      const contestants = [
        { name: 'Scorefield', measure: async (repeat) => (await ours.ask('lab', { objective, repeat })).seconds },
        ...forms[objective].map((form) => ({
          name: `PyTorch, ${form}`,
          measure: async (repeat) => (await peer.ask('lab', { form, objective, repeat })).seconds,
        })),
      ];
      report.races.lab[`${objective}, ${threads} thread(s)`] = await race(contestants, limits);
    }
    await Promise.all([ours.close(), peer.close()]);
  }
}

/** One evaluation natively, by resolution. */
async function resolution(context) {
  const { peer, quick, limits, report, say } = context;
  report.races.resolution = {};
  for (const side of quick ? [32] : [16, 32, 64]) {
    say(`resolution ${side}`);
    const shape = [1, side, side];
    const forms = ['default', 'channels-last'];
    for (const form of forms) await peer.ask('prepare', { form, shape });
    const contestants = [oursNative(context, 4, shape), ...forms.map((form) => torchNative(context, form, 4, shape))];
    report.races.resolution[side] = await race(contestants, limits);
  }
}

/** One evaluation in the browser, by batch. */
async function inBrowser(device, { browser, batches, limits, report, say }) {
  report.races[device] = {};
  // A software adapter takes a minute for the largest batches.
  for (const batch of device === 'webgpu' && report.adapter.software ? [1, 16] : batches) {
    say(`${device}, batch ${batch}`);
    const contestants = browser.contestants(device).map((contestant) => ({
      name: contestant.name,
      measure: (repeat) => contestant.evaluate(batch, repeat),
    }));
    report.races[device][batch] = await race(contestants, { ...limits, budget: 2 * limits.budget });
  }
}

/** What an evaluation asks of the GPU, as the browser sees it; and its work, from the architecture. */
async function counts({ ours, browser, batches, report, say }) {
  say('counting what is asked of the GPU');
  report.counts = {};
  for (const batch of batches) {
    const found = (report.counts[batch] = { ...(await ours.ask('counts', { batch })), browser: {} });
    for (const contestant of browser.contestants('webgpu')) {
      // A software adapter takes a minute for the others' largest batches, whose counts hold no surprise.
      if (report.adapter.software && !contestant.ours && batch > 1) continue;
      found.browser[contestant.name] = await contestant.count(batch).catch((error) => ({ failed: error.message.split('\n')[0] }));
    }
  }
}

/** Whole runs, natively by steps and beside as many bare evaluations; and by the public API in the browser. */
async function runs(context) {
  const { ours, browser, level, quick, limits, report, say } = context;
  say('whole runs');
  const evaluations = {};
  const run = (steps) => ({
    name: steps,
    async measure() {
      const { seconds, nfe } = await ours.ask('sample', { ...RUN, steps });
      evaluations[steps] = nfe;
      return seconds / nfe;
    },
  });
  const bare = oursNative(context, RUN.n);
  const [evaluation, ...results] = await race([bare, ...(quick ? [18] : [9, 18, 36]).map(run)], { ...limits, budget: 3 * limits.budget });
  const timed = results.map(({ name, median }) => {
    return { where: 'native', steps: name, nfe: evaluations[name], each: median, above: median / evaluation.median - 1 };
  });
  const api = browser.api();
  const settings = { ...RUN, steps: 18, seed: 1, label: level.label };
  const times = [];
  let nfe;
  for (let i = 0; i < (quick ? 2 : 6); i++) {
    const run = await api.run(settings);
    nfe = run.nfe;
    // The first one warms up.
    if (i > 0) times.push(run.seconds / nfe);
  }
  timed.push({ where: 'browser, CPU, every frame shown', steps: settings.steps, nfe, each: quantile(times, 0.5) });
  await api.close();
  report.runs = timed;
}

/** Peak memory of fresh processes, and what the browser's pages hold by now. */
async function memory({ browser, places, level, x, report, say }) {
  say('memory');
  const peaks = async (open, { evaluate, train, prepare }) => {
    const { ask, close } = await open();
    const peak = async () => (await ask('memory')).peak;
    const loaded = await peak();
    await ask('evaluate', { batch: 16, x, repeat: 3, ...evaluate });
    const evaluated = await peak();
    await ask('train_prepare', { batch: TRAINING, ...prepare });
    await ask('train', { repeat: 2, ...train });
    const trained = await peak();
    await close();
    return { loaded, evaluated, trained };
  };
  const form = { form: 'default' };
  const theirs = { evaluate: { ...form, c_noise: level.c_noise }, prepare: form, train: form };
  report.memory = {
    native: {
      Scorefield: await peaks(() => native(places), { evaluate: { t: level.t } }),
      PyTorch: await peaks(() => torch(places, report.machine.cores), theirs),
    },
    browser: {},
  };
  for (const contestant of browser.opened()) {
    report.memory.browser[`${contestant.name}, ${contestant.device}`] = await contestant.memory();
  }
}

/** What a visitor waits for. */
async function cold({ browser, places, quick, report, say }) {
  say('sizes and first frame');
  // Its processes would be in the way.
  await browser.close();
  report.sizes = start.sizes(places.packages);
  report.firstFrame = await start.firstFrame(quick ? 1 : 5);
}

/** By the names that `--only` takes, in this order. */
export const PARTS = {
  native: evaluation,
  train: training,
  lab,
  resolution,
  wasm: (context) => inBrowser('wasm', context),
  webgpu: (context) => inBrowser('webgpu', context),
  counts,
  memory,
  runs,
  cold,
};
export { TRAINING };
