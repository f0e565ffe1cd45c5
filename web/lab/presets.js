// What the literature says of scores, in its order: each preset is settings that show a claim, with what it says in a
// few sentences, and the numbers to look at. The page measures them; none is written here.

/** Where each claim is from. */
const NCSN = { name: 'Song & Ermon 2019', href: 'https://arxiv.org/abs/1907.05600' };
const SDE = { name: 'Song et al. 2021', href: 'https://arxiv.org/abs/2011.13456' };

/**
 * NCSN's toy mixture, and a ladder for it: as in the paper from 20 down, and beyond its 1, which would blur the modes.
 */
const TOY = { data: 'ncsn-mixture', activation: 'softplus', depth: '2', n: '1024' };
const LADDER = { sigma_min: '0.3', sigma_max: '20', levels: '14' };

/**
 * By name, in their order. `values`: settings; `rows` of the table of measurements (table.js); `split`: the normal of
 * the line whose sides are two modes.
 */
export const PRESETS = {
  'low-density': {
    title: 'Where there are no data, nothing is learned',
    text: [
      'Score matching weighs its error by the density of the data. Between and around the modes there are ' +
        'hardly any points, so there the network is free to say anything: the arrows of b leave those of a, and ' +
        'the error grows with every nat below the mode. A sampler that starts in such a place is led by noise.',
    ],
    cite: { ...NCSN, where: '§3.2.1' },
    values: {
      ...TOY,
      objective: 'sliced',
      train: '3000',
      from: 'uniform',
      sampler: 'ula',
      steps: '300',
      step_size: '0.05',
    },
    rows: ['modes', 'desert', 'error', 'speed'],
  },
  'mode-weights': {
    title: 'Langevin dynamics forget how heavy a mode is',
    text: [
      'Both fields follow the true score here; nothing is learned. Where two modes hardly touch, the score of ' +
        'their mixture does not depend on their weights, so plain Langevin dynamics (A) share the particles by ' +
        'whose basin they began in. With noise added and slowly taken away (B) the modes overlap at first, and ' +
        'the particles arrive in the right proportion.',
    ],
    cite: { ...NCSN, where: '§3.2.2' },
    values: {
      ...TOY,
      ...LADDER,
      compare: 'on',
      train: '0',
      from: 'uniform',
      score: 'truth',
      objective: 'denoising-at-one-level',
      sampler: 'ula',
      steps: '500',
      step_size: '0.1',
      'b.objective': 'ncsn',
      'b.sampler': 'annealed-langevin',
      'b.steps': '14',
      'b.level_steps': '40',
      'b.step_size': '0.009',
    },
    rows: ['share', 'distance', 'nfe'],
    split: [1, 1],
  },
  'noise-levels': {
    title: 'Noise fills the empty places',
    text: [
      'The same network learns the score at one small σ (A), and at a ladder of them from large to small (B). ' +
        'Large noise spreads the data over the whole plane, so that B has been trained wherever a particle may ' +
        'come from, and each level hands it on to the next. Released all over the square, A’s particles stay ' +
        'where its guesses send them.',
    ],
    cite: { ...NCSN, where: '§4' },
    values: {
      ...TOY,
      ...LADDER,
      compare: 'on',
      train: '3000',
      from: 'uniform',
      objective: 'denoising-at-one-level',
      sigma: '0.3',
      sampler: 'ula',
      steps: '500',
      step_size: '0.1',
      'b.objective': 'ncsn',
      'b.sampler': 'annealed-langevin',
      'b.steps': '14',
      'b.level_steps': '40',
      'b.step_size': '0.009',
    },
    rows: ['share', 'distance', 'error', 'nfe'],
    split: [1, 1],
  },
  manifold: {
    title: 'On a manifold the score explodes',
    text: [
      'These data lie on a line in the plane: across it their density is a spike, and without noise it has no ' +
        'score at all. With noise σ the score points back to the line with a size of about 1/σ: on the ' +
        'logarithmic axes of the plot by σ, a slope of −1 without end. A network varies smoothly and falls ' +
        'behind below some σ, however long it is trained; so every sampler stops at a smallest σ.',
    ],
    cite: { ...NCSN, where: '§3.1' },
    values: {
      data: 'line',
      objective: 'continuous',
      process: 've',
      sigma_min: '0.001',
      sigma_max: '3',
      train: '2000',
      t: '0.6',
      by: 'norm',
    },
    rows: ['small', 'large', 'slope'],
  },
  'implicit-denoising': {
    title: 'Two ways to the same score',
    text: [
      'Implicit score matching (A) needs no noise: it trades the unknown score of the data for the trace of ' +
        'the network’s Jacobian. Denoising (B) learns to take one small σ away, which costs less a step; but its ' +
        'target is noise of size 1/σ, and the smaller σ is, the more steps it takes to see through that. The ' +
        'table says what each costs here, and how far each is off.',
    ],
    cite: { name: 'Vincent 2011', href: 'https://doi.org/10.1162/NECO_a_00142', where: '§4' },
    values: {
      data: 'eight-gaussians',
      compare: 'on',
      objective: 'implicit',
      'b.objective': 'denoising-at-one-level',
      'b.sigma': '0.1',
      lr: '0.002',
      train: '3000',
      from: 'uniform',
      sampler: 'ula',
      steps: '200',
      step_size: '0.02',
    },
    rows: ['error', 'modes', 'desert', 'speed'],
  },
  'sde-flow': {
    title: 'One field, with noise and without',
    text: [
      'The reverse diffusion (A) and the probability flow (B) have the same marginals at every time, though ' +
        'their paths are nothing alike: noise shakes A’s particles all the way, B’s are drawn by an ordinary ' +
        'differential equation. So B needs few, long steps, and A many, but what A gets wrong its noise forgets.',
    ],
    cite: { ...SDE, where: '§4.3' },
    values: {
      data: 'two-moons',
      compare: 'on',
      objective: 'denoising',
      train: '2000',
      sampler: 'euler-maruyama',
      steps: '200',
      'b.sampler': 'heun',
      'b.steps': '18',
      n: '256',
    },
    rows: ['distance', 'path', 'nfe'],
  },
  metropolis: {
    title: 'Metropolis’s test pays for long steps',
    text: [
      'Langevin dynamics with a finite step do not sample the density that they follow: the longer the step, ' +
        'the wider the cloud (A). The test of Metropolis and Hastings accepts or refuses each step by the ' +
        'density itself, and so takes that error out (B). It needs a density and not only a score: here the true ' +
        'one, elsewhere a network that gives an energy, whose slope is the score.',
    ],
    cite: { name: 'Roberts & Tweedie 1996', href: 'https://doi.org/10.2307/3318418', where: '§1.4' },
    values: {
      ...TOY,
      compare: 'on',
      objective: 'denoising-at-one-level',
      train: '0',
      score: 'truth',
      from: 'uniform',
      sampler: 'ula',
      steps: '300',
      step_size: '0.8',
      'b.sampler': 'mala',
      'b.steps': '300',
      'b.step_size': '0.8',
    },
    rows: ['inside', 'nfe'],
    split: [1, 1],
  },
  guidance: {
    title: 'Guidance trades spread for certainty',
    text: [
      'Each Gaussian is a class. Particles of A follow the true score of the rightmost one and end as its ' +
        'points. Guidance (B) adds w − 1 times the difference between the score of the class and that of all ' +
        'eight: it pushes particles away from the other classes, past where the class’s own points lie, and ' +
        'closer together. What comes out is no sample of the class any more, as the table says. (The arrows are ' +
        'of all classes.)',
    ],
    cite: { name: 'Ho & Salimans 2022', href: 'https://arxiv.org/abs/2207.12598', where: '§3' },
    values: {
      data: 'eight-gaussians',
      compare: 'on',
      train: '0',
      objective: 'denoising',
      score: 'truth',
      label: '0',
      sampler: 'heun',
      steps: '40',
      'b.guidance': '4',
      n: '512',
      t: '0.2',
    },
    rows: ['middle', 'width', 'nfe'],
  },
};

/** Presets that release particles by themselves: those whose numbers are of particles. */
export const releases = ({ rows }) => rows.some((row) => ['share', 'distance', 'inside', 'middle'].includes(row));
