//! The limits of every manifest field, so that a hostile file cannot demand gigabytes.
//!
//! Everything here is arithmetic on the configuration: nothing is allocated.

use super::{Data, Manifest, Training, VERSION};
use crate::{
    Error, Result,
    checks::{check, number},
    net::{Architecture, Limits, NetworkConfig as _},
    noise::MAX_SEED,
    score::{Coefficients, Parameterisation},
    sde::Process,
    space::Space,
};

const MAX_LABEL: usize = 256;
const MAX_TEXT: usize = 64 * 1024;

impl Manifest {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Setting`] with the first field that is out of range.
    pub fn validate(&self) -> Result<()> {
        self.validate_within(&Limits::HERE)
    }

    /// [`Manifest::validate`] with other limits of the network.
    ///
    /// # Errors
    /// As there.
    pub fn validate_within(&self, limits: &Limits) -> Result<()> {
        if self.version != VERSION {
            return Err(Error::setting("version", self.version, VERSION.to_string()));
        }
        self.architecture.validate_within(limits)?;
        self.process.validate()?;
        self.parameterisation.validate()?;
        match (&self.process, self.parameterisation) {
            (Process::None, _) => self.validate_clean()?,
            (process, Parameterisation::Clean { .. }) => {
                let expected = "none: this parameterisation has the score of data without noise";
                check(false, "process.kind", process.name(), expected)?;
            }
            _ => {}
        }
        self.data.validate(&self.architecture)?;
        self.training.validate()?;
        Ok(())
    }

    /// Without noise, σ = 0, there must be a score, and a noise level that the network can be told, if it is told one.
    fn validate_clean(&self) -> Result<()> {
        let Coefficients { input, c_noise, skip, out } = self.parameterisation.at(&self.process.level(0.0));
        check(
            [input, skip, out].iter().all(|number| number.is_finite()),
            "process.kind",
            self.process.name(),
            "a process with noise, such as vp: without, this parameterisation gives no score",
        )?;
        check(
            c_noise.is_finite() || !self.architecture.sees_level(),
            "process.kind",
            self.process.name(),
            "a process with noise, such as vp, or a network of architecture.time.kind none: without noise there is no level \
             to tell it",
        )
    }
}

impl Data {
    fn validate(&self, architecture: &Architecture) -> Result<()> {
        label("data.name", &self.name)?;
        check(!self.name.is_empty(), "data.name", "\"\"", "a name")?;
        label("data.licence", &self.licence)?;
        self.shape.validate("data.shape")?;
        let expected = architecture.space();
        check(self.shape == expected, "data.shape", self.shape, format!("the architecture's shape, {expected}"))?;
        let [low, high] = self.range;
        let (ok, expected) = match self.shape {
            Space::Image(_) => (self.range == [-1.0, 1.0], "[-1, 1]"),
            Space::Points(_) => (-1e6 <= low && low < high && high <= 1e6, "[low, high] from -1e6 to 1e6"),
        };
        check(ok, "data.range", format!("{:?}", self.range), expected)?;
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
