//! Arrays of float32 in NumPy's format NPY, in C order
//! (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>): a magic string, the version, the length of
//! a header, the header (a Python dictionary of type, order and shape), and the numbers.

use std::io::{ErrorKind, Read, Result as IoResult};

use super::Points;
use crate::{Error, Result};

const MAGIC: &[u8] = b"\x93NUMPY";
/// A header of more bytes is none: NumPy's own limit is smaller.
const MOST_HEADER: usize = 1 << 16;
/// Numbers are 4 bytes each.
const BYTES: usize = size_of::<f32>();

/// An array in memory, in C order.
#[derive(Debug)]
pub(crate) struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// The points of an NPY file's bytes, `[n, d]`, or `[n]` on the line; `file` is named in errors.
///
/// # Errors
/// [`Error::Data`] when it is no such array of float32, and those of [`Points::given`].
pub fn points_of_npy(file: &str, bytes: &[u8]) -> Result<Points> {
    let found = decode(bytes, Some(bytes.len() as u64)).expect("bytes can be read");
    let Array { shape, values } = found.map_err(|found| Error::data(file, found.problem, found.remedy))?;
    match shape[..] {
        [_] => Points::given(file, values, 1),
        [_, dim] => Points::given(file, values, dim),
        _ => {
            let problem = format!("an array of shape {shape:?}, not of points");
            Err(Error::data(file, problem, "save it as [n, d], with .reshape(len(x), -1)"))
        }
    }
}

/// What a file is, if not such an array.
#[derive(Debug)]
pub(crate) struct Found {
    pub problem: String,
    pub remedy: &'static str,
}

impl Found {
    fn new(problem: impl Into<String>, remedy: &'static str) -> Self {
        Self { problem: problem.into(), remedy }
    }
}

/// Reads an array. What the header asks for is compared with the file's `length`, where it has one, before it is
/// allocated.
///
/// # Errors
/// Those of `file`; within, what it is if not such an array.
pub(crate) fn decode(mut file: impl Read, length: Option<u64>) -> IoResult<Result<Array, Found>> {
    let (header, bytes_before) = match read_header(&mut file)? {
        Ok(header) => header,
        Err(found) => return Ok(Err(found)),
    };
    let (shape, expected, big) = match header.array() {
        Ok(array) => array,
        Err(found) => return Ok(Err(found)),
    };
    let truncated = |found: u64| {
        let problem = format!(
            "truncated: {found} of the {expected} bytes that an array of shape {shape:?} has after its header of \
             {bytes_before}"
        );
        Ok(Err(Found::new(problem, "copy or save it again, whole")))
    };
    let there = length.map(|length| length.saturating_sub(bytes_before as u64));
    if let Some(there) = there.filter(|&there| there < expected as u64) {
        return truncated(there);
    }
    let mut raw = Vec::with_capacity(if there.is_some() { expected } else { 0 });
    file.take(expected as u64).read_to_end(&mut raw)?;
    if raw.len() < expected {
        return truncated(raw.len() as u64);
    }
    let number = |bytes: &[u8; BYTES]| if big { f32::from_be_bytes(*bytes) } else { f32::from_le_bytes(*bytes) };
    let values = raw.as_chunks().0.iter().map(number).collect();
    Ok(Ok(Array { shape, values }))
}

/// What a header says.
struct Header {
    /// NumPy's code of the type, such as `<f4`; none of records.
    descr: Option<String>,
    fortran: bool,
    shape: Vec<u64>,
}

