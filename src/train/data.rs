//! `[data]` of a run's config: what it is trained on.

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    checks::check,
    data::{DataName, Source, Spread},
    sde::Process,
    space::Space,
};

/// The data of a run: by name, or points of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// A published set, or a distribution in the plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<DataName>,
    /// In place of a name: a file of points, in the present folder or where `--data` says. A text (`.csv`), an array
    /// `[n, d]` (`.npy`), or a picture (`.png`) whose dark pixels are the density.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Standard deviation: of pixels in [−1, 1], or of points. Without it, the data's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigma_data: Option<f64>,
    /// Flip images at random.
    #[serde(default)]
    pub flip: bool,
    /// Probability that a label is replaced by the null class, for classifier-free guidance.
    #[serde(default = "tenth")]
    pub class_dropout: f64,
}

fn tenth() -> f64 {
    0.1
}

/// Where data come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// What has this name.
    Name(DataName),
    /// This file.
    File(&'a str),
}

impl DataConfig {
    /// Where the data come from.
    ///
    /// # Errors
    /// When neither a name nor a file is given, or both.
    pub fn origin(&self) -> Result<Origin<'_>> {
        match (self.name, self.file.as_deref()) {
            (Some(name), None) => Ok(Origin::Name(name)),
            (None, Some(file)) => Ok(Origin::File(file)),
            (None, None) => Err(Error::setting(
                "data.name",
                "missing",
                format!("one of {}; or data.file, such as \"points.csv\"", DataName::all().join(", ")),
            )),
            (Some(name), Some(_)) => Err(Error::setting(
                "data.file",
                "given with data.name",
                format!("one of the two: {name} needs no file"),
            )),
        }
    }

    /// Standard deviation, as given, or of what is named; none of a file until it is read.
    #[must_use]
    pub fn sigma_data(&self) -> Option<f64> {
        self.sigma_data.or_else(|| self.name.map(DataName::sigma_data))
    }

    /// Fills in what was left to the data themselves.
    pub fn complete(&mut self, data: &dyn Source) {
        let known = self.sigma_data();
        self.sigma_data = Some(known.unwrap_or_else(|| Spread::of(data).std));
    }

    /// Whether points of a file lie where networks and `process` take them to be: about 0, and small beside the noise at t = 1.
    ///
    /// # Errors
    /// When they do not, with what to subtract or to divide by.
    pub fn check_place(&self, process: &Process, data: &dyn Source) -> Result<()> {
        if self.file.is_none() {
            return Ok(());
        }
        let Spread { std, offset, .. } = Spread::of(data);
        if offset > FAR * std {
            let given = format!("points about {offset:.3}, with a standard deviation of {std:.3}");
            return Err(Error::setting("data", given, "points about 0: subtract their mean"));
        }
        let end = process.level(1.0);
        let (size, most) = (end.alpha * libm::hypot(std, offset), LEFT * end.sigma);
        if end.sigma > 0.0 && size > most {
            let given = format!("points of size {:.3}", libm::hypot(std, offset));
            let expected =
                format!("at most {:.3} under this process: divide them, or give it more noise", most / end.alpha);
            return Err(Error::setting("data", given, expected));
        }
        Ok(())
    }

    /// # Errors
    /// When a number is out of its range, there are no data or two kinds, or points are to be flipped.
    pub fn validate(&self) -> Result<()> {
        let origin = self.origin()?;
        if let Some(sigma) = self.sigma_data {
            check((1e-6..=1e6).contains(&sigma), "data.sigma_data", sigma, "a number from 1e-6 to 1e6")?;
        }
        let dropout = self.class_dropout;
        check((0.0..=1.0).contains(&dropout), "data.class_dropout", dropout, "0 … 1")?;
        let images = matches!(origin, Origin::Name(DataName::Published(_)));
        check(images || !self.flip, "data.flip", true, "false: points have no left and right")
    }
}

/// Farther than so many standard deviations from 0 is no place for data: a network sees x over its size.
const FAR: f64 = 3.0;
/// The data's size at t = 1, at most, in units of the noise there, from which samples begin.
const LEFT: f64 = 0.3;

/// The range of `data` in a manifest: of images [−1, 1], of points where they lie.
#[must_use]
pub fn range(data: &dyn Source) -> [f64; 2] {
    match data.space() {
        Space::Image(_) => [-1.0, 1.0],
        Space::Points(_) => Spread::of(data).range,
    }
}
