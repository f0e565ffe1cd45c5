//! The IDX format of MNIST and its kin, for unsigned bytes.
//!
//! ```text
//! 0      2 bytes  zero
//! 2      1 byte   element type: 8 for unsigned bytes
//! 3      1 byte   rank r
//! 4      r × 4    sizes, big-endian u32
//! 4+4r   ∏ sizes  the elements, last index fastest
//! ```
//!
//! Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits", 1998. Files are plain or
//! gzipped, which their first two bytes tell; a gzipped file may have several members, whose contents follow one
//! another (RFC 1952, section 2.2), as gunzip has it. Nothing is allocated on the header's word: memory grows with the
//! bytes that really arrive, and no more are unpacked than the header announces.

use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// The most elements that a file may announce: 2²⁸, five times Fashion-MNIST's training images.
pub const MAX_ELEMENTS: usize = 1 << 28;

const UNSIGNED_BYTE: u8 = 8;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// An array of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idx {
    /// Sizes, slowest index first.
    pub sizes: Vec<usize>,
    /// The elements, ∏ sizes of them.
    pub elements: Vec<u8>,
    /// SHA-256 of the uncompressed file, header included.
    pub sha256: [u8; 32],
}

/// What an array must be.
#[derive(Clone, Copy, Debug)]
pub enum Expected<'a> {
    /// An array with so many indices.
    Rank(usize),
    /// An array of just these sizes: nothing is read of a file that has others.
    Sizes(&'a [usize]),
}

impl Expected<'_> {
    fn rank(self) -> usize {
        match self {
            Self::Rank(rank) => rank,
            Self::Sizes(sizes) => sizes.len(),
        }
    }
}

/// Reads a plain or gzipped file.
///
/// # Errors
/// [`Error::Io`] when the file cannot be opened, [`Error::Data`] when it is not what it must be.
pub fn read(path: &Path, expected: Expected<'_>) -> Result<Idx> {
    let mut file = BufReader::new(File::open(path).map_err(Error::io(path))?);
    let name = path.display().to_string();
    let start = std::io::BufRead::fill_buf(&mut file).map_err(Error::io(path))?;
    if start.starts_with(&GZIP) {
        return parse(MultiGzDecoder::new(file), &name, expected, None);
    }
    let length = file.get_ref().metadata().map_err(Error::io(path))?.len();
    parse(file, &name, expected, Some(length))
}

