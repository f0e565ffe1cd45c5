// The figure: panels of the plane and plots, drawn from what was measured (evaluate.js) and where particles are.

import { format } from '../page/words.js';
import { arrows, contours, cross, discs, dots, heat, trails } from './layers.js';
import { norm, regionNames, viewOf } from './measure.js';
import { Panel } from './panel.js';
import { Plot, power } from './plot.js';
import { ARROWS } from './evaluate.js';
import { noised } from './random.js';
import { themeOf, whenThemeChanges } from './theme.js';

/** Decades of the error's colours; nats of the density's. */
const [DECADES, NATS] = [3, 12];
const COLOURS = { a: 'first', b: 'second' };

export class Board {
  #root;
  #theme;
  #panels = {};
  #plots = {};
  #cells = {};
  #data = new Float32Array();
  /** Of the data: what was painted for others has to be painted again. */
  #version = 0;
  #view = { centre: [0, 0], extent: 2 };
  #shots = {};
  #frames = {};

  /** @param {ParentNode} root  @param {{signal: AbortSignal}} options */
  constructor(root, { signal }) {
    this.#root = root;
    const read = () => (this.#theme = themeOf(root.querySelector('.plate')));
    read();
    const options = { theme: () => this.#theme, signal };
    for (const name of ['truth', 'field-a', 'field-b', 'density', 'difference-a', 'difference-b']) {
      const canvas = this.#cell(name);
      this.#panels[name] = new Panel(canvas, { ...options, bar: /density|difference/.test(name) });
    }
    for (const name of ['loss', 'regions', 'levels']) this.#plots[name] = new Plot(this.#cell(name), options);
    whenThemeChanges(() => {
      read();
      for (const one of [...Object.values(this.#panels), ...Object.values(this.#plots)]) one.redraw();
    }, signal);
  }

  #cell(name) {
    const canvas = this.#root.querySelector(`canvas[data-figure="${name}"]`);
    this.#cells[name] = canvas.closest('.cell');
    return canvas;
  }

  panel(name) {
    return this.#panels[name];
  }

  get view() {
    return this.#view;
  }

  /** Other data: the square that all panels show follows them, unless it is given. */
  data(points, view = viewOf(points)) {
    this.#data = points;
    this.#version += 1;
    this.#view = view;
    for (const panel of Object.values(this.#panels)) panel.view = view;
  }

  /**
   * Which cells there are: what has nothing to show takes no room. `learned`: a network is looked at, not the true score
   * alone.
   */
  arrange({ two, truth, density, levels, learned }) {
    const shown = {
      truth: true,
      'field-a': true,
      'field-b': two,
      density,
      'difference-a': truth && learned,
      'difference-b': truth && two && learned,
      loss: learned,
      regions: truth && learned,
      levels: levels && learned,
    };
    this.#root.querySelector('.cells').classList.toggle('full', Boolean(two && learned));
    // In the first row, beside the fields: where there is one, its difference or else its loss.
    const third = two ? null : shown['difference-a'] ? 'difference-a' : 'loss';
    for (const [name, cell] of Object.entries(this.#cells)) {
      cell.hidden = !shown[name] || cell.dataset.kept === 'away';
      cell.classList.toggle('first', name === third);
    }
    const order = [...this.#root.querySelectorAll('.cell')].filter((cell) => !cell.hidden);
    const isFirst = (cell) => cell.matches('.first, .cell:not(.sliders ~ *)');
    order.sort((a, b) => isFirst(b) - isFirst(a));
    order.forEach(
      (cell, i) => (cell.querySelector('.letter').textContent = String.fromCharCode('a'.charCodeAt(0) + i)),
    );
  }

  /** Draws what was measured of each field; `follow`: which score the particles of a field follow. */
  fields(shots, noise, follow) {
    this.#shots = shots;
    const { a } = shots;
    if (!a) return this.#bare(noise);
    // One unit of length for all arrows: the typical score.
    const unit = norm(a.arrows.truth ?? a.arrows.learned);
    const cell = (2 * this.#view.extent) / ARROWS;
    const points = this.#noisy(a.level, noise);
    const known = a.arrows.truth !== null;
    // Both change with the level and the data alone.
    const key = this.#key(a.level);
    this.#panels.truth.ground(
      (context, frame, theme) => dots(context, frame, points, { colour: theme.soft, alpha: 0.5 }),
      key,
    );
    this.#panels.truth.base(
      (context, frame, theme) => {
        if (known) arrows(context, frame, a.arrows.points, a.arrows.truth, { colour: theme.ink, unit, cell });
      },
      { key },
    );
    this.#panels.truth.label(`Data${known ? ' and the true score' : ''} at ${levelWords(a)}`);
    for (const [name, shot] of Object.entries(shots)) {
      const vectors = follow[name] === 'truth' ? shot.arrows.truth : shot.arrows.learned;
      const own = this.#noisy(shot.level, noise);
      const panel = this.#panels[`field-${name}`];
      panel.ground(
        (context, frame, theme) => dots(context, frame, own, { colour: theme.soft, alpha: 0.28 }),
        this.#key(shot.level),
      );
      panel.base((context, frame, theme) => {
        if (vectors) arrows(context, frame, shot.arrows.points, vectors, { colour: theme[COLOURS[name]], unit, cell });
      });
      const which = follow[name] === 'truth' ? 'True' : 'Learned';
      const error = shot.error === null ? '' : `; relative error ${format(shot.error)}`;
      const title = Object.keys(shots).length > 1 ? ` ${name.toUpperCase()}` : '';
      panel.label(
        `${which} score${title} at ${levelWords(shot)}, after ${shot.step} steps${error}. Arrow keys move a cross, Enter releases particles there.`,
      );
      if (known) this.#difference(name, shot, unit);
    }
    this.#density(a);
    return undefined;
  }

  #bare(noise) {
    const points = this.#noisy({ alpha: 1, sigma: 0 }, noise);
    for (const panel of Object.values(this.#panels)) {
      panel.ground(() => {}, null);
      panel.base(() => {});
    }
    this.#panels.truth.ground(
      (context, frame, theme) => dots(context, frame, points, { colour: theme.soft, alpha: 0.6 }),
      null,
    );
  }

  #noisy(level, noise) {
    return noised(this.#data, noise, level);
  }

  /** ‖s − s*‖ in colours by its logarithm, over the same decades in both fields. */
  #difference(name, { cells }, unit) {
    const top = Math.ceil(Math.log10(unit) + 0.7);
    const count = cells.points.length / 2;
    const values = Float32Array.from({ length: count }, (_, i) => {
      const [u, v] = [cells.learned[2 * i] - cells.truth[2 * i], cells.learned[2 * i + 1] - cells.truth[2 * i + 1]];
      return (Math.log10(Math.hypot(u, v) + 1e-12) - top + DECADES) / DECADES;
    });
    const ticks = Array.from({ length: DECADES + 1 }, (_, i) => [i / DECADES, power(top - DECADES + i)]);
    const panel = this.#panels[`difference-${name}`];
    const bar = { ramp: this.#theme.ramps.error, ticks, label: '‖s − s*‖' };
    panel.base((context, frame, { ramps }) => heat(context, frame, values, ramps.error), { bar });
    panel.label(
      `Size of the difference between the learned and the true score${name === 'b' ? ', B' : ''}, as a heat map`,
    );
  }

  /** What is of the data at a level, whatever a network has learned. */
  #key({ alpha, sigma }) {
    return `${alpha} ${sigma} ${this.#version}`;
  }

  #density({ log, level }) {
    const values = log.learned ?? log.truth;
    if (!values) return;
    const most = values.reduce((a, b) => Math.max(a, b));
    const scaled = values.map((value) => (value - most + NATS) / NATS);
    const lines = Array.from({ length: NATS / 2 }, (_, i) => i / (NATS / 2));
    const panel = this.#panels.density;
    const ticks = [
      [0, `−${NATS}`],
      [0.5, `−${NATS / 2}`],
      [1, '0'],
    ];
    panel.base(
      (context, frame, theme) => {
        heat(context, frame, scaled, theme.ramps.density);
        contours(context, frame, scaled, lines, { colour: theme.soft });
      },
      { bar: { ramp: this.#theme.ramps.density, ticks, label: 'nats' }, key: log.learned ? null : this.#key(level) },
    );
    panel.label(
      `${log.learned ? 'Learned' : 'True'} log-density below its greatest value, in nats, with contours every 2 nats`,
    );
  }

  /** Draws particles: of each field the frames so far and the one that is shown. */
  particles(frames, aims) {
    this.#frames = frames;
    for (const name of ['a', 'b']) {
      this.#panels[`field-${name}`].top((context, frame, theme) => {
        const path = this.#frames[name];
        const colour = theme[COLOURS[name]];
        if (path) {
          const { all, last } = path;
          const many = all[last].length / 2;
          // The paths of many would hide the field.
          const length = many > 600 ? 0 : many > 80 ? 6 : 400;
          trails(context, frame, all, last, {
            colour: theme.ink,
            length,
            alpha: many > 80 ? 0.16 : 0.6,
          });
          discs(context, frame, all[last], { colour, rim: theme.page, radius: many > 300 ? 1.7 : 2.6 });
        }
        const place = aims[name]?.place;
        if (place) cross(context, frame, place, theme.ink);
      });
    }
  }

  /** What a hand draws or releases, before it is lifted. */
  sketch(name, points, aim) {
    this.#panels[name].top((context, frame, theme) => {
      discs(context, frame, points, { colour: theme.ink, rim: theme.page, radius: 2 });
      if (aim?.place) cross(context, frame, aim.place, theme.ink);
    });
  }

  loss(losses) {
    const series = Object.entries(losses).map(([name, list]) => ({
      name: name.toUpperCase(),
      colour: COLOURS[name],
      points: thin(list),
    }));
    const log = series.every(({ points }) => points.every(([, loss]) => loss > 0));
    this.#plots.loss.show(
      { x: { label: 'training step' }, y: { label: 'loss', log }, series },
      'Loss by training step',
    );
  }

  /** Errors by region of density. */
  regions(shots) {
    const series = Object.entries(shots).map(([name, { regions }]) => ({
      name: name.toUpperCase(),
      colour: COLOURS[name],
      points: (regions ?? []).flatMap((error, i) => (error === null ? [] : [[i, error]])),
    }));
    const words = series
      .map(({ points }) => points.map(([i, error]) => `${regionNames[i]} nats: ${format(error)}`).join(', '))
      .join('; ');
    const y = { label: '' };
    this.#plots.regions.show(
      { x: { label: 'nats below the mode', labels: regionNames }, y, series },
      `Relative error by region. ${words}`,
    );
  }