impl Header {
    /// Of the dictionary's text; none when it is malformed.
    fn parse(text: &str) -> Option<Self> {
        let dictionary = text.trim_start().strip_prefix('{')?;
        let value = |key: &str| {
            let (_, rest) = dictionary.split_once(&format!("'{key}'"))?;
            rest.trim_start().strip_prefix(':').map(str::trim_start)
        };
        let descr = value("descr")?;
        let descr = match descr.strip_prefix('\'') {
            Some(code) => Some(code.split_once('\'')?.0.to_owned()),
            None => descr.starts_with('[').then_some(None)?,
        };
        let order = value("fortran_order")?;
        let fortran = order.starts_with("True");
        if !fortran && !order.starts_with("False") {
            return None;
        }
        let (sides, _) = value("shape")?.strip_prefix('(')?.split_once(')')?;
        // With one side there is a comma behind it, with none there is nothing.
        let sides = sides.trim().trim_end_matches(',');
        let shape = match sides {
            "" => Some(vec![]),
            sides => sides.split(',').map(|side| side.trim().parse().ok()).collect(),
        };
        Some(Self { descr, fortran, shape: shape? })
    }

    /// The shape, its bytes, and whether numbers are big-endian.
    fn array(&self) -> Result<(Vec<usize>, usize, bool), Found> {
        let big = match self.descr.as_deref() {
            Some("<f4") => false,
            Some(">f4") => true,
            other => {
                let problem = format!("an array of {}, not of float32", named(other));
                return Err(Found::new(problem, "save it with .astype('float32')"));
            }
        };
        let shape = self.shape.iter().map(|&side| usize::try_from(side).ok()).collect::<Option<Vec<_>>>();
        let bytes = |shape: &Vec<usize>| shape.iter().try_fold(BYTES, |bytes, &side| bytes.checked_mul(side));
        let Some((shape, expected)) = shape.and_then(|shape| bytes(&shape).map(|bytes| (shape, bytes))) else {
            let problem = format!("an NPY file whose header asks for {:?} numbers, more than there can be", self.shape);
            return Err(Found::new(problem, "save the array anew with numpy.save"));
        };
        // With one side or none, both orders are the same.
        if self.fortran && shape.iter().filter(|&&side| side > 1).count() > 1 {
            return Err(Found::new("an array in Fortran's order", "save it with numpy.ascontiguousarray(x)"));
        }
        Ok((shape, expected, big))
    }
}

/// What stands before the numbers, and how many bytes that is.
fn read_header(mut file: impl Read) -> IoResult<Result<(Header, usize), Found>> {
    let mut start = Vec::new();
    (&mut file).take(10).read_to_end(&mut start)?;
    if let Some(found) = other_than_npy(&start) {
        return Ok(Err(found));
    }
    let cut = || Ok(Err(Found::new("truncated in its header", "copy or save it again, whole")));
    // Version 1 has a length of two bytes, later ones of four.
    let more = if start.get(6) == Some(&1) { 0 } else { 2 };
    (&mut file).take(more).read_to_end(&mut start)?;
    if start.len() < 10 + more as usize {
        return cut();
    }
    let length = start[8..].iter().rev().fold(0, |length, &byte| length << 8 | usize::from(byte));
    if length > MOST_HEADER {
        let problem = format!("an NPY file whose header says that it has {length} bytes");
        return Ok(Err(Found::new(problem, "save the array anew with numpy.save")));
    }
    let mut rest = vec![0; length];
    match file.read_exact(&mut rest) {
        Err(cause) if cause.kind() == ErrorKind::UnexpectedEof => return cut(),
        read => read?,
    }
    let header = std::str::from_utf8(&rest).ok().and_then(Header::parse);
    let malformed = || Found::new("an NPY file whose header is malformed", "save the array anew with numpy.save");
    let bytes = start.len() + rest.len();
    Ok(header.map(|header| (header, bytes)).ok_or_else(malformed))
}

