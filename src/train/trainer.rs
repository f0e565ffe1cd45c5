//! The training step, and nothing else: a pure function of the state, the data and the step's number.

use burn::{
    Tensor,
    tensor::{Device, Int},
};

use super::{RunConfig, StepStats, flat, optimiser::Optimiser};
use crate::{
    Error, Result,
    compute::parallel::{among_workers, map_rows},
    data::Source,
    net::{Network, NetworkConfig as _},
    noise::{Noise, Purpose},
    objective::{Batch, Objective},
    score::network::Denoiser,
};

/// Network, optimiser and position of a run.
#[derive(Debug)]
pub struct Trainer {
    config: RunConfig,
    device: Device,
    noise: Noise,
    objective: Box<dyn Objective>,
    /// Whether the objective has seen the data.
    prepared: bool,
    denoiser: Denoiser,
    optimiser: Optimiser,
    step: u64,
    order: Order,
}

/// The data's order in one epoch: sorted by counted random keys.
#[derive(Debug, Default)]
struct Order {
    epoch: Option<u64>,
    indices: Vec<u32>,
}

impl Trainer {
    /// A fresh run on `device` (without autodiff; the trainer adds it).
    #[must_use]
    pub fn new(config: RunConfig, device: &Device) -> Self {
        let net = config.model.init(config.train.seed, &device.clone().autodiff());
        let optimiser = Optimiser::new(config.optimiser, flat::flatten(&net), device);
        let objective = config.objective();
        Self {
            device: device.clone(),
            noise: Noise::new(config.train.seed),
            denoiser: Denoiser { net, parameterisation: objective.parameterisation() },
            objective,
            prepared: false,
            optimiser,
            step: 0,
            order: Order::default(),
            config,
        }
    }

    /// The run's configuration.
    #[must_use]
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// Steps done.
    #[must_use]
    pub fn steps_done(&self) -> u64 {
        self.step
    }

    /// The optimiser's four vectors.
    #[must_use]
    pub fn optimiser(&self) -> &Optimiser {
        &self.optimiser
    }

