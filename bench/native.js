// The two contestants outside the browser.

import { execFileSync } from 'node:child_process';
import { root } from '../tests/browser/server.js';
import { start } from './processes.js';

/** The bench's executable: SCOREFIELD_BENCH_BIN, or what cargo builds. */
let binary = process.env.SCOREFIELD_BENCH_BIN;

function build() {
  const args = ['bench', '--bench', 'network', '--no-run', '--message-format=json-render-diagnostics'];
  const lines = execFileSync('cargo', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 28 });
  const artifacts = lines.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  return artifacts.find(({ executable, target }) => executable && target.name === 'network').executable;
}

/** Ours, by `benches/network`, on as many threads as there are cores, or fewer. */
export function native({ model }, threads) {
  binary ??= build();
  const env = threads ? { RAYON_NUM_THREADS: String(threads) } : {};
  return start([binary, model], { cwd: root, env });
}

/** PyTorch, by `bench/peers.py`. */
export async function torch({ python, model, compiled }, threads) {
  const script = `${root}/bench/peers.py`;
  const env = { OMP_NUM_THREADS: String(threads), PYTHONDONTWRITEBYTECODE: '1', TORCHINDUCTOR_CACHE_DIR: compiled };
  const { ask, close } = await start([python, script, 'serve', model, String(threads)], { cwd: root, env });
  const run = (...args) => execFileSync(python, [script, ...args], { cwd: root, env: { ...process.env, ...env }, stdio: 'pipe' });
  return {
    ask,
    close,
    /** The network as ONNX. */
    export: (out) => run('export', model, out),
    /** torch.compile, at the batches that it returns: it needs a C++ compiler. */
    async compile(x, c_noise) {
      const batches = [1, 16];
      await ask('prepare', { form: 'compiled' });
      for (const batch of batches) await ask('evaluate', { form: 'compiled', batch, x, c_noise });
      return batches;
    },
  };
}