fn other_than_npy(start: &[u8]) -> Option<Found> {
    let found = |problem: &str, remedy| Some(Found::new(problem, remedy));
    const SAVE: &str = "give an array that numpy.save has written";
    match start {
        [] => found("an empty file, not an NPY file", "save the array again, whole"),
        start if start.starts_with(MAGIC) => None,
        start if MAGIC.starts_with(start) => found("truncated in its header", "copy or save it again, whole"),
        start if start.starts_with(b"PK") => {
            found("an archive of arrays (.npz), not an NPY file", "save one of its arrays with numpy.save")
        }
        start if start.starts_with(b"\x89PNG") => found("a PNG picture, not an NPY file", SAVE),
        _ => found("not an NPY file", SAVE),
    }
}

/// NumPy's name of a type, such as `float64`.
fn named(descr: Option<&str>) -> String {
    let Some(code) = descr else { return "records".to_owned() };
    let (name, size) = match code.get(1..2) {
        Some("f") => ("float", true),
        Some("i") => ("int", true),
        Some("u") => ("uint", true),
        Some("c") => ("complex", true),
        Some("b") => ("bool", false),
        Some("O") => ("objects", false),
        Some("U" | "S" | "a") => ("text", false),
        _ => (code, false),
    };
    match code.get(2..).and_then(|bytes| bytes.parse::<u16>().ok()) {
        Some(bytes) if size => format!("{name}{}", 8 * u32::from(bytes)),
        _ => crate::error::brief(name, 40),
    }
}

/// The bytes of an NPY file of float32, as NumPy writes them: the header ends where a multiple of 64 bytes does.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn encode(shape: &[usize], values: &[f32]) -> Vec<u8> {
    const ALIGNED: usize = 64;
    let sides: Vec<_> = shape.iter().map(usize::to_string).collect();
    let comma = if sides.len() == 1 { "," } else { "" };
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}{comma}), }}", sides.join(", "));
    // Magic, version and the header's length, ten bytes, and the line's end behind the header.
    let length = (10 + header.len() + 1).next_multiple_of(ALIGNED) - 10;
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend(u16::try_from(length).expect("a shape is a few numbers").to_le_bytes());
    bytes.extend(format!("{header:<width$}\n", width = length - 1).into_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Source;

    /// What `numpy.save` writes (numpy 2.4), and so what others read.
    #[test]
    fn what_is_written_is_numpys_to_the_byte() {
        for (shape, header) in [
            (vec![3], "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }"),
            (vec![2, 3], "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"),
            (vec![2, 1, 2, 2], "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1, 2, 2), }"),
        ] {
            let values: Vec<f32> = (0..shape.iter().product()).map(|i| i as f32).collect();
            let mut numpys = b"\x93NUMPY\x01\0v\0".to_vec();
            numpys.extend(format!("{header:<117}\n").bytes());
            numpys.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            assert_eq!(encode(&shape, &values), numpys);
        }
    }

    #[test]
    fn arrays_are_points_by_rows() {
        let points = |shape: &[usize], n: usize| {
            points_of_npy("p.npy", &encode(shape, &(0..n).map(|i| i as f32).collect::<Vec<_>>()))
        };
        let plane = points(&[9, 2], 18).unwrap();
        let mut out = [0.0; 2];
        plane.fill(8, &mut out);
        assert_eq!((plane.len(), out), (9, [16.0, 17.0]));
        assert_eq!(points(&[9], 9).unwrap().space().dim(), 1);
        let refused = |shape: &[usize], n| points(shape, n).unwrap_err().to_string();
        assert!(
            refused(&[9, 1, 2], 18).contains("p.npy: an array of shape [9, 1, 2], not of points; save it as [n, d]")
        );
        assert!(refused(&[], 1).contains("shape []"));
        assert!(refused(&[7, 2], 14).contains("7 points") && refused(&[8, 0], 0).contains("rows of 0"));
        assert!(points_of_npy("p.npy", b"x,y").unwrap_err().to_string().contains("p.npy: not an NPY file"));
        let cut = &encode(&[9, 2], &[0.0; 18])[..150];
        assert!(points_of_npy("p.npy", cut).unwrap_err().to_string().contains("truncated: 22 of the 72 bytes"));
    }
}
