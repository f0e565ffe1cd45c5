//! Distributions in the plane, on which a learned field can be looked at: the two-dimensional sets of the literature.
//!
//! Point i of a seed is a pure function of (seed, i), so that a longer sample begins with a shorter one. Those that are
//! mixtures of Gaussians have an exact score at every noise level ([`Distribution::mixture`]). As data
//! ([`Distribution::data`]) they are a fixed set, as if it had been published.
//!
//! Another one is a function in `shapes` or `mixtures` and a line of the list below.

mod mixtures;
mod shapes;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use self::shapes::{Draw, Shape};
use super::{Points, Source};
use crate::{
    compute::parallel::map_chunks,
    noise::{Noise, Purpose},
    score::{Mixture, MixtureConfig},
    sde::Process,
    space::Space,
};

/// Points that are trained on.
pub const TRAIN: usize = 65_536;
/// Points that come after these, to judge by.
pub const TEST: usize = 16_384;
/// The seed of both.
const SEED: u64 = 0;

/// What a distribution is drawn by.
enum Kind {
    Shape(Shape),
    /// Gaussians, without a process.
    Mixture(fn() -> MixtureConfig),
}

/// The list: a distribution's name here and in files, its title, its help, what it is drawn by.
macro_rules! distributions {
    ($($name:ident = $id:literal, $title:literal, $help:literal, $kind:expr;)+) => {
        /// A distribution in the plane.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Distribution {
            $(#[doc = $help] #[serde(rename = $id)] $name,)+
        }

        impl Distribution {
            /// Every distribution.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its name in configurations.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $id,)+ }
            }

            /// Its title on a page.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// What it is, in a sentence.
            #[must_use]
            pub fn help(self) -> &'static str {
                match self { $(Self::$name => $help,)+ }
            }

            fn kind(self) -> Kind {
                match self { $(Self::$name => $kind,)+ }
            }
        }
    };
}

distributions! {
    TwoMoons = "two-moons", "Two moons",
        "Two half circles that reach into one another, blurred (scikit-learn's make_moons).",
        Kind::Shape(shapes::TWO_MOONS);
    SwissRoll = "swiss-roll", "Swiss roll",
        "A spiral of one turn and a half, blurred (scikit-learn's make_swiss_roll without its width).",
        Kind::Shape(shapes::SWISS_ROLL);
    Checkerboard = "checkerboard", "Checkerboard",
        "The dark squares of a board of four by four, each with a uniform density.",
        Kind::Shape(shapes::CHECKERBOARD);
    EightGaussians = "eight-gaussians", "Eight Gaussians",
        "Eight equal Gaussians on a circle; the true score is exact.",
        Kind::Mixture(mixtures::eight_gaussians);
    Pinwheel = "pinwheel", "Pinwheel",
        "Five arms, each a Gaussian sheared along a spiral (Johnson et al. 2016).",
        Kind::Shape(shapes::PINWHEEL);
    Rings = "rings", "Rings",
        "Four concentric circles, blurred.",
        Kind::Shape(shapes::RINGS);
    NcsnMixture = "ncsn-mixture", "NCSN's mixture",
        "0.8·N((5, 5), I) + 0.2·N((−5, −5), I), whose weights plain Langevin gets wrong (Song & Ermon 2019, section 3.2).",
        Kind::Mixture(mixtures::ncsn);
    Tree = "tree", "Fractal tree",
        "A trunk that forks five times, every branch a row of narrow Gaussians; the true score is exact.",
        Kind::Mixture(mixtures::tree);
    Line = "line", "Points on a line",
        "Two Gaussians on a line: on such data the score has no bound as the noise falls (Song & Ermon 2019, section 3.1).",
        Kind::Mixture(mixtures::line);
}

