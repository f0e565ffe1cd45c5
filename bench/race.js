// Alternating measurements: one of each contestant a round, so that whatever else the machine does falls on all of them.

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, 1e3 * seconds));

/** Seconds between two measurements: the last one's threads spin for a while before they sleep. */
const PAUSE = 0.06;
/** Seconds that one measurement lasts at least, by repetition. */
const LEAST = 0.1;
const FEWEST = 3;

export const quantile = (values, p) => {
  const sorted = [...values].sort((a, b) => a - b);
  const at = p * (sorted.length - 1);
  const low = Math.floor(at);
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
};

/**
 * The first contestant is ours. A contestant that fails is out, and its `failed` says why; ours may not fail.
 *
 * @param {{name: string, measure: (repeat: number) => Promise<number>}[]} contestants `measure` gives seconds
 * @param {{rounds: number, budget: number}} limits rounds at most, of about so many seconds in all
 */
export async function race(contestants, { rounds, budget }) {
  const results = [];
  for (const { name, measure } of contestants) {
    const result = { name, measure, times: [] };
    results.push(result);
    try {
      // The first builds kernels, packs weights, fills caches; the second may still.
      let seconds = Math.min(await measure(1), await measure(1));
      if (seconds < 1) seconds = await measure(1);
      result.repeat = Math.min(100, Math.max(1, Math.ceil(LEAST / seconds)));
      result.estimate = result.repeat * seconds;
    } catch (error) {
      if (results.length === 1) throw error;
      result.failed = error.message.split('\n')[0];
    }
  }
  const running = results.filter(({ failed }) => !failed);
  const round = running.reduce((sum, { estimate }) => sum + estimate + PAUSE, 0);
  const count = Math.min(rounds, Math.max(FEWEST, Math.floor(budget / round)));
  for (let i = 0; i < count; i++) {
    for (const { measure, repeat, times } of running) {
      await sleep(PAUSE);
      times.push(await measure(repeat));
    }
  }
  const [ours] = results;
  return results.map(({ name, failed, times, repeat }) => {
    if (failed) return { name, failed };
    const ratios = times.map((seconds, i) => ours.times[i] / seconds);
    return {
      name,
      median: quantile(times, 0.5),
      quartiles: [quantile(times, 0.25), quantile(times, 0.75)],
      ratio: ours.times === times ? null : quantile(ours.times, 0.5) / quantile(times, 0.5),
      ratioQuartiles: ours.times === times ? null : [quantile(ratios, 0.25), quantile(ratios, 0.75)],
      rounds: count,
      repeat,
      times,
    };
  });
}
