// Scorefield's engine, called as its worker calls it; with `api` the public API, workers and all.

export async function open({ device, api, level, floats }) {
  return api ? openApi(device) : openEngine(device, level, floats);
}

async function openEngine(device, level, floats) {
  const name = device === 'webgpu' ? 'engine-gpu' : 'engine';
  const module = await import(`/${name}.js`);
  await module.default({ module_or_path: `/${name}_bg.wasm` });
  let ended = null;
  const engine = await module.Engine.create(device, (event, { message }) => {
    if (event !== 'alive') ended = `${event}: ${message}`;
  });
  await engine.load(new Uint8Array(await (await fetch('/models/fashion.safetensors')).arrayBuffer()), 'fashion');
  const x = await floats('/inputs/x.f32');
  // The engine's score sees x before its preconditioning.
  const scale = Math.sqrt(level.variance);
  const noisy = x.map((value) => value * scale);
  const d = 28 * 28;
  const evaluate = async (n) => {
    const score = await engine.score(noisy.subarray(0, n * d), level.t, level.label);
    if (ended) throw new Error(ended);
    return score;
  };
  return {
    info: engine.device(),
    evaluate,
    /** F, from s = −x/V + (α·σ_d)/(σ√V)·F. */
    async output(n) {
      const score = await evaluate(n);
      return score.map((s, i) => ((s + noisy[i] / level.variance) * level.sigma * scale) / (level.alpha * level.sigma_data));
    },
  };
}

async function openApi(device) {
  const { load } = await import('/scorefield.js');
  const model = await load('fashion', { device });
  return {
    info: { device: model.device },
    async run(settings) {
      const begin = performance.now();
      let last;
      for await (const step of model.sample(settings)) last = step;
      return { seconds: (performance.now() - begin) / 1e3, nfe: last.nfe };
    },
  };
}
