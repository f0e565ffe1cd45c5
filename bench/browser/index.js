// One contestant a page: `?contestant=ours|ort|tfjs`, with its options. The driver calls `bench`.

import { memory, watchGpu, watchMemory } from './watch.js';

const query = Object.fromEntries(new URLSearchParams(location.search));
// Before any of them makes its first module or device.
watchMemory();
const gpu = watchGpu();

const floats = async (path) => new Float32Array(await (await fetch(path)).arrayBuffer());

/** The contestant's `{ info, evaluate(n) }`, whose promise gives F, or what F can be computed from. */
async function open() {
  const { open } = await import(`./${query.contestant}.js`);
  const level = await (await fetch('/inputs/level.json')).json();
  return open({ ...query, threads: Number(query.threads ?? 1), level, floats });
}

const opened = open();
// Its failure is the driver's to hear of, when it asks.
opened.catch(() => {});

globalThis.bench = {
  info: async () => (await opened).info,

  output: async (n) => [...(await (await opened).output(n))],

  /** Seconds an evaluation, the mean of `repeat`; the result is read back each time. */
  async evaluate(n, repeat) {
    const contestant = await opened;
    const begin = performance.now();
    for (let i = 0; i < repeat; i++) await contestant.evaluate(n);
    return (performance.now() - begin) / 1e3 / repeat;
  },

  /** A whole run; ours only. */
  run: async (settings) => (await opened).run(settings),

  /** What one evaluation asks of the GPU. */
  async count(n) {
    const contestant = await opened;
    gpu.begin();
    await contestant.evaluate(n);
    return gpu.end();
  },

  memory: async () => ({ wasm: memory(), gpu: gpu.bytes() }),
};
