// Networks of points that are trained in the page.

import type { SampleOptions } from './scorefield.js';

/**
 * Fetches the engine with gradients (1 MB, compressed) into a worker of its own. Networks of one lab take turns; two that
 * are to train at once need two labs.
 */
export function openLab(options?: {
  signal?: AbortSignal;
  onProgress?: (event: { phase: string; loaded?: number; total?: number }) => void;
}): Promise<Lab>;

export interface Lab {
  /**
   * Begins to train.
   *
   * @param config a run's config with the keys of configs/lab/*.toml, such as
   *   `{ name: 'mine', data: { name: 'two-moons' }, model: { kind: 'mlp', dim: 2 }, objective: { kind: 'sliced' } }`; null
   *   for the one in `weights`
   */
  train(
    config: object | null,
    options?: {
      /** Points to train on in place of the config's data, `[n, d]`, n at least 8; the config then names `data.file`. */
      points?: Float32Array;
      /** A weights file to go on from. */
      weights?: Uint8Array;
    },
  ): Promise<Training>;
  /** Ends the worker, and all that is in it. */
  close(): void;
}

/** A network in training. Every request is answered in its turn. */
export interface Training {
  /** The config, with all that was left out. */
  readonly config: object;
  readonly parameters: number;
  /**
   * `count` optimiser steps, 1 by default. A loss that is not finite rejects with `not-finite`; the state is then
   * that before the step which it was the loss of.
   */
  step(count?: number): Promise<{ step: number; losses: number[]; seconds: number }>;
  /** The first `n` points that are trained on, `[n, d]`. */
  data(n: number): Promise<Float32Array>;
  /** ∇ₓ log pₜ at the rows of `x` by the averaged weights, and of the data's own density where it is known. */
  field(x: Float32Array, t: number): Promise<{ learned: Float32Array; truth: Float32Array | null }>;
  /** log pₜ at the rows of `x`, up to a constant; null where there is no density. */
  logDensity(x: Float32Array, t: number): Promise<{ learned: Float32Array | null; truth: Float32Array | null }>;
  /** Particles that a sampler moves by the learned score, or by the true one; from the prior, or from `from`, `[n, d]`. */
  sample(
    settings?: Omit<SampleOptions, 'signal' | 'every' | 'values' | 'inpaint'>,
    options?: { score?: 'learned' | 'truth'; from?: Float32Array },
  ): AsyncIterable<{ index: number; total: number | null; t: number; sigma: number; nfe: number; x: Float32Array }>;
  /** Begins anew: step 0, and the weights of the start. */
  reset(): Promise<void>;
  /** The averaged weights as a file (.safetensors), which the command line and `load` take. */
  export(): Promise<Uint8Array>;
  close(): Promise<void>;
}
