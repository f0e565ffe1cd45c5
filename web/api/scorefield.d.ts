// Types of scorefield.js. Settings have the names, ranges and defaults of the command line's flags.

import type { Settings } from './settings.js';

/** Weights: a shipped model's name (`'fashion'`), an address, a file, or bytes. */
export type Source = string | URL | Blob | ArrayBuffer | ArrayBufferView;

/** `auto`: WebGPU on a real GPU, else the CPU. `webgpu`: any adapter, or an error. */
export type DeviceChoice = 'auto' | 'webgpu' | 'cpu';
export type Device = 'webgpu' | 'cpu';

export type { SamplerName, Settings } from './settings.js';

export interface SampleOptions extends Omit<Settings, 'label'> {
  /** Class, counted from 0 or by its name; without it, whatever the model gives unconditionally. */
  label?: number | string | null;
  /** Ends the run; the loop over it throws a `ScorefieldError` with code `aborted`. */
  signal?: AbortSignal;
  /** Yield every so many steps, and the last; default 1. The steps between cost no readback. */
  every?: number;
  /** Keep the numbers of every step, for `step.values()`; default false. */
  values?: boolean;
  /** Known numbers, which the samples are held to. */
  inpaint?: Inpaint;
}

/**
 * Inpainting by replacement: after every update the known numbers are overwritten by their noised selves. Approximate;
 * `pc` with `corrector_steps` brings the rest nearer to what the known ones imply.
 */
export interface Inpaint {
  /** One sample, or one for each of the run's: images \[c, h, w\] in \[−1, 1\], flattened. */
  image: Float32Array;
  /** 1 where a number is known, 0 where it is to be generated: one for each pixel, or for each number of a sample. */
  mask: Float32Array;
}

/** How the probability flow between data and codes is followed. */
export interface FlowOptions {
  /** Class, counted from 0 or by its name; without it the unconditional score. */
  label?: number | string | null;
  /** Relative tolerance of the solver; 1e-12 to 1, default 1e-5. */
  rtol?: number;
  /** Absolute tolerance of the solver; default 1e-5. */
  atol?: number;
  /** Time of the data; default 1e-5. */
  t_end?: number;
  /** Ends the work between two steps of the solver; the promise is rejected with code `aborted` at once. */
  signal?: AbortSignal;
}

export interface DecodeOptions extends FlowOptions {
  /** Multiplies the codes: below 1 samples lie nearer to the modes; 0 to 10, default 1. */
  temperature?: number;
  /** Codes whose mean an edit leads from; with `to`. */
  from?: Float32Array;
  /** Codes whose mean an edit leads to; with `from`. */
  to?: Float32Array;
  /** How far an edit goes from the one mean towards the other; default 1. */
  strength?: number;
}

export interface InterpolateOptions extends FlowOptions {
  /** Samples from `a` to `b`, its own included and that of `b` not; 1 to 1000, default 8. */
  frames?: number;
  /** Multiplies the codes; 0 to 10, default 1. */
  temperature?: number;
}

export interface LikelihoodOptions extends FlowOptions {
  /**
   * `exact` takes a pass for every dimension where there is no closed form; `hutchinson` is an unbiased estimate. Default:
   * exact of mixtures and in up to 16 dimensions, else hutchinson.
   */
  divergence?: 'exact' | 'hutchinson';
  /** Of Hutchinson's estimate: the law of its probes, default `rademacher`, how many, default 1, and their seed, default 0. */
  probe?: 'rademacher' | 'gaussian';
  probes?: number;
  seed?: number;
}

export interface LogLikelihood {
  /** log p in nats, one a sample. */
  logLikelihood: Float64Array;
  /** The mean in bits a dimension, of a density: no dequantisation, no offset. */
  bitsPerDim: number;
  /** Evaluations of the score, of the batch of 64 that took the most. */
  nfe: number;
  /** What was computed, and how, in the fields of `scorefield likelihood --json`. */
  protocol: {
    estimate: string;
    divergence: 'exact' | 'hutchinson';
    probes?: number;
    ends: [number, number];
    rtol: number;
    atol: number;
    dequantisation: 'none';
    offset: 0;
    dimensions: number;
    process: { kind: string; [field: string]: unknown };
    prior_std: number;
    batch: number;
    steps: number;
    rejected: number;
  };
}

export interface Progress {
  /**
   * `weights` and `engine` download; `device` opens; `model` is prepared; `ready`. A GPU's `pipelines` are built with the
   * model, and before the first step of a run of sizes that are new to it.
   */
  phase: 'weights' | 'engine' | 'device' | 'model' | 'pipelines' | 'ready';
  /** Bytes so far; of `pipelines`, stages. */
  loaded?: number;
  /** Bytes or stages in all, where that is known. */
  total?: number;
  /** The weights came out of the cache. */
  cached?: boolean;
  device?: Device;
  reason?: string;
}

