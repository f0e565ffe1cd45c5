//! NPY files of samples, samples first: `[n, d]` or `[n, c, h, w]`, float32.

use std::{fs::File, io::ErrorKind, path::Path};

pub(crate) use crate::data::npy::Array;
use crate::{
    Error, Result,
    data::npy::{decode, encode},
    output,
    space::Space,
};

impl Array {
    /// The same numbers as an array of one sample.
    pub fn one(mut self) -> Self {
        self.shape.insert(0, 1);
        self
    }

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
            let problem = format!("an array of shape {:?}; this model takes [n, {d}]{images}", self.shape);
            let whole = !self.values.is_empty() && self.values.len().is_multiple_of(d);
            let remedy = match whole {
                true => format!("save it with .reshape(-1, {d}), or name the model it belongs to with --model"),
                false => "give samples of this model, or name the model they belong to with --model".to_owned(),
            };
            return Err(Error::file(path, problem, remedy));
        }
        if let Some(at) = self.values.iter().position(|value| !value.is_finite()) {
            let problem = format!("row {} has a value that is not finite", at / d);
            return Err(Error::file(path, problem, "leave such rows out"));
        }
        Ok(n)
    }
}

/// Reads an array of float32. What the header asks for is compared with the file's length before it is allocated.
///
/// # Errors
/// [`Error::Io`] where it cannot be read, [`Error::File`] where it is no such array, with what it is.
pub(crate) fn read(path: &Path) -> Result<Array> {
    let refuse = |problem: String, remedy: &str| Err(Error::file(path, problem, remedy));
    let file = match File::open(path) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => {
            return refuse("there is no such file".to_owned(), "give the path of an NPY file that is there");
        }
        opened => opened.map_err(Error::io(path))?,
    };
    let metadata = file.metadata().map_err(Error::io(path))?;
    if metadata.is_dir() {
        return refuse("a folder, not an NPY file".to_owned(), "give a file in it");
    }
    // A pipe has no length; there the numbers are taken as they come.
    let length = metadata.is_file().then_some(metadata.len());
    match decode(&file, length).map_err(Error::io(path))? {
        Ok(array) => Ok(array),
        Err(found) => refuse(found.problem, found.remedy),
    }
}

/// Writes an array of float32.
///
/// # Errors
/// [`Error::Io`] when it cannot be written.
pub(crate) fn write(path: &Path, shape: &[usize], values: &[f32]) -> Result<()> {
    output::write(path, &encode(shape, values))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that `numpy.save` writes for an array with this header and these numbers.
    fn numpys(header: &str, numbers: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00v\x00".to_vec();
        bytes.extend(format!("{header:<117}\n").into_bytes());
        bytes.extend(numbers);
        bytes
    }

    fn header(descr: &str, fortran: &str, shape: &str) -> String {
        format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}")
    }

    /// `numpy.arange(6, dtype='float32').reshape(2, 3)`.
    fn six() -> Vec<u8> {
        let numbers: Vec<_> = (0..6).flat_map(|i| (i as f32).to_le_bytes()).collect();
        numpys(&header("<f4", "False", "(2, 3)"), &numbers)
    }

    fn error(bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.npy");
        std::fs::write(&path, bytes).unwrap();
        let error = read(&path).unwrap_err().to_string();
        error.split_once("bad.npy: ").expect("the file is named").1.to_owned()
    }

    #[test]
    fn reads_what_numpy_writes_and_writes_the_same_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        std::fs::write(&path, six()).unwrap();
        let array = read(&path).unwrap();
        assert_eq!((array.shape.as_slice(), array.values.as_slice()), (&[2, 3][..], &[0., 1., 2., 3., 4., 5.][..]));
        write(&path, &array.shape, &array.values).unwrap();
        let again = read(&path).unwrap();
        assert_eq!((again.shape, again.values), (array.shape, array.values));
    }

    #[test]
    fn big_endian_and_an_order_that_makes_no_difference_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        std::fs::write(&path, numpys(&header(">f4", "True", "(2, 1)"), &[0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0])).unwrap();
        // IEEE 754: 0x3f800000 is 1 and 0xc0000000 is −2.
        assert_eq!(read(&path).unwrap().values, [1.0, -2.0]);
    }

    #[test]
    fn a_file_that_is_cut_is_called_truncated_with_its_bytes() {
        let (bytes, says) = (six(), |cut: usize| error(&six()[..six().len() - cut]));
        let said = says(10);
        assert!(said.starts_with("truncated: 14 of the 24 bytes"), "{said}");
        assert!(said.contains("[2, 3]") && said.contains("header of 128"), "{said}");
        assert!(says(24).starts_with("truncated: 0 of the 24 bytes"));
        for cut in [bytes.len() - 100, bytes.len() - 9, bytes.len() - 4] {
            assert!(says(cut).starts_with("truncated in its header"), "{cut}");
        }
        assert!(says(bytes.len()).starts_with("an empty file"));
    }

    #[test]
    fn other_types_orders_and_files_have_their_own_words() {
        let typed = |descr: &str| error(&numpys(&header(descr, "False", "(1,)"), &[0; 16]));
        for (descr, name) in [("<f8", "float64"), ("<f2", "float16"), ("<i4", "int32"), ("|u1", "uint8")] {
            let said = typed(descr);
            assert!(said.starts_with(&format!("an array of {name}, not of float32; save it with .astype")), "{said}");
        }
        assert!(typed("|b1").starts_with("an array of bool") && typed("|O").starts_with("an array of objects"));
        let fortran = error(&numpys(&header("<f4", "True", "(2, 3)"), &[0; 24]));
        assert!(fortran.contains("Fortran") && fortran.contains("ascontiguousarray"), "{fortran}");
        assert!(error(b"PK\x03\x04 an archive").contains(".npz"));
        assert!(error(b"\x89PNG\r\n\x1a\n and more").starts_with("a PNG picture"));
        assert!(error(b"hello, world").starts_with("not an NPY file"));
        assert!(error(&numpys("{'descr': nothing}", &[])).contains("header is malformed"));
    }

    #[test]
    fn a_header_that_asks_for_too_much_is_refused_before_it_is_allocated() {
        // 2⁶⁰·784 numbers, and 2⁶² of four bytes: both wrap around 2⁶⁴ to 0.
        for shape in ["(1152921504606846976, 784)", "(4611686018427387904,)"] {
            assert!(error(&numpys(&header("<f4", "False", shape), &[])).contains("more than there can be"), "{shape}");
        }
        // 3 TB that the file does not have.
        let said = error(&numpys(&header("<f4", "False", "(1000000000, 784)"), &[0; 8]));
        assert!(said.starts_with("truncated: 8 of the 3136000000000 bytes"), "{said}");
    }

    #[test]
    fn arrays_of_another_models_shape_say_how_to_give_them_this_ones() {
        let rows = |shape: &[usize]| {
            let array = Array { shape: shape.to_vec(), values: vec![0.0; shape.iter().product()] };
            array.rows(Path::new("x.npy"), Space::Image([1, 4, 2])).map_err(|error| error.to_string())
        };
        assert_eq!([rows(&[3, 8]), rows(&[3, 1, 4, 2])], [Ok(3), Ok(3)]);
        assert!(rows(&[4, 2]).unwrap_err().contains(".reshape(-1, 8)"));
        assert!(rows(&[3, 7]).unwrap_err().contains("--model") && rows(&[0, 8]).is_err() && rows(&[]).is_err());
    }
}
