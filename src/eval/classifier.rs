//! The judge: a small convolutional classifier whose penultimate features the Fréchet distance is taken in.
//!
//! ```text
//! 28×28×c ─space to depth→ 14×14×4c ─conv→ 32 ─GN, SiLU, conv→ 32 ─2×2 mean→ 7×7×32
//!         ─GN, SiLU, conv→ 64 ─GN, SiLU, conv→ 64 ─GN, SiLU, 1×1 conv→ 7×7×8 ─flatten, linear, SiLU→ 64 features
//!         ─linear→ classes
//! ```
//!
//! Places are kept to the end (no mean over all pixels): the images are centred, and where an edge is tells a
//! dress from a coat.
//!
//! Its features are its own: distances in them compare models judged by this very file (its SHA-256 is printed
//! with every result), and are no Inception distances.

use burn::{
    Tensor,
    module::Module,
    tensor::{Device, TensorData, activation},
};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    compute::ops,
    data::unit,
    net::{
        block::{Conv, Linear, Norm},
        init::Init,
    },
};

/// Configuration of [`Classifier`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClassifierConfig {
    /// Channels, height and width, the latter two divisible by 4.
    pub shape: [usize; 3],
    /// Channels at half and at quarter resolution, divisible by `groups`.
    pub widths: [usize; 2],
    /// Groups of every group normalisation.
    pub groups: usize,
    /// Penultimate features.
    pub features: usize,
    /// Classes.
    pub classes: usize,
}

impl Default for ClassifierConfig {
    fn default() -> Self {
        Self { shape: [1, 28, 28], widths: [32, 64], groups: 8, features: 64, classes: 10 }
    }
}

/// Channels that are left at each place before the linear layers.
const SQUEEZED: usize = 8;

/// The network.
#[derive(Module, Debug)]
pub struct Classifier {
    conv1: Conv,
    norm1: Norm,
    conv2: Conv,
    norm2: Norm,
    conv3: Conv,
    norm3: Norm,
    conv4: Conv,
    norm4: Norm,
    squeeze: Conv,
    features: Linear,
    head: Linear,
}

/// What the classifier says of a batch.
#[derive(Clone, Debug)]
pub struct Output {
    /// `[n, features]`.
    pub features: Tensor<2>,
    /// `[n, classes]`.
    pub logits: Tensor<2>,
}

impl ClassifierConfig {
    /// # Errors
    /// When a number is out of its range.
    pub fn validate(&self) -> Result<()> {
        let Self { shape: [channels, height, width], widths, groups, features, classes } = *self;
        let check = |field: &str, good: bool, value: String, expected: &str| {
            if good { Ok(()) } else { Err(Error::setting(format!("classifier.{field}"), value, expected)) }
        };
        let side = |side: usize| (4..=256).contains(&side) && side.is_multiple_of(4);
        let good = (1..=4).contains(&channels) && side(height) && side(width);
        check("shape", good, format!("{:?}", self.shape), "1 to 4 channels and sides of 4 to 256, divisible by 4")?;
        check("groups", (1..=64).contains(&groups), groups.to_string(), "1 to 64")?;
        let good = widths.iter().all(|&width| (1..=256).contains(&width) && width.is_multiple_of(groups));
        check("widths", good, format!("{widths:?}"), "1 to 256 channels, divisible by groups")?;
        check("features", (1..=1024).contains(&features), features.to_string(), "1 to 1024")?;
        check("classes", (2..=256).contains(&classes), classes.to_string(), "2 to 256")
    }

    /// The network with fresh weights, a function of the seed.
    #[must_use]
    pub fn init(&self, seed: u64, device: &Device) -> Classifier {
        let init = Init::new(device, seed);
        let [half, quarter] = self.widths;
        let pixels = self.shape[1] / 4 * (self.shape[2] / 4);
        // SiLU halves the second moment, more or less: a gain of √2 keeps it.
        let gain = std::f64::consts::SQRT_2;
        let conv = |name, io| Conv::new(&init.at(name), 3, io, gain);
        let norm = |name, channels| Norm::new(&init.at(name), channels, self.groups);
        Classifier {
            conv1: conv("conv1", [4 * self.shape[0], half]),
            norm1: norm("norm1", half),
            conv2: conv("conv2", [half, half]),
            norm2: norm("norm2", half),
            conv3: conv("conv3", [half, quarter]),
            norm3: norm("norm3", quarter),
            conv4: conv("conv4", [quarter, quarter]),
            norm4: norm("norm4", quarter),
            squeeze: Conv::new(&init.at("squeeze"), 1, [quarter, SQUEEZED], 1.0),
            features: Linear::new(&init.at("features"), [SQUEEZED * pixels, self.features], gain),
            head: Linear::new(&init.at("head"), [self.features, self.classes], 1.0),
        }
    }
}