export interface LoadOptions {
  device?: DeviceChoice;
  signal?: AbortSignal;
  onProgress?: (event: Progress) => void;
  /** The most bytes to accept; default 64 MiB, what the engine takes. */
  maxBytes?: number;
  /**
   * The file's SHA-256 in hex, where it is not a shipped model's. Where it cannot be computed (a page that is not served
   * securely), loading with it is an error with code `hash`.
   */
  sha256?: string;
  /**
   * Whether an address may be of another site than the page, or redirect there; default true, for addresses that a page's
   * author wrote. A page that takes addresses from its visitors or from links sets false, and asks (see {@link resolve}).
   */
  allowForeign?: boolean;
  /** Milliseconds without an answer after which a worker is replaced; 0 for never, default 120000. */
  timeout?: number;
  /**
   * Workers among which the CPU shares the samples of a run, 1 to 64; default `'auto'`, one for each of the machine's cores,
   * and at most 8. The pictures do not depend on it. `ode` and `norms: 'batch'`, whose samples depend on one another,
   * mixtures and WebGPU use one.
   */
  workers?: 'auto' | number;
}

/**
 * Downloads the weights and the engine, opens a device, and loads the model. Where the source is not known yet, a promise of
 * it lets the engine start meanwhile.
 */
export function load(source: Source | Promise<Source>, options?: LoadOptions): Promise<Model>;

/** What a source is, before anything is fetched. */
export interface Resolved {
  /** A shipped model's name, an address, or the data themselves. */
  kind: 'name' | 'address' | 'data';
  /** The model's name, or that of the file. */
  name: string;
  /** The address that would be fetched; of an address only. */
  url: string | null;
  /** The address's origin, or its scheme where it has none (`data:`); of an address only. */
  site: string | null;
  /** Another site than the page's. */
  foreign: boolean;
}

/** What `load` makes of a source: an address is resolved against the page. An error with code `not-found` where it is none. */
export function resolve(source: Source): Resolved;

export interface Adapter {
  vendor?: string;
  architecture?: string;
  device?: string;
  description: string;
  /** It computes in software. */
  software: boolean;
}

/** What a model's file says of itself. A mixture has only `kind`, `process` and `data` with `name`, `shape` and `classes`. */
export interface Manifest {
  kind: 'network' | 'mixture';
  version: number;
  architecture: { kind: string; [field: string]: unknown };
  process: { kind: string; [field: string]: unknown };
  parameterisation: { kind: string; [field: string]: unknown };
  data: { name: string; shape: [number, number, number]; range: [number, number]; classes: string[]; licence: string };
  training: { steps: number; batch: number; seed: number; ema: number; hours: number; [field: string]: unknown };
}

/**
 * A loaded model. Events: `recover` (a worker died and others go on; `detail.kind`, `detail.reason`) and
 * `device` (the device changed; `detail.device`, `detail.reason`).
 */
export class Model extends EventTarget {
  private constructor();
  readonly name: string;
  readonly title: string;
  /** SHA-256 of the file; null where the browser cannot compute it. */
  readonly sha256: string | null;
  readonly manifest: Manifest;
  readonly device: Device;
  /** Why it is not WebGPU; empty when it is. */
  readonly reason: string;
  readonly adapter: Adapter | null;
  /** Whether the GPU draws a network's frames itself, without a readback; and if not, why. */
  readonly frames: { drawn: boolean; reason: string };
  /** `mixture` is an exact score, from a TOML file. */
  readonly kind: 'network' | 'mixture';
  /** Channels, height, width; of a mixture in d dimensions 1, 1, d. */
  readonly shape: [number, number, number];
  readonly classes: string[];
  /** Workers that share a run's samples; 1 on WebGPU. */
  readonly workers: number;
  /** Starts a run; nothing is computed until it is iterated. */
  sample(options?: SampleOptions): Run;
  /** The score ∇ₓ log pₜ(x) of each row of `x` (n·channels·height·width values), t from 0 (data) to 1 (noise). */
  score(x: Float32Array, t: number, label?: number | string | null): Promise<Float32Array>;
  /** The latent codes of each row of `x`: x at t = 1 by the probability flow, one to one. */
  encode(x: Float32Array, options?: FlowOptions): Promise<Float32Array>;
  /** The data of latent codes, which are edited before that, if asked, and multiplied by the temperature. */
  decode(codes: Float32Array, options?: DecodeOptions): Promise<Float32Array>;
  /** Data on the arc between the codes of two samples (slerp): `frames` + 1 rows, both ends included. */
  interpolate(a: Float32Array, b: Float32Array, options?: InterpolateOptions): Promise<Float32Array>;
  /**
   * log p of each row of `x` by the flow's change of variables: exact of mixtures and of networks of kind mlp; of other
   * networks by gradients, for which an engine of 1 MB is fetched and works on the CPU.
   */
  logLikelihood(x: Float32Array, options?: LikelihoodOptions): Promise<LogLikelihood>;
  /** Bytes of WebAssembly memory, in all workers that sample. */
  memory(): Promise<{ wasm: number }>;
  /** Ends the workers; runs that wait end with an error. */
  dispose(): void;
}

