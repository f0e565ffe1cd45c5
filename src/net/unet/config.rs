//! The U-Net's configuration and its limits.

use serde::{Deserialize, Serialize};

use super::layers::layers;
use crate::{
    Result,
    checks::{check, range},
    net::{Network, NetworkConfig, TimeEmbedding, init::Init, layers::Layer},
    space::Space,
};

const MAX_CHANNELS: usize = 1024;
const MAX_LEVELS: usize = 6;
const MAX_BLOCKS: usize = 16;
const MAX_CLASSES: usize = 10_000;

/// Configuration of [`UNet`](super::UNet).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UNetConfig {
    /// Channels, height and width of an image.
    pub shape: [usize; 3],
    /// Side of the space-to-depth stem's block; 1 for none.
    pub patch: usize,
    /// Channels of the first level.
    pub width: usize,
    /// Each level's channels, as a multiple of `width`; the resolution halves between levels.
    pub multipliers: Vec<usize>,
    /// Residual blocks per level, on each side.
    pub blocks: usize,
    /// Attention heads at the lowest resolution; 0 for no attention.
    pub heads: usize,
    /// Groups of every group normalisation.
    pub groups: usize,
    /// Width of the time embedding, even.
    pub embedding: usize,
    /// How the noise level enters.
    pub time: TimeEmbedding,
    /// Classes; 0 for an unconditional network. One more row is the null class of guidance.
    pub classes: usize,
}

impl Default for UNetConfig {
    fn default() -> Self {
        Self {
            shape: [1, 28, 28],
            patch: 2,
            width: 48,
            multipliers: vec![1, 2],
            blocks: 1,
            heads: 4,
            groups: 8,
            embedding: 128,
            time: TimeEmbedding::Fourier { scale: 1.0 },
            classes: 10,
        }
    }
}

impl NetworkConfig for UNetConfig {
    fn space(&self) -> Space {
        Space::Image(self.shape)
    }

    fn classes(&self) -> usize {
        self.classes
    }

    fn validate(&self) -> Result<()> {
        let Self { shape, patch, width, ref multipliers, blocks, heads, groups, embedding, time, classes } = *self;
        let [_, rows, columns] = shape;
        self.space().validate("architecture.shape")?;
        let levels = multipliers.len();
        range("architecture.multipliers (their number)", levels, 1, MAX_LEVELS)?;
        range("architecture.patch", patch, 1, 16)?;
        let stride = patch << (levels - 1);
        check(
            rows % stride == 0 && columns % stride == 0,
            "architecture.patch",
            patch,
            format!("patch·2^(levels − 1) = {stride} to divide the image's {rows}×{columns} pixels"),
        )?;
        range("architecture.width", width, 1, MAX_CHANNELS)?;
        range("architecture.groups", groups, 1, MAX_CHANNELS)?;
        let divides = |channels: usize, of: &str| {
            let expected = format!("a divisor of {of} channels, {channels} among them");
            check(channels.is_multiple_of(groups), "architecture.groups", groups, expected)
        };
        // The first block normalises the stem's.
        divides(width, "the stem's")?;
        for &multiplier in multipliers {
            range("architecture.multipliers", multiplier, 1, MAX_CHANNELS)?;
            let channels = width * multiplier;
            let expected = format!("width·multiplier = {channels} to be at most {MAX_CHANNELS}");
            check(channels <= MAX_CHANNELS, "architecture.multipliers", multiplier, expected)?;
            divides(channels, "every level's")?;
        }
        range("architecture.blocks", blocks, 1, MAX_BLOCKS)?;
        let deepest = width * multipliers[levels - 1];
        let expected = format!("0, or a divisor of the last level's {deepest} channels");
        check(heads == 0 || deepest % heads == 0, "architecture.heads", heads, expected)?;
        let expected = "fourier or sinusoidal: a U-Net sees the noise level";
        check(time != TimeEmbedding::None, "architecture.time.kind", "none", expected)?;
        time.validate(embedding)?;
        range("architecture.classes", classes, 0, MAX_CLASSES)
    }

    fn layers(&self) -> Vec<Layer> {
        layers(self)
    }

    fn build(&self, init: &Init<'_>) -> Network {
        self.net(init).into()
    }
}
