// What a worker does: one engine, one model, any number of runs, one request at a time. Each kind of worker is a script
// with the engines that it may open (worker.js, lab.js). api/host.js describes the messages.

import { ScorefieldError } from '../api/errors.js';
import { optional } from '../api/optional.js';
import { canvasProblem } from './canvas.js';

/** What this script and the engine agree on: the number of src/browser/engine.rs. */
const BOUNDARY = 2;
/** Steps that a GPU may have before it when no frame is shown. */
const QUEUED = 8;
/** Drawn frames from one look at the numbers to the next. */
const UNREAD = 32;

/** The engines by name, each the script of its WebAssembly. */
let engines = {};
let engine = null;
/** Where a GPU draws its frames; null where they are read back. */
let canvas = null;
const runs = new Map();
const dropped = new Set();
let last = Promise.resolve();

/**
 * Answers the page from now on.
 *
 * @param {Record<string, object>} own the engines that this worker may open
 * @param {Record<string, Function>} [others] what it does besides, by the requests' types: `(request, worker) =>
 *   { value, transfer }`, where `worker.runs` holds what goes with a run
 */
export function serve(own, others = {}) {
  engines = own;
  Object.assign(handlers, others);
  self.addEventListener('message', ({ data }) => {
    if (data.type === 'drop') {
      // At once, not in turn: a step that is still to come must not start.
      dropped.add(data.run);
      last = last.then(() => release(data.run));
      return;
    }
    last = last.then(() => answer(data));
  });

  // A promise of the engine that nobody awaits: its end as well.
  self.addEventListener('unhandledrejection', (event) => emit('panic', { message: describe(event.reason) }));
}

/** What a request may use. */
const worker = () => ({
  engine,
  runs,
  isDropped: (run) => dropped.has(run),
  macrotask,
  alive: () => emit('alive', {}),
});

async function answer(request) {
  const { id, run, type } = request;
  try {
    const { value, transfer = [] } = await handlers[type](request, worker());
    self.postMessage({ id, run, value }, transfer);
  } catch (error) {
    // A trap or a borrow that a panic left behind: the instance is of no more use.
    const fatal = error instanceof WebAssembly.RuntimeError || panicked !== null;
    const { code, what, where, remedy } = ScorefieldError.from(error);
    self.postMessage({ id, run, error: { code, what: panicked ?? what, where, remedy, fatal } });
  }
}

const handlers = {
  /** Takes the lock whose release tells the page that this worker has died. */
  async hello({ lock }) {
    if (lock) {
      const held = () => {
        emit('held', {});
        return new Promise(() => {});
      };
      optional(() => navigator.locks.request(lock, held));
    }
    return { value: {} };
  },

  /**
   * Why a GPU cannot draw its frames on a canvas here; empty where it can. Before the engine has a device that could be
   * lost.
   */
  async canvas() {
    return { value: await canvasProblem() };
  },

  /** Opens the device with its compiled engine; without a problem, its frames are drawn on a canvas. */
  async create({ id, device, module, problem }) {
    const bindings = engines[device];
    await begin(bindings, module);
    emit('progress', { id, phase: 'device' });
    engine = await bindings.Engine.create(device === 'webgpu' ? device : 'cpu', emit);
    let reason = problem;
    if (!reason) {
      try {
        const own = new OffscreenCanvas(1, 1);
        engine.present(own);
        canvas = own;
      } catch (error) {
        reason = ScorefieldError.from(error).message;
      }
    }
    return { value: { ...engine.device(), frames: { drawn: canvas !== null, reason } } };
  },

  async load({ id, bytes, name }) {
    emit('progress', { id, phase: 'model' });
    const manifest = await engine.load(bytes, name);
    if (engine.prepare_model) {
      await prepare(engine.prepare_model(), { id });
      await engine.check();
    }
    return { value: manifest };
  },

  /** This worker's part of a run's samples; null where there is none for it. */
  async start({ id, run, settings, guide, part, parts }) {
    const started = engine.start(settings, guide, part, parts);
    if (!started) return { value: null };
    runs.set(run, started);
    if (engine.prepare_run) await prepare(engine.prepare_run(settings, guide), { id, run });
    return { value: started.info() };
  },

  /** `count` updates; the frame of the last one, if asked for. */
  async step({ run, count = 1, frame = true, values = false }) {
    const current = runs.get(run);
    let step = null;
    for (let i = 0; i < count && !(step && step.done); i++) {
      if (dropped.has(run) || !current) return { value: null };
      const begin = performance.now();
      step = await current.step();
      if (step === null) return { value: null };
      step.ms = performance.now() - begin;
      if (step.index % QUEUED === 0) await current.settle();
      if (count > 1) await macrotask();
    }
    if (!frame) return { value: step };
    const begin = performance.now();
    // Numbers that are asked for are read anyway; so are the last ones, to see that they are finite, and the last frame
    // is one to keep.
    const drawn = values || step.done ? null : await draw(current, step);
    const shown = drawn ?? (await current.frame(values));
    step.ms += performance.now() - begin;
    if (drawn) return { value: { ...step, ...drawn }, transfer: [drawn.bitmap] };
    const transfer = [shown.x, shown.denoised, ...Object.values(shown.values ?? {})].map((array) => array.buffer);
    return { value: { ...step, ...shown }, transfer };
  },

  async score({ x, t, label }) {
    const value = await engine.score(x, t, label ?? undefined);
    return { value, transfer: [value.buffer] };
  },

  /** Rows of data to codes. */
  async encode({ x, options, ...request }) {
    return rowsOf(await pull(engine.encode(x, options), request));
  },

  /** Rows of codes to data, edited before that if so asked. */
  async decode({ codes, edit, options, ...request }) {
    const { from, to, strength, temperature } = edit;
    const none = new Float32Array();
    const moved = await engine.edit(codes, from ?? none, to ?? none, strength, temperature);
    return rowsOf(await pull(engine.decode(moved, options), request));
  },

  /** Two samples, in rows, to the data on the arc between their codes. */
  async interpolate({ x, frames, temperature, options, ...request }) {
    const ends = await pull(engine.encode(x, options), request);
    if (ends === null) return { value: null };
    const arc = await engine.arc(ends, frames, temperature);
    return rowsOf(await pull(engine.decode(arc, options), request));
  },

  async likelihood({ x, options, ...request }) {
    const value = await pull(engine.likelihood(x, options), request, (work) => ({
      logLikelihood: work.values(),
      ...work.report(),
    }));
    return { value, transfer: value ? [value.logLikelihood.buffer] : [] };
  },

  async memory() {
    return { value: engine.memory() };
  },

  /** Gives back what no work needs now; and says what is still held. */
  async rest() {
    engine.rest?.();
    return { value: engine.memory() };
  },
};