/** A run. If one of its workers dies, others replay it up to the last step that was seen, and go on. */
export class Run implements AsyncIterable<Step> {
  private constructor();
  readonly state: 'ready' | 'running' | 'paused' | 'done' | 'cancelled' | 'error';
  pause(): void;
  resume(): void;
  /** Ends the run and the loop over it, without an error. */
  cancel(): void;
  [Symbol.asyncIterator](): AsyncIterator<Step, undefined>;
}

/** What a canvas shows: the sample xₜ, or Tweedie's estimate of the clean one. */
export type Kind = 'x' | 'denoised';

export interface DrawOptions {
  /** Images a row; default as near a square as it gets. */
  columns?: number;
  /** Image pixels between images; default 1. */
  gap?: number;
  /** Canvas pixels per image pixel, from 1; default 1, for CSS to scale (`image-rendering: pixelated`). */
  scale?: number;
}

export class Step {
  private constructor();
  /** Updates done, from 1; the final denoising counts as one. */
  readonly index: number;
  readonly total: number | null;
  /** From 0 to 1. */
  readonly progress: number;
  /** Time after the update, and σ(t). */
  readonly t: number;
  readonly sigma: number;
  /** Network evaluations so far; guidance counts as two. */
  readonly nfe: number;
  /** Milliseconds that the step and its frame took. */
  readonly ms: number;
  /** This is the last step. */
  readonly done: boolean;
  /** Mean acceptance probability so far, of samplers that accept or reject moves; null of others. */
  readonly acceptance: number | null;
  /** Pictures: one a sample, or one of all points of a mixture. */
  readonly n: number;
  readonly channels: number;
  readonly width: number;
  readonly height: number;
  /** RGBA, samples first: n·height·width·4 bytes. Not to be changed. A frame that the GPU has drawn is read back in each call. */
  pixels(kind?: Kind): Uint8ClampedArray;
  /** The numbers, samples first; only of a run that was started with `values: true`. */
  values(kind?: Kind): Float32Array;
  draw(canvas: HTMLCanvasElement | OffscreenCanvas, options?: DrawOptions & { kind?: Kind }): void;
  /**
   * Keeps a GPU's frame in memory of its own, so that it outlives the GPU's device: for steps that are shown again later. It
   * waits for a readback, about a millisecond; elsewhere, and the second time, nothing happens. The last step needs none.
   */
  keep(): void;
  /** The frame went with the GPU that had drawn it: drawing it leaves the canvas as it is, and `pixels` is an error. */
  readonly lost: boolean;
  /** Gives a GPU's frame back now instead of when the step is collected; it cannot be drawn or read any more. */
  close(): void;
}

export interface Frame {
  pixels: Uint8ClampedArray;
  n: number;
  width: number;
  height: number;
}

/** Draws a frame as a grid. */
export function draw(canvas: HTMLCanvasElement | OffscreenCanvas, frame: Frame, options?: DrawOptions): void;
/** A frame as a PNG file, 8 pixels an image pixel unless said otherwise; in a page or in a worker. */
export function toPng(frame: Frame, options?: DrawOptions): Promise<Blob>;

export interface ModelEntry {
  name: string;
  title: string;
  file: string;
  url: string;
  bytes: number;
  sha256: string;
  default?: boolean;
}

/** The models beside scorefield.js. */
export function models(): Promise<ModelEntry[]>;

/** What is available here, and why not. */
export function devices(): Promise<{
  webgpu: { available: boolean; software: boolean; reason: string; adapter: Adapter | null };
  cpu: { available: boolean; reason: string };
}>;

export type ErrorCode =
  /** A setting is unknown or out of range. */
  | 'setting'
  /** The weights file is not a good one. */
  | 'weights'
  /** It is not a weights file at all: a web page, a ZIP archive. */
  | 'not-weights'
  /** It is shorter than it should be. */
  | 'truncated'
  | 'too-large'
  /** Its SHA-256 is not the index's. */
  | 'hash'
  | 'not-found'
  /** An address of another site, or one that leads there, where `allowForeign` is false. */
  | 'foreign'
  | 'network'
  /** No such device, or it cannot run the model. */
  | 'device'
  | 'device-lost'
  /** The engine cannot be loaded, or stopped more often than it was replaced. */
  | 'engine'
  | 'timeout'
  /** The run produced NaN or infinity. */
  | 'not-finite'
  | 'aborted'
  | 'disposed'
  | 'data'
  | 'io'
  | 'run';

export class ScorefieldError extends Error {
  constructor(code: ErrorCode, what: string, more?: { where?: string; remedy?: string; cause?: unknown });
  readonly code: ErrorCode;
  readonly what: string;
  readonly where: string;
  readonly remedy: string;
}
