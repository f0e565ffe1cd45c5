//! A run in parts, so that several workers draw its samples: sample i starts from its own noise and follows its own way,
//! and so does not depend on those beside it, to the rounding of sums in another order.
//!
//! Two rules look at a whole batch: the adaptive solver takes one step for all, and `norms = batch` one corrector step.

use super::{Corrector, Norms, SamplerKind, Settings};

impl Settings {
    /// Whether a sample depends on those that are drawn with it.
    #[must_use]
    pub fn couples(&self) -> bool {
        match self.sampler {
            SamplerKind::Ode => true,
            SamplerKind::Pc => self.norms == Norms::Batch && self.corrector == Corrector::Langevin,
            SamplerKind::Ula
            | SamplerKind::Mala
            | SamplerKind::Hmc
            | SamplerKind::AnnealedLangevin
            | SamplerKind::EulerMaruyama
            | SamplerKind::ReverseDiffusion
            | SamplerKind::Ancestral
            | SamplerKind::Heun
            | SamplerKind::Euler
            | SamplerKind::Rk4
            | SamplerKind::Ddim
            | SamplerKind::DpmSolver
            | SamplerKind::Dpmpp2m
            | SamplerKind::Dpmpp2mSde
            | SamplerKind::Edm
            | SamplerKind::Ddpm
            | SamplerKind::StochasticHeun => false,
        }
    }

    /// The run of one of `parts` as equal as can be, counted from 0; `None` where there is no sample for it. Where samples
    /// are coupled the first part has all.
    #[must_use]
    pub fn part(&self, part: usize, parts: usize) -> Option<Self> {
        let parts = if self.couples() { 1 } else { parts.clamp(1, self.n.max(1)) };
        let edge = |part: usize| part * self.n / parts;
        (part < parts).then(|| Self {
            n: edge(part + 1) - edge(part),
            first_sample: self.first_sample + edge(part) as u64,
            ..self.clone()
        })
    }
}
