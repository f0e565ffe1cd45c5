//! Samples that a command takes: rows of an NPY file, or the test set of the model's own data. Images must lie in
//! [−1, 1], as models have them: others are recognised by their range and refused, or converted where `--values` says
//! what they are.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::npy;
use crate::{
    Error,
    data::{DataName, Dataset, Split, plane, range::Range, unit},
    model::Model,
    space::Space,
};

/// The test set of the model's data, in place of a file.
const TEST: &str = "test";

/// What the numbers of an array of images are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Values {
    /// In [−1, 1], as models have them: taken as they are.
    Signed,
    /// In [0, 1]: x becomes 2x − 1.
    Unit,
    /// Pixels, whole numbers from 0 to 255: p becomes p/127.5 − 1, or for a likelihood (p + u)/128 − 1, dequantised by
    /// uniform noise u.
    Bytes,
}

/// Samples, `[n, d]` flattened; 8-bit images as bytes.
#[derive(Debug, PartialEq)]
pub(super) enum Data {
    Numbers(Vec<f32>),
    Pixels(Vec<u8>),
}

impl Data {
    /// The first `n` samples (all of them, where that is not given) of an NPY file or of the test set of the model's
    /// data. `values` says what the numbers of a file are; without it they must look like the model's own.
    ///
    /// # Errors
    /// When there are no such samples, they have not the model's shape, or not its range.
    pub fn read(data: &str, n: Option<usize>, values: Option<Values>, model: &Model) -> Result<Self> {
        let d = model.dim();
        let first = |len: usize| match n {
            Some(n) if !(1..=len).contains(&n) => Err(Error::setting("n", n, format!("1 to {len}, what {data} has"))),
            n => Ok(n.unwrap_or(len) * d),
        };
        if data == TEST {
            if values.is_some() {
                return Err(Error::setting("values", "given with test", "none: the test set's are known").into());
            }
            return Ok(match test_set(model)? {
                DataName::Published(name) => {
                    let mut set = Dataset::load(name, Split::Test, None)?;
                    set.check_model(model.space(), model.classes())?;
                    let keep = first(set.len())?;
                    set.images.truncate(keep);
                    Self::Pixels(set.images)
                }
                DataName::Distribution(distribution) => {
                    let n = first(plane::TEST)? / d;
                    Self::Numbers(distribution.test(n))
                }
            });
        }
        let path = PathBuf::from(data);
        let array = npy::read(&path)?;
        let keep = first(array.rows(&path, model.space())?)?;
        let mut numbers = array.values;
        numbers.truncate(keep);
        match model.space() {
            Space::Image(_) => Ok(images(&path, numbers, values)?),
            Space::Points(_) if values.is_some() => {
                Err(Error::setting("values", "given with points", "none: points are taken as they are").into())
            }
            Space::Points(_) => Ok(Self::Numbers(numbers)),
        }
    }

    /// The samples as numbers, pixels p as p/127.5 − 1.
    pub fn numbers(self) -> Vec<f32> {
        match self {
            Self::Numbers(values) => values,
            Self::Pixels(pixels) => pixels.into_iter().map(unit).collect(),
        }
    }
}

/// The data that a model was trained on, which have a test set.
fn test_set(model: &Model) -> Result<DataName> {
    let manifest = match model {
        Model::Network(network) => network.manifest(),
        Model::Mixture(mixture) => {
            let problem = format!("{} is a mixture, which has no test set", mixture.name());
            return Err(Error::data(TEST, problem, "give --data an NPY file of points").into());
        }
    };
    let trained_on = &manifest.data.name;
    let fits = |name: &DataName| matches!(name, DataName::Published(_)) || model.space() == Space::Points(2);
    Ok(DataName::find(trained_on).filter(fits).ok_or_else(|| {
        let problem = format!("the model was trained on {trained_on}, of which this program knows no test set");
        Error::data(TEST, problem, format!("give --data an NPY file; known are {}", DataName::all().join(", ")))
    })?)
}

