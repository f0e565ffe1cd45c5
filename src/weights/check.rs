//! The limits of every manifest field, so that a hostile file cannot demand gigabytes.
//!
//! Everything here is arithmetic on the configuration: nothing is allocated. The parameter count
//! saturates, so that no configuration overflows it.

use super::{Architecture, Data, Manifest, Parameterisation, Training, VERSION};
use crate::{
    Error, Result,
    net::{TimeEmbedding, UNetConfig},
    noise::MAX_SEED,
};

/// The largest number of parameters of a network that is loaded.
pub const MAX_PARAMETERS: u64 = 50_000_000;

const MAX_CHANNELS: usize = 1024;
const MAX_SIDE: usize = 1024;
const MAX_LEVELS: usize = 6;
const MAX_BLOCKS: usize = 16;
const MAX_EMBEDDING: usize = 4096;
const MAX_CLASSES: usize = 10_000;
const MAX_LABEL: usize = 256;
const MAX_TEXT: usize = 64 * 1024;

impl Manifest {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Setting`] with the first field that is out of range.
    pub fn validate(&self) -> Result<()> {
        if self.version != VERSION {
            return Err(Error::setting("version", self.version, VERSION.to_string()));
        }
        self.architecture.validate()?;
        self.process.validate_noisy()?;
        match self.parameterisation {
            Parameterisation::Edm { sigma_data } => number("parameterisation.sigma_data", sigma_data, 1e-6, 1e6)?,
        }
        self.data.validate(&self.architecture)?;
        self.training.validate()?;
        Ok(())
    }
}

impl Architecture {
    /// Channels, height and width of an image.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        match self {
            Self::UNet(config) => config.shape,
        }
    }

    /// Classes; 0 for an unconditional network.
    #[must_use]
    pub fn classes(&self) -> usize {
        match self {
            Self::UNet(config) => config.classes,
        }
    }

    /// About how many parameters it has: see [`estimate_parameters`].
    #[must_use]
    pub fn parameters(&self) -> u64 {
        match self {
            Self::UNet(config) => estimate_parameters(config),
        }
    }

    /// Checks that the network can be built, and within [`MAX_PARAMETERS`].
    ///
    /// # Errors
    /// [`Error::Setting`] with the first field that is out of range.
    pub fn validate(&self) -> Result<()> {
        match self {
            Self::UNet(config) => unet(config),
        }
    }
}

fn unet(config: &UNetConfig) -> Result<()> {
    let UNetConfig {
        shape: shape @ [_, height, width],
        patch,
        width: base,
        ref multipliers,
        blocks,
        heads,
        groups,
        embedding,
        time,
        classes,
    } = *config;
    image_shape("architecture.shape", shape)?;
    let levels = multipliers.len();
    range("architecture.multipliers (their number)", levels, 1, MAX_LEVELS)?;
    range("architecture.patch", patch, 1, 16)?;
    let stride = patch << (levels - 1);
    check(
        height % stride == 0 && width % stride == 0,
        "architecture.patch",
        patch,
        format!("patch·2^(levels − 1) = {stride} to divide the image's {height}×{width} pixels"),
    )?;
    range("architecture.width", base, 1, MAX_CHANNELS)?;
    range("architecture.groups", groups, 1, MAX_CHANNELS)?;
    for &multiplier in multipliers {
        range("architecture.multipliers", multiplier, 1, MAX_CHANNELS)?;
        let channels = base * multiplier;
        check(
            channels <= MAX_CHANNELS,
            "architecture.multipliers",
            multiplier,
            format!("width·multiplier = {channels} to be at most {MAX_CHANNELS}"),
        )?;
        check(
            channels % groups == 0,
            "architecture.groups",
            groups,
            format!("a divisor of every level's channels, {channels} among them"),
        )?;
    }
    range("architecture.blocks", blocks, 1, MAX_BLOCKS)?;
    let deepest = base * multipliers[levels - 1];
    check(
        heads == 0 || deepest % heads == 0,
        "architecture.heads",
        heads,
        format!("0, or a divisor of the last level's {deepest} channels"),
    )?;
    range("architecture.embedding", embedding, 2, MAX_EMBEDDING)?;
    check(embedding % 2 == 0, "architecture.embedding", embedding, "an even number")?;
    match time {
        TimeEmbedding::Fourier { scale } => number("architecture.time.scale", scale, 1e-6, 1e3)?,
        TimeEmbedding::Sinusoidal => {}
    }
    range("architecture.classes", classes, 0, MAX_CLASSES)?;
    let parameters = estimate_parameters(config);
    check(
        parameters <= MAX_PARAMETERS,
        "architecture",
        format!("about {parameters} parameters"),
        format!("at most {MAX_PARAMETERS}"),
    )
}

/// About how many parameters a U-Net has: its convolutions, time projections, attention and
/// embeddings, counted generously. A bound against hostile files, not the count.
#[must_use]
pub fn estimate_parameters(config: &UNetConfig) -> u64 {
    let wide = |n: usize| n as u64;
    // 3×3 convolutions in → out → out, the 1×1 shortcut, FiLM's scale and shift, and the norms.
    let block = |input: u64, out: u64| -> u64 {
        let convolutions = input.saturating_add(out).saturating_mul(out).saturating_mul(9);
        let film = wide(config.embedding).saturating_mul(out).saturating_mul(2);
        let rest = input.saturating_mul(out).saturating_add(input.saturating_add(out).saturating_mul(8));
        convolutions.saturating_add(film).saturating_add(rest)
    };
    let base = wide(config.width);
    let blocks = wide(config.blocks);
    let pixel = wide(config.shape[0])
        .saturating_mul(wide(config.patch))
        .saturating_mul(wide(config.patch))
        .saturating_mul(base);
    let embedding = wide(config.embedding);
    let mut total = pixel.saturating_mul(2 * 9);
    total = total.saturating_add(embedding.saturating_mul(embedding).saturating_mul(4));
    total = total.saturating_add(embedding.saturating_mul(wide(config.classes).saturating_add(1)));
    let mut before = base;
    for &multiplier in &config.multipliers {
        let channels = base.saturating_mul(wide(multiplier));
        total = total.saturating_add(block(before.max(channels), channels).saturating_mul(blocks));
        // On the way up one block more, on the upsampled and the skipped channels side by side.
        let up = block(before.max(channels).saturating_mul(2), channels);
        total = total.saturating_add(up.saturating_mul(blocks.saturating_add(1)));
        // Down- and upsampling convolutions.
        total = total.saturating_add(channels.saturating_mul(before.max(channels)).saturating_mul(18));
        before = channels;
    }
    let middle = block(before, before).saturating_mul(2);
    let attention = if config.heads > 0 { before.saturating_mul(before).saturating_mul(4) } else { 0 };
    total.saturating_add(middle).saturating_add(attention)
}

impl Data {
    fn validate(&self, architecture: &Architecture) -> Result<()> {
        label("data.name", &self.name)?;
        check(!self.name.is_empty(), "data.name", "\"\"", "a name")?;
        label("data.licence", &self.licence)?;
        image_shape("data.shape", self.shape)?;
        let expected = architecture.shape();
        check(
            self.shape == expected,
            "data.shape",
            format!("{:?}", self.shape),
            format!("the architecture's shape, {expected:?}"),
        )?;
        check(self.range == [-1.0, 1.0], "data.range", format!("{:?}", self.range), "[-1, 1]")?;
        let classes = architecture.classes();
        check(
            self.classes.is_empty() || self.classes.len() == classes,
            "data.classes",
            format!("{} names", self.classes.len()),
            format!("none, or one for each of the architecture's {classes} classes"),
        )?;
        self.classes.iter().try_for_each(|name| label("data.classes", name))?;
        self.sigma_data.map_or(Ok(()), |sigma| number("data.sigma_data", sigma, 1e-6, 1e6))
    }
}

impl Training {
    fn validate(&self) -> Result<()> {
        check(self.seed <= MAX_SEED, "training.seed", self.seed, "0 … 2⁵³ − 1")?;
        check((0.0..1.0).contains(&self.ema), "training.ema", self.ema, "0 ≤ ema < 1")?;
        number("training.hours", self.hours, 0.0, 1e6)?;
        match &self.config {
            Some(config) => text("training.config", config, MAX_TEXT, |c| c == '\n' || c == '\t'),
            None => Ok(()),
        }
    }
}

fn check(ok: bool, field: &str, value: impl ToString, expected: impl Into<String>) -> Result<()> {
    if ok { Ok(()) } else { Err(Error::setting(field, value, expected)) }
}

fn range(field: &str, value: usize, low: usize, high: usize) -> Result<()> {
    check((low..=high).contains(&value), field, value, format!("{low} to {high}"))
}

/// Written so that NaN fails.
fn number(field: &str, value: f64, low: f64, high: f64) -> Result<()> {
    check((low..=high).contains(&value), field, value, format!("a number from {low} to {high}"))
}

fn image_shape(field: &str, shape: [usize; 3]) -> Result<()> {
    let [channels, height, width] = shape;
    let ok = (1..=3).contains(&channels) && (1..=MAX_SIDE).contains(&height) && (1..=MAX_SIDE).contains(&width);
    check(ok, field, format!("{shape:?}"), format!("[channels, height, width] within [3, {MAX_SIDE}, {MAX_SIDE}]"))
}

fn label(field: &str, value: &str) -> Result<()> {
    text(field, value, MAX_LABEL, |_| false)
}

/// Control characters are refused: `inspect` prints these texts on a terminal.
fn text(field: &str, value: &str, longest: usize, allowed: impl Fn(char) -> bool) -> Result<()> {
    let length = value.chars().count();
    check(length <= longest, field, format!("{length} characters"), format!("at most {longest}"))?;
    let hidden = value.chars().find(|&c| c.is_control() && !allowed(c));
    check(hidden.is_none(), field, format!("{:?}", hidden.unwrap_or(' ')), "no control characters")
}
