//! NPY arrays of float32, samples first: `[n, d]` or `[n, c, h, w]`.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use npyz::WriterBuilder as _;

use crate::{space::Space, weights::atomic_write};

/// An array in memory, in C order.
pub(crate) struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

impl Array {
    /// The number of rows, where the array is n samples of `space`: `[n, d]`, of images `[n, c, h, w]` too.
    ///
    /// # Errors
    /// When it is not, or a value is not finite.
    pub fn rows(&self, path: &Path, space: Space) -> Result<usize> {
        let (n, d) = (self.shape.first().copied().unwrap_or(0), space.dim());
        if n == 0 || (self.shape != [n, d] && self.shape != space.array_shape(n)) {
            let images = match space {
                Space::Image([c, h, w]) => format!(" or [n, {c}, {h}, {w}]"),
                Space::Points(_) => String::new(),
            };
            bail!("{}: shape {:?}; this model takes [n, {d}]{images}", path.display(), self.shape);
        }
        if let Some(at) = self.values.iter().position(|value| !value.is_finite()) {
            bail!("{}: row {} has a value that is not finite", path.display(), at / d);
        }
        Ok(n)
    }
}

/// Reads an array of float32.
pub(crate) fn read(path: &Path) -> Result<Array> {
    let bytes = std::fs::read(path).with_context(|| format!("{}", path.display()))?;
    let array = (|| {
        let file = npyz::NpyFile::new(&bytes[..])?;
        let shape: Vec<usize> = file.shape().iter().map(|&side| side as usize).collect();
        if file.order() != npyz::Order::C {
            bail!("the array is in Fortran order; save it with numpy.ascontiguousarray");
        }
        let values =
            file.into_vec::<f32>().context("the numbers are not float32; save them with .astype('float32')")?;
        Ok(Array { shape, values })
    })();
    array.with_context(|| format!("{}: not an NPY file that can be used", path.display()))
}

/// Writes an array of float32, atomically.
pub(crate) fn write(path: &Path, shape: &[usize], values: &[f32]) -> Result<()> {
    let mut bytes = Vec::new();
    let shape: Vec<u64> = shape.iter().map(|&side| side as u64).collect();
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(&mut bytes).begin_nd()?;
    writer.extend(values.iter().copied())?;
    writer.finish()?;
    Ok(atomic_write(path, &bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that `numpy.save` writes for `numpy.arange(6, dtype='float32').reshape(2, 3)`.
    fn numpys() -> Vec<u8> {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
        let mut bytes = b"\x93NUMPY\x01\x00v\x00".to_vec();
        bytes.extend(format!("{header:<117}\n").into_bytes());
        bytes.extend((0..6).flat_map(|i| (i as f32).to_le_bytes()));
        bytes
    }

    #[test]
    fn reads_what_numpy_writes_and_writes_the_same_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        std::fs::write(&path, numpys()).unwrap();
        let array = read(&path).unwrap();
        assert_eq!((array.shape.as_slice(), array.values.as_slice()), (&[2, 3][..], &[0., 1., 2., 3., 4., 5.][..]));
        write(&path, &array.shape, &array.values).unwrap();
        let again = read(&path).unwrap();
        assert_eq!((again.shape, again.values), (array.shape, array.values));
    }

    #[test]
    fn what_is_no_array_of_float32_is_refused_with_the_files_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.npy");
        let doubles = String::from_utf8_lossy(&numpys()[..128]).replace("<f4", "<f8").into_bytes();
        for bytes in [b"hello".to_vec(), doubles, numpys()[..140].to_vec()] {
            std::fs::write(&path, bytes).unwrap();
            assert!(format!("{:#}", read(&path).err().unwrap()).contains("bad.npy"));
        }
    }
}