impl Classifier {
    /// Features and logits.
    ///
    /// # Shapes
    /// `x`: `[n, h, w, c]`, in [−1, 1].
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Output {
        let h = self.conv1.forward(ops::space_to_depth(x, 2));
        let h = self.conv2.forward(self.norm1.silu(h));
        let h = self.conv3.forward(halve(self.norm2.silu(h)));
        let h = self.conv4.forward(self.norm3.silu(h));
        let h = self.squeeze.forward(self.norm4.silu(h));
        let features = activation::silu(self.features.forward(h.flatten(1, 3)));
        let logits = self.head.forward(features.clone());
        Output { features, logits }
    }
}

/// The mean of each 2×2 block: `[n, h, w, c]` → `[n, h/2, w/2, c]`.
fn halve(x: Tensor<4>) -> Tensor<4> {
    let [n, h, w, c] = x.dims();
    let blocks = ops::space_to_depth(x, 2).reshape([n, h * w / 4, 4, c]);
    blocks.mean_dim(2).reshape([n, h / 2, w / 2, c])
}

/// A batch of 8-bit images as the classifier takes them.
///
/// # Shapes
/// `images`: n images `[c, h, w]`; result: `[n, h, w, c]`, in [−1, 1].
#[must_use]
pub fn batch(images: &[u8], [c, h, w]: [usize; 3], device: &Device) -> Tensor<4> {
    let values: Vec<f32> = images.iter().map(|&pixel| unit(pixel)).collect();
    let n = values.len() / (c * h * w);
    Tensor::<4>::from_data(TensorData::new(values, [n, c, h, w]), device).permute([0, 2, 3, 1])
}

/// What the judge says of a set of images.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// `[n, width]`, flattened.
    pub features: Vec<f32>,
    /// Features per image.
    pub width: usize,
    /// The likeliest class of each image.
    pub labels: Vec<u8>,
}

impl Judgement {
    /// The part of the images whose likeliest class is `labels`'.
    #[must_use]
    pub fn agreement(&self, labels: &[u8]) -> f64 {
        let equal = self.labels.iter().zip(labels).filter(|(judged, label)| judged == label).count();
        equal as f64 / self.labels.len() as f64
    }
}

impl Classifier {
    /// Judges 8-bit images `[n, c, h, w]` in batches, telling `progress` how many more are done.
    ///
    /// # Errors
    /// When the device cannot give its results back.
    pub fn judge(
        &self,
        images: &[u8],
        shape: [usize; 3],
        device: &Device,
        mut progress: impl FnMut(usize),
    ) -> Result<Judgement> {
        const BATCH: usize = 250;
        let d = shape.iter().product::<usize>();
        let mut judgement = Judgement { features: Vec::new(), width: 0, labels: Vec::new() };
        for images in images.chunks(BATCH * d) {
            let output = self.forward(batch(images, shape, device));
            let [_, classes] = output.logits.dims();
            judgement.width = output.features.dims()[1];
            judgement.features.extend(floats(output.features.into_data())?);
            let logits = floats(output.logits.into_data())?;
            judgement.labels.extend(logits.chunks(classes).map(likeliest));
            progress(images.len() / d);
        }
        Ok(judgement)
    }
}

pub(super) fn floats(data: TensorData) -> Result<Vec<f32>> {
    data.try_to_vec::<f32>().map_err(|error| Error::Device {
        device: "the judge's".to_owned(),
        problem: format!("its results cannot be read: {error:?}"),
        remedy: "use --device cpu".to_owned(),
    })
}

fn likeliest(logits: &[f32]) -> u8 {
    let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap_or(0);
    u8::try_from(best).expect("at most 256 classes: labels are bytes")
}