  /** Errors, or sizes of the score, by σ. */
  levels(curves, by) {
    const pick = (name) =>
      Object.entries(curves).map(([side, curve]) => ({
        name: side.toUpperCase(),
        colour: COLOURS[side],
        points: curve.flatMap((point) => (point[name] ? [[point.sigma, point[name]]] : [])),
      }));
    // Without a true score there is no error.
    const size = by === 'norm' || curves.a?.every(({ error }) => error === null);
    const series = size ? pick('learned') : pick('error');
    if (size && curves.a?.some(({ truth }) => truth)) {
      series.push({
        name: 'true',
        colour: 'soft',
        dash: [4, 3],
        points: curves.a.map(({ sigma, truth }) => [sigma, truth]),
      });
    }
    const what = size ? 'Size of the score' : 'Relative error of the score';
    this.#plots.levels.show(
      { x: { label: 'noise σ', log: true }, y: { label: '', log: true }, series },
      `${what} by noise σ`,
    );
  }
}

function levelWords({ t, level: { sigma } }) {
  return sigma ? `t = ${format(t)}, σ = ${format(sigma)}` : 'no noise';
}

/** At most 200 means of neighbouring losses. */
function thin(list) {
  const size = Math.max(1, Math.ceil(list.length / 200));
  const points = [];
  for (let i = 0; i < list.length; i += size) {
    const part = list.slice(i, i + size);
    points.push([part.at(-1).step, part.reduce((sum, { loss }) => sum + loss, 0) / part.length]);
  }
  return points;
}
