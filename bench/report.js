// The tables, as Markdown.

const ms = (seconds) => {
  const value = 1e3 * seconds;
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
};
const megabytes = (bytes) => (bytes ? `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB` : '–');
const row = (cells) => `| ${cells.join(' | ')} |`;
const table = (head, rows) => [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

/** Median with quartiles, and ours ÷ it. */
function cell(result) {
  if (!result) return '';
  if (result.failed) return `does not run: ${result.failed}`;
  const [low, high] = result.quartiles.map(ms);
  const ratio = result.ratio === null ? '' : ` · **${result.ratio.toFixed(2)}**`;
  return `${ms(result.median)} (${low}–${high})${ratio}`;
}

/** Contestants down, sizes across. */
function races(title, results, what) {
  const sizes = Object.keys(results);
  const names = [...new Set(sizes.flatMap((size) => results[size].map(({ name }) => name)))];
  const find = (name, size) => results[size].find((result) => result.name === name);
  const rows = names.map((name) => [name, ...sizes.map((size) => cell(find(name, size)))]);
  return table([title, ...sizes.map((size) => [what, size].filter(Boolean).join(' '))], rows);
}

function title({ machine, versions, native, torch, adapter, quick }) {
  const load = `load ${machine.load.toFixed(1)} at the start`;
  const place = `${machine.processor}, ${machine.cores} cores${machine.virtual ? ' of a virtual machine' : ''}`;
  const software = adapter.software ? ', in software' : '';
  return [
    `${place}, ${megabytes(machine.memory)}, ${machine.system}, ${load}; ${machine.features.join(' ')}.`,
    `Scorefield ${versions.scorefield}${versions.commit ? ` (${versions.commit})` : ''}, ${native.device}, rustc ${versions.rustc}, burn ${versions.burn};`,
    `PyTorch ${versions.torch} (${torch.threads} threads, ${torch.cpu_capability}${torch.mkldnn ? ', oneDNN' : ''}), Python ${versions.python};`,
    `onnxruntime-web ${versions['onnxruntime-web']}, tfjs ${versions.tfjs}, Chromium ${versions.chromium}, Node ${versions.node};`,
    `WebGPU on ${adapter.vendor} ${adapter.architecture ?? ''}${software}.${quick ? ' A quick run: few rounds.' : ''}`,
  ].join(' ');
}

function agreement({ agreement }) {
  const list = agreement.map(({ name, difference }) => `${name} ${difference.toExponential(0)}`);
  return `Same numbers first (largest difference from PyTorch’s, of the largest value): ${list.join('; ')}.`;
}

function counts(all) {
  const rows = [];
  const worked = (name, { dispatches, flops, read, written }) => {
    rows.push([name, dispatches, '', '', megabytes(read + written), `${(flops / 1e6).toFixed(0)} MFLOP`]);
  };
  for (const [batch, { least, account, browser }] of Object.entries(all)) {
    worked(`batch ${batch}: the least possible`, least);
    if (account) worked(`batch ${batch}: Scorefield, by its own account`, account);
    for (const [name, count] of Object.entries(browser)) {
      if (count.failed) rows.push([`batch ${batch}: ${name}`, count.failed, '', '', '', '']);
      else rows.push([`batch ${batch}: ${name}`, count.dispatches, count.submits, count.readbacks, megabytes(count.bound), '']);
    }
  }
  return table(['WebGPU, an evaluation', 'dispatches', 'submissions', 'readbacks', 'bytes', 'work'], rows);
}

function runs(list) {
  const rows = list.map(({ where, steps, nfe, each, above }) => [
    `${where}, ${steps} steps`,
    nfe,
    ms(nfe * each),
    ms(each),
    above === undefined ? '' : `${(100 * above).toFixed(1)} %`,
  ]);
  return table(['Whole runs of Heun, 16 samples', 'evaluations', 'ms', 'ms per evaluation', 'above a bare evaluation'], rows);
}

function memory({ browser, native: processes }) {
  const native = table(
    ['Peak memory, native', 'weights loaded', 'after batch 16', 'after training steps of 128'],
    Object.entries(processes).map(([name, { loaded, evaluated, trained }]) => [name, ...[loaded, evaluated, trained].map(megabytes)]),
  );
  const rows = Object.entries(browser).map(([name, { wasm, gpu }]) => [name, megabytes(wasm), megabytes(gpu)]);
  return rows.length > 0 ? `${native}\n\n${table(['Memory, browser', 'WebAssembly', 'GPU buffers'], rows)}` : native;
}

function start({ sizes, firstFrame }) {
  const modules = table(['Module', 'raw', 'gzip -9'], sizes.map(({ name, raw, gzip }) => [name, megabytes(raw), megabytes(gzip)]));
  if (!firstFrame) return modules;
  const middle = firstFrame[Math.floor(firstFrame.length / 2)];
  const parts = Object.entries(middle.parts).map(([name, time]) => `${name} ${time.toFixed(0)}`);
  const range = `${firstFrame[0].milliseconds.toFixed(0)}–${firstFrame.at(-1).milliseconds.toFixed(0)}`;
  const line = `From a cold page to its first denoised frame, CPU path, local server: ${middle.milliseconds.toFixed(0)} ms (median of ${firstFrame.length}: ${range}); when each part was done: ${parts.join(', ')}.`;
  return `${modules}\n\n${line}`;
}

/** All that was measured. */
export function markdown(report) {
  const { races: all, notes } = report;
  const sections = [
    title(report),
    agreement(report),
    'Milliseconds: median (quartiles) · **ours ÷ it**; below 1 Scorefield is faster. One evaluation of the shipped network, unless another thing is named.',
    all.native && races('Native, CPU', all.native, 'batch'),
    all.train && races('Training step: forward, backward, clipping, Adam, average', all.train, 'batch'),
    all.lab && races('Training step of 2-128-128-128-2, batch 512', all.lab, ''),
    all.wasm && races('Browser, WebAssembly', all.wasm, 'batch'),
    all.webgpu && races('Browser, WebGPU', all.webgpu, 'batch'),
    all.resolution && races('Native, batch 4, fresh weights', all.resolution, 'side'),
    report.runs && runs(report.runs),
    report.counts && counts(report.counts),
    report.memory && memory(report.memory),
    report.sizes && start(report),
    ...notes,
    `The whole bench took ${(report.seconds / 60).toFixed(1)} minutes.`,
  ];
  return sections.filter(Boolean).join('\n\n');
}