    /// Number of parameters.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.optimiser.parameters.dims()[0]
    }

    /// Name and size of each parameter, in the order of the vectors.
    #[must_use]
    pub fn layout(&self) -> Vec<(String, usize)> {
        flat::layout(&self.denoiser.net)
    }

    /// Goes on from `optimiser` after `step` steps.
    pub fn restore(&mut self, optimiser: Optimiser, step: u64) {
        self.optimiser = optimiser;
        self.step = step;
        self.load();
    }

    /// Starts from other weights, such as those of a file: parameters and average, with zero moments.
    pub fn warm_start(&mut self, net: &Network) {
        self.optimiser = Optimiser::new(self.config.optimiser, flat::flatten(net), &self.device);
        self.load();
    }

    fn load(&mut self) {
        self.denoiser.net = flat::unflatten(self.denoiser.net.clone(), &self.optimiser.parameters);
    }

    /// The network with averaged weights, without autodiff.
    #[must_use]
    pub fn averaged(&self) -> Network {
        flat::unflatten(self.config.model.blank(&self.device), &self.optimiser.average)
    }

    /// One optimiser step on a batch of `data`, waiting for its loss.
    ///
    /// # Errors
    /// As [`Trainer::advance`].
    #[cfg(not(target_family = "wasm"))]
    pub fn step(&mut self, data: &dyn Source) -> Result<StepStats> {
        futures_lite::future::block_on(self.advance(data))
    }

    /// One optimiser step on a batch of `data`; the loss is read back from the device.
    ///
    /// # Errors
    /// [`Error::NotFinite`] when the loss or the gradient is not finite, or [`Error::Device`] when it cannot be read;
    /// the state stays as it was. At the first step those of [`Objective::prepare`].
    pub async fn advance(&mut self, data: &dyn Source) -> Result<StepStats> {
        if !self.prepared {
            self.objective.prepare(data)?;
            self.prepared = true;
        }
        let batch = self.gather(data);
        let Self { denoiser, objective, noise, .. } = &*self;
        let (loss, gradient) = among_workers(&self.device, || {
            let loss = objective.loss(denoiser, &batch, noise, self.step);
            let gradient = flat::gradient(&denoiser.net, &loss.backward());
            (loss, gradient)
        });

        let squares = gradient.clone().square().sum();
        let numbers = Tensor::cat(vec![loss.inner(), squares], 0).into_data_async().await;
        let numbers = numbers.map_err(|error| Error::Device {
            device: "of this run".to_owned(),
            problem: format!("the loss cannot be read ({error})"),
            remedy: "use a smaller train.batch, or the CPU".to_owned(),
        })?;
        let numbers: Vec<f64> = numbers.iter().collect();
        let (loss, norm) = (numbers[0], numbers[1].sqrt());
        for (what, value) in [("the training loss", loss), ("the gradient's norm", norm)] {
            if !value.is_finite() {
                return Err(Error::NotFinite {
                    what: what.to_owned(),
                    step: self.step as usize + 1,
                    remedy: format!(
                        "go back to an earlier state, and on with a lower optimiser.lr, such as {:e}",
                        self.config.optimiser.lr / 10.0
                    ),
                });
            }
        }
        let steps = self.config.train.steps;
        let rate = self.config.optimiser.rate(self.step, steps);
        self.optimiser.step(gradient, norm, self.step, steps);
        self.load();
        self.step += 1;
        Ok(StepStats { step: self.step, loss, gradient_norm: norm, rate })
    }

    /// The samples of the present step.
    fn gather(&mut self, data: &dyn Source) -> Batch {
        let (n, space, first) = (self.config.train.batch, data.space(), self.step * self.config.train.batch as u64);
        let dim = space.dim();
        let indices: Vec<_> = (first..).take(n).map(|at| self.order.index(at, data.len(), &self.noise)).collect();
        let mut clean = vec![0.0; n * dim];
        let classes = map_rows(&mut clean, dim, dim, |row, out| {
            let (flip, label) = (self.config.data.flip, data.label(indices[row]));
            let mut coins = [0.0; 2];
            if flip || label.is_some() {
                self.noise.fill_uniform(row as u64, Purpose::Dropout, self.step, &mut coins);
            }
            data.fill(indices[row], out);
            if flip && coins[0] < 0.5 {
                space.mirror(out);
            }
            let kept = label.filter(|_| coins[1] >= self.config.data.class_dropout);
            kept.unwrap_or_else(|| self.config.model.null_class()) as i32
        });
        // With autodiff, as the network is.
        let class = Tensor::from_inner(Tensor::<1, Int>::from_data(classes.as_slice(), &self.device));
        Batch { clean, dim, class }
    }
}

impl Order {
    /// Which image is drawn `position`-th, counting over epochs of `len`.
    fn index(&mut self, position: u64, len: usize, noise: &Noise) -> usize {
        let epoch = position / len as u64;
        if self.epoch != Some(epoch) {
            let mut keys = vec![0.0; len];
            noise.fill_uniform(0, Purpose::Shuffle, epoch, &mut keys);
            self.indices = (0..len as u32).collect();
            self.indices.sort_by(|a, b| keys[*a as usize].total_cmp(&keys[*b as usize]));
            self.epoch = Some(epoch);
        }
        self.indices[(position % len as u64) as usize] as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_is_an_order_of_its_own_that_any_position_can_start() {
        let noise = Noise::new(3);
        let mut order = Order::default();
        let epochs: Vec<Vec<usize>> =
            (0..3).map(|epoch| (0..50).map(|i| order.index(epoch * 50 + i, 50, &noise)).collect()).collect();
        for epoch in &epochs {
            let mut sorted = epoch.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..50).collect::<Vec<_>>(), "every image once");
        }
        assert!(epochs[0] != epochs[1] && epochs[1] != epochs[2], "shuffled anew");
        // A resumed run starts in the middle, and one batch may span two epochs.
        let mut resumed = Order::default();
        let around: Vec<_> = (95..105).map(|position| resumed.index(position, 50, &noise)).collect();
        assert_eq!(around, [&epochs[1][45..], &epochs[2][..5]].concat());
    }
}
