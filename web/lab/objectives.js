// The objectives, with what the page must know of each: what it is called, where it is from, its parameters, and the
// process that its network has. `clean`: it learns the score of the data themselves, without noise and without time.

export const OBJECTIVES = {
  denoising: {
    title: 'Denoising, EDM’s weights',
    group: 'Over all levels of noise',
    about: 'Takes noise of every size away; EDM’s weights make all sizes count alike.',
    paper: 'https://arxiv.org/abs/2206.00364',
    process: 'vp',
  },
  continuous: {
    title: 'Denoising, continuous in t',
    group: 'Over all levels of noise',
    about: 'Guesses the noise that was added, at times from the whole process.',
    paper: 'https://arxiv.org/abs/2011.13456',
    process: 'vp',
    parameters: ['weighting', 'draw'],
  },
  ncsn: {
    title: 'NCSN’s ladder, λ = σ²',
    group: 'Over all levels of noise',
    about: 'A sum over a ladder of noise levels, each with the weight σ².',
    paper: 'https://arxiv.org/abs/1907.05600',
    process: 'smld',
  },
  ddpm: {
    title: 'DDPM’s loss of ε',
    group: 'Over all levels of noise',
    about: 'Guesses the noise that was added in a chain of a thousand small steps.',
    paper: 'https://arxiv.org/abs/2006.11239',
    process: 'ddpm',
  },
  'denoising-at-one-level': {
    title: 'Denoising at one σ',
    group: 'Of the data alone',
    about: 'Takes noise of one σ away: what is learned is the score of the data with that noise.',
    paper: 'https://doi.org/10.1162/NECO_a_00142',
    clean: true,
    parameters: ['sigma'],
  },
  implicit: {
    title: 'Implicit, exact trace',
    group: 'Of the data alone',
    about: 'Half the squared score plus the trace of its Jacobian, computed exactly: no noise, no true score.',
    paper: 'https://jmlr.org/papers/v6/hyvarinen05a.html',
    clean: true,
  },
  sliced: {
    title: 'Sliced',
    group: 'Of the data alone',
    about: 'Implicit, with the trace estimated along random directions.',
    paper: 'https://arxiv.org/abs/1905.07088',
    clean: true,
    parameters: ['directions', 'projections', 'variance_reduced'],
  },
  'finite-difference-sliced': {
    title: 'Sliced, finite differences',
    group: 'Of the data alone',
    about: 'Sliced, with differences of evaluations in place of derivatives.',
    paper: 'https://arxiv.org/abs/2007.03317',
    clean: true,
    parameters: ['directions', 'projections', 'variance_reduced'],
  },
  explicit: {
    title: 'Explicit, against a density',
    group: 'Of the data alone',
    about: 'Regression on the score of a density: a kernel estimate of the data, or the known one.',
    paper: 'https://doi.org/10.1162/NECO_a_00142',
    clean: true,
    parameters: ['density'],
  },
  stein: {
    title: 'Kernelised Stein discrepancy',
    group: 'Of the data alone',
    about: 'How far the score is from that of the data in the eyes of a kernel: zero only where they agree.',
    paper: 'https://arxiv.org/abs/1602.03253',
    clean: true,
  },
};

/** Names of the distributions, and what they are called. */
export const DISTRIBUTIONS = {
  'two-moons': 'Two moons',
  'swiss-roll': 'Swiss roll',
  checkerboard: 'Checkerboard',
  'eight-gaussians': 'Eight Gaussians',
  pinwheel: 'Pinwheel',
  rings: 'Rings',
  'ncsn-mixture': 'NCSN’s mixture',
  tree: 'Tree of Gaussians',
  line: 'Points on a line',
  drawn: 'Drawn by hand',
  file: 'A file of yours',
};

/** The distributions that are points of the reader's own. */
export const OWN_POINTS = ['drawn', 'file'];