/// Parses an uncompressed stream; `length` is its length in bytes where that is known beforehand.
///
/// # Errors
/// [`Error::Data`], with the field, when the header or the length is wrong.
pub fn parse(mut source: impl Read, name: &str, expected: Expected<'_>, length: Option<u64>) -> Result<Idx> {
    let wrong = |problem: String| Error::data(name, problem, "fetch the file again, or point at another folder");
    let cut = |error: std::io::Error, field: &str| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => wrong(format!("the file ends inside its {field}")),
        _ => wrong(format!("{field}: {error}")),
    };

    let mut magic = [0; 4];
    source.read_exact(&mut magic).map_err(|e| cut(e, "magic number"))?;
    let [0, 0, kind, found_rank] = magic else {
        return Err(wrong(format!("magic number {magic:02x?}: an IDX file starts with two zero bytes")));
    };
    if kind != UNSIGNED_BYTE {
        return Err(wrong(format!("element type {kind:#04x}: expected 0x08, unsigned bytes")));
    }
    let rank = expected.rank();
    if usize::from(found_rank) != rank {
        return Err(wrong(format!("rank {found_rank}: expected {rank}")));
    }

    let mut header = magic.to_vec();
    let mut sizes = Vec::new();
    for axis in 0..rank {
        let mut size = [0; 4];
        source.read_exact(&mut size).map_err(|e| cut(e, &format!("size {axis}")))?;
        header.extend(size);
        sizes.push(u32::from_be_bytes(size) as usize);
    }
    if let Expected::Sizes(expected) = expected
        && sizes != expected
    {
        return Err(wrong(format!("sizes {sizes:?}: expected {expected:?}")));
    }
    let count = sizes
        .iter()
        .try_fold(1usize, |product, &size| product.checked_mul(size))
        .filter(|&count| count <= MAX_ELEMENTS)
        .ok_or_else(|| wrong(format!("sizes {sizes:?}: more than {MAX_ELEMENTS} elements")))?;
    let announced = (header.len() + count) as u64;
    if let Some(length) = length.filter(|&length| length != announced) {
        return Err(wrong(format!("length {length} bytes: sizes {sizes:?} need {announced}")));
    }

    let mut elements = Vec::new();
    // One byte more than announced, to see that nothing follows; a gzip stream checks its own sum at its end.
    source.take(count as u64 + 1).read_to_end(&mut elements).map_err(|e| cut(e, "elements"))?;
    if elements.len() != count {
        let than = if elements.len() < count { "fewer" } else { "more" };
        return Err(wrong(format!("elements: {than} than the {count} that sizes {sizes:?} announce")));
    }
    let mut hash = Sha256::new();
    hash.update(&header);
    hash.update(&elements);
    Ok(Idx { sizes, elements, sha256: hash.finalize().into() })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    /// The 2×3 array of the format's description, written by hand.
    const SMALL: [u8; 18] = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6];

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn from_file(bytes: &[u8], rank: usize) -> Result<Idx> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        read(file.path(), Expected::Rank(rank))
    }

    fn problem(bytes: &[u8], rank: usize) -> String {
        match from_file(bytes, rank) {
            Err(error @ Error::Data { .. }) => error.to_string(),
            other => panic!("expected a data error, found {other:?}"),
        }
    }

    #[test]
    fn plain_and_gzipped_files_hold_the_same_array() {
        let plain = from_file(&SMALL, 2).unwrap();
        assert_eq!(plain.sizes, [2, 3]);
        assert_eq!(plain.elements, [1, 2, 3, 4, 5, 6]);
        assert_eq!(from_file(&gzip(&SMALL), 2).unwrap(), plain);
    }

    #[test]
    fn members_of_a_gzipped_file_follow_one_another() {
        // As `cat a.gz b.gz | gunzip`: cut inside the header, at its end, inside the elements, and an empty member.
        for at in [0, 1, 6, 12, 15, 18] {
            let members = [gzip(&SMALL[..at]), gzip(&SMALL[at..])].concat();
            assert_eq!(from_file(&members, 2).unwrap(), from_file(&SMALL, 2).unwrap(), "cut at {at}");
        }
        let bytes: Vec<_> = SMALL.iter().flat_map(|&byte| gzip(&[byte])).collect();
        assert_eq!(from_file(&bytes, 2).unwrap().elements, [1, 2, 3, 4, 5, 6]);
        // Each member's own sum is checked, the last one's too, and what is too much is told.
        let mut damaged = [gzip(&SMALL[..15]), gzip(&SMALL[15..])].concat();
        let crc = damaged.len() - 8;
        damaged[crc] ^= 1;
        assert!(problem(&damaged, 2).contains("elements"));
        assert!(problem(&[gzip(&SMALL), gzip(&[7])].concat(), 2).contains("more than the 6"));
        assert!(problem(&gzip(&SMALL[..15]), 2).contains("fewer than the 6"));
    }

    /// A stream of zeros that counts what is read of it.
    struct Zeros<'a>(&'a std::cell::Cell<u64>);

    impl Read for Zeros<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            out.fill(0);
            self.0.set(self.0.get() + out.len() as u64);
            Ok(out.len())
        }
    }

    #[test]
    fn no_more_is_unpacked_than_the_header_announces() {
        // A bomb: a small array's header, and zeros without end.
        let taken = std::cell::Cell::new(0);
        let refused = |header: &[u8], expected| {
            parse(header.chain(Zeros(&taken)), "bomb", expected, None).unwrap_err().to_string()
        };
        assert!(refused(&SMALL[..12], Expected::Rank(2)).contains("more than the 6"));
        assert_eq!(taken.get(), 7);
        // Sizes that are not the published ones are refused before anything is unpacked, as are those beyond the limit.
        let announced = |n: u32| [&[0, 0, 8, 1][..], &n.to_be_bytes()].concat();
        assert!(refused(&announced(1 << 28), Expected::Sizes(&[60_000])).contains("expected [60000]"));
        assert!(refused(&announced(u32::MAX), Expected::Rank(1)).contains("more than 268435456"));
        assert_eq!(taken.get(), 7);
    }

    #[test]
    fn the_hash_is_that_of_the_uncompressed_file() {
        // sha256sum of the eighteen bytes.
        let expected = hex("99dfdf5208bf6a61c1b88e00d5f7a184fbca64ad4cd2e6f95c3a17f36216a25e");
        assert_eq!(from_file(&gzip(&SMALL), 2).unwrap().sha256.to_vec(), expected);
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn an_error_names_the_field() {
        let with = |at: usize, value: u8| {
            let mut bytes = SMALL;
            bytes[at] = value;
            bytes
        };
        assert!(problem(b"<!DOCTYPE html>", 2).contains("magic number"));
        assert!(problem(&[], 2).contains("magic number"));
        assert!(problem(&with(2, 0x0d), 2).contains("element type 0x0d"));
        assert!(problem(&SMALL, 3).contains("rank 2: expected 3"));
        assert!(problem(&SMALL[..10], 2).contains("size 1"));
        assert!(problem(&SMALL[..17], 2).contains("length 17 bytes"));
        assert!(problem(&with(4, 0xff), 2).contains("more than 268435456 elements"));
        // A gzip stream's length is unknown beforehand: the elements are counted.
        assert!(problem(&gzip(&SMALL[..17]), 2).contains("fewer than the 6"));
        assert!(problem(&gzip(&[&SMALL[..], &[7]].concat()), 2).contains("more than the 6"));
        let whole = gzip(&SMALL);
        assert!(problem(&whole[..whole.len() - 6], 2).contains("elements"));
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), rank in 0usize..5) {
            let _ = parse(&bytes[..], "hostile", Expected::Rank(rank), None);
            let _ = parse(&bytes[..], "hostile", Expected::Rank(rank), Some(bytes.len() as u64));
        }

        /// Past the magic number, what is accepted is exactly what is consistent.
        #[test]
        fn sizes_and_elements_must_agree(
            sizes in prop::collection::vec(prop_oneof![0u32..5, any::<u32>()], 1..4),
            elements in prop::collection::vec(any::<u8>(), 0..70),
        ) {
            let mut bytes = vec![0, 0, 8, sizes.len() as u8];
            sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
            bytes.extend(&elements);
            let consistent = sizes.iter().map(|&size| u128::from(size)).product::<u128>() == elements.len() as u128;
            for length in [None, Some(bytes.len() as u64)] {
                let result = parse(&bytes[..], "hostile", Expected::Rank(sizes.len()), length);
                prop_assert_eq!(result.is_ok(), consistent);
            }
        }

        #[test]
        fn hostile_gzip_never_panics(flips in prop::collection::vec((0usize..60, any::<u8>()), 1..4), keep in 0usize..60) {
            let mut bytes = gzip(&SMALL);
            for (at, value) in flips {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            bytes.truncate(keep);
            let _ = parse(MultiGzDecoder::new(&bytes[..]), "hostile", Expected::Rank(2), None);
        }
    }
}
