// What a table has to name: the processor, and the versions of everything that was measured. No names of hosts or folders.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';

/** The instruction sets that some contestant has kernels for. */
const FEATURES = ['sse4_1', 'avx', 'f16c', 'fma', 'avx2', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_tile', 'asimd', 'asimddp', 'sve'];

const attempt = (read, fallback = null) => {
  try {
    return read();
  } catch {
    return fallback;
  }
};

export function machine() {
  const info = attempt(() => readFileSync('/proc/cpuinfo', 'utf8'), '');
  const flags = new Set((info.match(/^(?:flags|Features)\s*:\s*(.*)$/m)?.[1] ?? '').split(' '));
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    features: FEATURES.filter((name) => flags.has(name)),
    memory: totalmem(),
    system: `${platform()} ${release().split('-')[0]} ${arch()}`,
    virtual: flags.has('hypervisor'),
    load: loadavg()[0],
  };
}

export function versions(root, packages) {
  const lock = readFileSync(join(root, 'Cargo.lock'), 'utf8');
  const crate = (name) => lock.match(new RegExp(`name = "${name}"\\nversion = "([^"]*)"`))?.[1];
  const npm = (name) => JSON.parse(readFileSync(join(packages, name, 'package.json'), 'utf8')).version;
  const said = (program, ...args) => attempt(() => execFileSync(program, args, { cwd: root, encoding: 'utf8' }).trim());
  const commit = said('git', 'rev-parse', '--short', 'HEAD');
  const changed = said('git', 'status', '--porcelain', '--untracked-files=no');
  return {
    scorefield: crate('scorefield'),
    commit: commit && (changed ? `${commit} and changes` : commit),
    rustc: said('rustc', '--version')?.split(' ')[1],
    burn: crate('burn'),
    node: process.versions.node,
    'onnxruntime-web': npm('onnxruntime-web'),
    tfjs: npm('@tensorflow/tfjs-core'),
  };
}
