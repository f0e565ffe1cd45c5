// The objectives, with what the page must know of each: what it is called, where it is from, its parameters, and the
// process that its network has. `clean`: it learns the score of the data themselves, without noise and without time.

export const OBJECTIVES = {
  denoising: {
    title: 'Denoising, EDM’s weights',
    group: 'Over all levels of noise',
    paper: 'https://arxiv.org/abs/2206.00364',
    process: 'vp',
  },
  continuous: {
    title: 'Denoising, continuous in t',
    group: 'Over all levels of noise',
    paper: 'https://arxiv.org/abs/2011.13456',
    process: 'vp',
    parameters: ['weighting', 'draw'],
  },
  ncsn: {
    title: 'NCSN’s ladder, λ = σ²',
    group: 'Over all levels of noise',
    paper: 'https://arxiv.org/abs/1907.05600',
    process: 'smld',
  },
  ddpm: {
    title: 'DDPM’s loss of ε',
    group: 'Over all levels of noise',
    paper: 'https://arxiv.org/abs/2006.11239',
    process: 'ddpm',
  },
  'denoising-at-one-level': {
    title: 'Denoising at one σ',
    group: 'Of the data alone',
    paper: 'https://doi.org/10.1162/NECO_a_00142',
    clean: true,
    parameters: ['sigma'],
  },
  implicit: {
    title: 'Implicit, exact trace',
    group: 'Of the data alone',
    paper: 'https://jmlr.org/papers/v6/hyvarinen05a.html',
    clean: true,
  },
  sliced: {
    title: 'Sliced',
    group: 'Of the data alone',
    paper: 'https://arxiv.org/abs/1905.07088',
    clean: true,
    parameters: ['directions', 'projections', 'variance_reduced'],
  },
  'finite-difference-sliced': {
    title: 'Sliced, finite differences',
    group: 'Of the data alone',
    paper: 'https://arxiv.org/abs/2007.03317',
    clean: true,
    parameters: ['directions', 'projections', 'variance_reduced'],
  },
  explicit: {
    title: 'Explicit, against a density',
    group: 'Of the data alone',
    paper: 'https://doi.org/10.1162/NECO_a_00142',
    clean: true,
    parameters: ['density'],
  },
  stein: {
    title: 'Kernelised Stein discrepancy',
    group: 'Of the data alone',
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