impl Distribution {
    /// The distribution of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|distribution| distribution.name() == name)
    }

    /// Points `first … first + n − 1` of `seed`.
    ///
    /// # Shapes
    /// Result: `[n, 2]` flattened.
    #[must_use]
    pub fn draw(self, seed: u64, first: u64, n: usize) -> Vec<f32> {
        /// Points a part.
        const PART: usize = 1024;
        let noise = Noise::new(seed);
        let (kind, exact) = (self.kind(), self.exact());
        let mut points = vec![0.0; 2 * n];
        map_chunks(&mut points, 2 * PART, |part, out| {
            let first = first + (part * PART) as u64;
            match (&kind, &exact) {
                (Kind::Shape(shape), _) => {
                    for (i, point) in (first..).zip(out.chunks_exact_mut(2)) {
                        let mut draw = Draw::default();
                        noise.fill_uniform(i, Purpose::Data, 0, &mut draw.uniform);
                        noise.fill_normal(i, Purpose::Data, 1, &mut draw.normal);
                        point.copy_from_slice(&(shape.point)(&draw).map(|x| x as f32));
                    }
                }
                (Kind::Mixture(_), mixture) => {
                    let mixture = mixture.as_ref().expect("Gaussians are a mixture");
                    let drawn = mixture.sample(seed, first, out.len() / 2);
                    out.iter_mut().zip(drawn).for_each(|(to, x)| *to = x as f32);
                }
            }
        });
        points
    }

    /// It as data: the [`TRAIN`] points that are trained on, with their density where that is a mixture.
    #[must_use]
    pub fn data(self) -> Drawn {
        let points = Points::new(self.train(TRAIN), 2).expect("drawn points are finite");
        Drawn { points, mixture: self.exact() }
    }

    /// The first `n` of the [`TRAIN`] points.
    ///
    /// # Shapes
    /// Result: `[n, 2]` flattened.
    #[must_use]
    pub fn train(self, n: usize) -> Vec<f32> {
        self.draw(SEED, 0, n.min(TRAIN))
    }

    /// The first `n` of the [`TEST`] points that come after those.
    ///
    /// # Shapes
    /// Result: `[n, 2]` flattened.
    #[must_use]
    pub fn test(self, n: usize) -> Vec<f32> {
        self.draw(SEED, TRAIN as u64, n.min(TEST))
    }

    /// Its standard deviation √(tr Cov / 2), in closed form.
    #[must_use]
    pub fn std(self) -> f64 {
        match self.kind() {
            Kind::Shape(Shape { mean: [x, y], square, .. }) => libm::sqrt(0.5 * (square - x * x - y * y)),
            Kind::Mixture(_) => {
                let covariance = self.exact().expect("Gaussians are a mixture").covariance();
                libm::sqrt(0.5 * (covariance[0] + covariance[3]))
            }
        }
    }

    /// The mixture of Gaussians that it is, with a process: a model whose score is exact. Gaussians without width, as
    /// those of [`Line`](Self::Line), have a density under noise alone.
    #[must_use]
    pub fn mixture(self, process: Process) -> Option<MixtureConfig> {
        match self.kind() {
            Kind::Shape(_) => None,
            Kind::Mixture(config) => Some(MixtureConfig { process, ..config() }),
        }
    }

    /// The mixture itself.
    fn exact(self) -> Option<Mixture> {
        // Under any noise there is a density.
        self.mixture(Process::default()).map(|config| config.init().expect("the mixtures of the list are sound"))
    }
}

/// Points that are drawn from a distribution in the plane.
#[derive(Clone, Debug)]
pub struct Drawn {
    points: Points,
    mixture: Option<Mixture>,
}

impl Source for Drawn {
    fn len(&self) -> usize {
        self.points.len()
    }

    fn space(&self) -> Space {
        self.points.space()
    }

    fn mixture(&self) -> Option<Mixture> {
        self.mixture.clone()
    }

    fn fill(&self, index: usize, out: &mut [f32]) {
        self.points.fill(index, out);
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
