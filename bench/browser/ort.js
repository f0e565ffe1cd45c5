// onnxruntime-web: the twin's ONNX on its WebAssembly or its WebGPU provider.

const FOLDER = '/packages/onnxruntime-web/dist';

export async function open({ device, threads, level, floats }) {
  const ort = await import(`${FOLDER}/ort.${device === 'webgpu' ? 'webgpu' : 'wasm'}.min.mjs`);
  ort.env.wasm.wasmPaths = `${FOLDER}/`;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = 'error';
  const session = await ort.InferenceSession.create('/inputs/fashion.onnx', {
    executionProviders: [device],
    graphOptimizationLevel: 'all',
  });
  const x = await floats('/inputs/x.f32');
  const d = 28 * 28;
  const feeds = new Map();
  const feed = (n) => {
    if (!feeds.has(n)) {
      feeds.set(n, {
        x: new ort.Tensor('float32', x.slice(0, n * d), [n, 1, 28, 28]),
        c_noise: new ort.Tensor('float32', new Float32Array(n).fill(level.c_noise), [n]),
        label: new ort.Tensor('int64', new BigInt64Array(n).fill(BigInt(level.label)), [n]),
      });
    }
    return feeds.get(n);
  };
  const evaluate = async (n) => (await session.run(feed(n))).f.data;
  return { info: { threads: ort.env.wasm.numThreads, isolated: globalThis.crossOriginIsolated }, evaluate, output: evaluate };
}