/** Starts an engine, of the version that these scripts are of: a cache may have kept one file longer than another. */
async function begin(bindings, module) {
  const mixed = (found, cause) => {
    const remedy =
      'reload the page; if that does not help, clear the browser’s cache, or put all files of one build on the server';
    throw new ScorefieldError('engine', `the engine’s files are of two versions (${found})`, { remedy, cause });
  };
  try {
    await bindings.default({ module_or_path: module });
  } catch (error) {
    // Its WebAssembly asks for functions that its script has not.
    if (error instanceof WebAssembly.LinkError) mixed(error.message, error);
    throw error;
  }
  // An engine for the tests of the page has no number.
  const found = bindings.boundary?.() ?? BOUNDARY;
  if (found !== BOUNDARY) mixed(`the page speaks ${BOUNDARY}, the engine ${found}`);
}

/** A step's frame as a bitmap that the GPU has drawn; null where it cannot. */
async function draw(run, { index }) {
  if (!canvas) return null;
  let drawn;
  try {
    const sheet = run.draw();
    if (sheet === null) return null;
    drawn = { bitmap: canvas.transferToImageBitmap(), ...sheet };
  } catch (error) {
    canvas = null;
    console.warn(`frames are read back from now on: ${ScorefieldError.from(error).message}`);
    return null;
  }
  try {
    // Nothing else waits for the GPU.
    await run.settle();
    if (index % UNREAD === 0) await run.check();
  } catch (error) {
    drawn.bitmap.close();
    throw error;
  }
  return drawn;
}

/** Builds a GPU's pipelines, a stage at a time, until all are built or the run is dropped. */
async function prepare(work, { id, run = 0 }) {
  const total = work.left();
  for (let loaded = 0; loaded < total && !dropped.has(run); loaded++) {
    emit('progress', { id, phase: 'pipelines', loaded, total });
    await work.step();
    await macrotask();
  }
  work.free();
}

/** Work along the probability flow, a solver's step at a time: to its end, or null when it is dropped. */
async function pull(work, { id, run }, read = () => work.values()) {
  let value = null;
  while (!dropped.has(run)) {
    // What throws here is freed with the engine, or by the garbage collector.
    if (await work.step()) {
      value = read(work);
      break;
    }
    emit('progress', { id });
    await macrotask();
  }
  work.free();
  return value;
}

function rowsOf(values) {
  return { value: values, transfer: values ? [values.buffer] : [] };
}

function release(run) {
  runs.get(run)?.free();
  runs.delete(run);
  dropped.delete(run);
}

let panicked = null;

/** An event to the page; the engine calls it too. */
function emit(event, detail) {
  if (event === 'panic') panicked = detail.message;
  self.postMessage({ run: 0, ...detail, event });
}

/** Lets messages in (a promise alone would not). */
function macrotask() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}

function describe(reason) {
  return reason?.message ?? String(reason);
}