/// Images by what their numbers are, or look like.
fn images(file: &Path, numbers: Vec<f32>, values: Option<Values>) -> crate::Result<Data> {
    let range = Range::of(&numbers);
    let Range { low, high, .. } = range;
    let refuse = |problem: String, remedy: &str| {
        Err(Error::file(file, format!("its values lie from {low} to {high}{problem}"), remedy))
    };
    match values {
        Some(Values::Signed) => Ok(Data::Numbers(numbers)),
        Some(Values::Unit) if range.is_unit() => {
            Ok(Data::Numbers(numbers.into_iter().map(|x| 2.0 * x - 1.0).collect()))
        }
        Some(Values::Unit) => refuse(String::new(), "name what they are: --values unit is for images in [0, 1]"),
        Some(Values::Bytes) if range.is_bytes() => {
            Ok(Data::Pixels(numbers.into_iter().map(|value| value as u8).collect()))
        }
        Some(Values::Bytes) => {
            refuse(String::new(), "name what they are: --values bytes is for pixels, whole numbers from 0 to 255")
        }
        None if range.is_unit() => refuse(
            "; this model's images lie in [-1, 1]".to_owned(),
            "add --values unit if these lie in [0, 1], or --values signed if they are as the model's",
        ),
        None if range.is_bytes() => refuse(
            ", 8-bit pixels; this model's images lie in [-1, 1]".to_owned(),
            "add --values bytes (a likelihood is then of dequantised pixels)",
        ),
        None if range.is_far() => refuse(
            "; this model's images lie in [-1, 1]".to_owned(),
            "scale them (x in [0, 255] to x/127.5 - 1), or add --values signed to take them as they are",
        ),
        None => Ok(Data::Numbers(numbers)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(numbers: &[f32], values: Option<Values>) -> String {
        images(Path::new("x.npy"), numbers.to_vec(), values).unwrap_err().to_string()
    }

    #[test]
    fn pixels_and_unit_ranges_are_recognised() {
        let said = refused(&[0.0, 128.0, 255.0, 17.0], None);
        assert!(
            said.contains("x.npy: its values lie from 0 to 255, 8-bit pixels") && said.contains("--values bytes"),
            "{said}"
        );
        // The darkest of pixels, and dequantised or rescaled ones.
        assert!(refused(&[0.0, 2.0], None).contains("8-bit pixels"));
        assert!(refused(&[0.4, 255.7], None).contains("x/127.5 - 1"));
        assert!(refused(&[-2.5, 0.0], None).contains("--values signed"));
        let said = refused(&[0.0, 0.25, 1.0], None);
        assert!(
            said.contains("from 0 to 1; this model's images lie in [-1, 1]") && said.contains("--values unit"),
            "{said}"
        );
        // Samples leave [−1, 1] a little.
        let own = vec![-1.03, 0.5, 1.2];
        assert_eq!(images(Path::new("x.npy"), own.clone(), None).unwrap(), Data::Numbers(own));
    }

    #[test]
    fn values_are_converted_as_they_are_said_to_be() {
        let read = |numbers: &[f32], values| images(Path::new("x.npy"), numbers.to_vec(), Some(values)).unwrap();
        assert_eq!(read(&[0.0, 51.0, 255.0], Values::Bytes), Data::Pixels(vec![0, 51, 255]));
        assert_eq!(read(&[0.0, 51.0, 255.0], Values::Bytes).numbers(), [-1.0, 51.0 / 127.5 - 1.0, 1.0]);
        assert_eq!(read(&[0.0, 0.25, 1.0], Values::Unit), Data::Numbers(vec![-1.0, -0.5, 1.0]));
        assert_eq!(read(&[0.0, 0.25, 3.0], Values::Signed), Data::Numbers(vec![0.0, 0.25, 3.0]));
        assert!(refused(&[0.0, 0.5], Some(Values::Bytes)).contains("whole numbers from 0 to 255"));
        assert!(refused(&[0.0, 256.0], Some(Values::Bytes)).contains("from 0 to 256"));
        assert!(refused(&[-0.5, 0.5], Some(Values::Unit)).contains("[0, 1]"));
    }
}
