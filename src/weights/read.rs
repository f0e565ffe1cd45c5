//! Bytes to a checked file. Nothing is allocated from a number in the file before it is checked.
//!
//! Limits: header 1 MB, 4096 tensors, rank 8, names of 256 characters, f32 and f16 only, in all what [`Limits`] say; NaN
//! and infinity are refused.

use std::collections::BTreeMap;

use burn::{
    module::Module,
    tensor::{DType, Device, TensorData},
};
use half::f16;
use safetensors::{Dtype, tensor::Metadata};

use super::{
    Manifest,
    manifest::MANIFEST_KEY,
    module,
    sniff::sniff,
    source::{Source, shown},
};
use crate::{
    Error, Result,
    net::{Limits, Network, NetworkConfig as _},
};

/// The largest header, in bytes.
pub const MAX_HEADER: usize = 1 << 20;
/// The largest number of tensors.
pub const MAX_TENSORS: usize = 4096;
/// The largest rank of a tensor.
pub const MAX_RANK: usize = 8;
/// The longest name of a tensor, in characters.
pub const MAX_NAME: usize = 256;

const AGAIN: &str = "get the file again: it is damaged, or was changed by hand";

/// How numbers are stored. Computing is in f32 always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// Two bytes: relative error 2⁻¹¹ from 6.1e-5 to 65504.
    #[default]
    F16,
    /// Four bytes, exact.
    F32,
}

impl Storage {
    /// Bytes of a number.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::F16 => 2,
            Self::F32 => 4,
        }
    }
}

/// A finite f16 in f32. The exponent field is biased by 15 there and 127 here: a product with 2¹¹² adds the difference,
/// exactly, and to subnormal numbers too. Several numbers at a time, which half's own conversion is not in WebAssembly.
fn widen(bytes: [u8; 2]) -> f32 {
    const SHIFT: f32 = f32::from_bits((127 + 112) << 23);
    let bits = u32::from(u16::from_le_bytes(bytes));
    let magnitude = f32::from_bits((bits & 0x7fff) << 13) * SHIFT;
    f32::from_bits(magnitude.to_bits() | (bits & 0x8000) << 16)
}

/// One tensor of a [`File`].
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// How its numbers are stored.
    pub storage: Storage,
    /// Its shape.
    pub shape: Vec<usize>,
    data: &'a [u8],
}

impl Entry<'_> {
    /// The numbers, row-major.
    pub fn values(&self) -> impl Iterator<Item = f32> + '_ {
        let storage = self.storage;
        self.data.chunks_exact(storage.bytes()).map(move |bytes| match (storage, bytes) {
            (Storage::F16, &[a, b]) => f16::from_le_bytes([a, b]).to_f32(),
            (Storage::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            _ => unreachable!("chunks_exact gives chunks of the storage's size"),
        })
    }

    /// How many numbers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.len() / self.storage.bytes()
    }

    /// Never true in a checked file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The tensor in f32.
    #[must_use]
    pub fn to_data(&self) -> TensorData {
        let values: Vec<f32> = match self.storage {
            Storage::F16 => self.data.chunks_exact(2).map(|bytes| widen([bytes[0], bytes[1]])).collect(),
            Storage::F32 => self.values().collect(),
        };
        TensorData::new(values, self.shape.clone())
    }

    /// Whether no number is NaN or infinite: their exponent has all bits set.
    fn is_finite(&self) -> bool {
        // Without an early end, which would keep the loop from several numbers at a time.
        match self.storage {
            Storage::F16 => !self.data.chunks_exact(2).fold(false, |found, bytes| found | (bytes[1] & 0x7c == 0x7c)),
            Storage::F32 => self.values().all(f32::is_finite),
        }
    }
}

/// A safetensors file whose header has been read and checked, whatever it describes.
#[derive(Clone, Debug)]
pub struct Container<'a> {
    name: String,
    metadata: Metadata,
    data: &'a [u8],
}

impl<'a> Container<'a> {
    /// Reads the header of a file of at most `max_bytes`. `name` is only for messages.
    ///
    /// # Errors
    /// [`Error::Weights`] when the file is too large, is no safetensors file, or is cut off in its
    /// header.
    pub fn open(name: &str, bytes: &'a [u8], max_bytes: u64) -> Result<Self> {
        if bytes.len() as u64 > max_bytes {
            return Err(too_large(name, bytes.len() as u64, max_bytes));
        }
        let (header, data) = split(name, bytes)?;
        let metadata =
            serde_json::from_slice(header).map_err(|e| Error::weights(name, format!("header: {e}"), AGAIN))?;
        Ok(Self { name: name.to_owned(), metadata, data })
    }

    /// The metadata text under `key`.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.metadata.metadata().as_ref()?.get(key).map(String::as_str)
    }

    /// The tensors by name.
    ///
    /// # Errors
    /// [`Error::Weights`] when the file is truncated or too long, a limit is exceeded, a type is not
    /// f32 or f16, or a number is not finite.
    pub fn tensors(&self) -> Result<BTreeMap<String, Entry<'a>>> {
        let Self { name, metadata, data } = self;
        let bad = |problem: String| Error::weights(name, problem, AGAIN);
        let expected = metadata.data_len();
        if data.len() < expected {
            return Err(Error::weights(
                name,
                format!("truncated: {} of the tensors' {expected} bytes are there", data.len()),
                "download or copy it again",
            ));
        }
        if data.len() > expected {
            return Err(bad(format!("{} bytes too many after the last tensor", data.len() - expected)));
        }
        let infos = metadata.tensors();
        if infos.is_empty() || infos.len() > MAX_TENSORS {
            return Err(bad(format!("{} tensors, expected 1 to {MAX_TENSORS}", infos.len())));
        }
        let mut tensors = BTreeMap::new();
        for (path, info) in infos.into_iter().collect::<BTreeMap<_, _>>() {
            let entry = entry(info.dtype, &info.shape, &data[info.data_offsets.0..info.data_offsets.1])
                .and_then(|entry| check_name(&path).map(|()| entry))
                .map_err(|problem| bad(format!("tensor {}: {problem}", shown(&path))))?;
            tensors.insert(path, entry);
        }
        // After the map is built: the first bad tensor in order of name, the same one every time.
        for (path, entry) in tensors.iter().filter(|(_, entry)| !entry.is_finite()) {
            if let Some((at, value)) = entry.values().enumerate().find(|(_, value)| !value.is_finite()) {
                return Err(Error::weights(
                    name,
                    format!("tensor {}: element {at} is {value}", shown(path)),
                    "use a checkpoint from before the training diverged, or get the file again",
                ));
            }
        }
        Ok(tensors)
    }
}

/// A weights file whose every length, name, number and manifest field has been checked.
#[derive(Clone, Debug)]
pub struct File<'a> {
    /// Its name, for messages.
    pub name: String,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Its tensors by dotted path, such as `down.0.conv1.weight`.
    pub tensors: BTreeMap<String, Entry<'a>>,
}

impl<'a> File<'a> {
    /// Checks the bytes of a weights file within [`Limits::HERE`]. `name` is only for messages.
    ///
    /// # Errors
    /// [`Error::Weights`], naming the file, the field or tensor, and the remedy.
    pub fn parse(name: &str, bytes: &'a [u8]) -> Result<Self> {
        Self::parse_within(name, bytes, &Limits::HERE)
    }

    /// [`File::parse`] with other limits.
    ///
    /// # Errors
    /// As there.
    pub fn parse_within(name: &str, bytes: &'a [u8], limits: &Limits) -> Result<Self> {
        let container = Container::open(name, bytes, limits.bytes)?;
        let manifest = container.text(MANIFEST_KEY).ok_or_else(|| {
            Error::weights(
                name,
                format!("no manifest (metadata key {MANIFEST_KEY}): the weights of another program"),
                "use a file that `scorefield train` wrote: only that says which network it is",
            )
        })?;
        let manifest = Manifest::parse_within(name, manifest, limits)?;
        Ok(Self { name: name.to_owned(), manifest, tensors: container.tensors()? })
    }

    /// The network that the manifest describes, with the file's weights, on `device`.
    ///
    /// # Errors
    /// Those of [`File::load_into`], and when the network has more parameters than the file: then it is not built, so that
    /// a small file cannot have a large network built.
    pub fn network(&self, device: &Device) -> Result<Network> {
        let (claimed, held) = (self.manifest.architecture.parameters(), self.parameters() as u64);
        if claimed > held {
            return Err(Error::weights(
                &self.name,
                format!("the manifest's network has {claimed} parameters, the file holds {held}"),
                AGAIN,
            ));
        }
        self.load_into(self.manifest.architecture.blank(device))
    }

    /// How many numbers the tensors hold.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.tensors.values().map(Entry::len).sum()
    }

    /// Loads every tensor into `module`, in f32, on the module's device.
    ///
    /// # Errors
    /// [`Error::Weights`] unless the names and shapes are exactly the module's: what is missing,
    /// unexpected or of another shape is listed.
    pub fn load_into<M: Module>(&self, module: M) -> Result<M> {
        module::load(&self.name, module, &self.tensors)
    }
}

impl Source for Entry<'_> {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn dtype(&self) -> DType {
        DType::F32
    }

    fn data(&self) -> TensorData {
        self.to_data()
    }
}

pub(super) fn too_large(name: &str, bytes: u64, max_bytes: u64) -> Error {
    Error::weights(
        name,
        format!("{bytes} bytes, more than the {max_bytes} that are read"),
        "use a smaller model, stored as f16",
    )
}

/// The header and the tensors' bytes.
fn split<'a>(name: &str, bytes: &'a [u8]) -> Result<(&'a [u8], &'a [u8])> {
    let truncated = |problem: String| Error::weights(name, problem, "download or copy it again");
    if bytes.is_empty() {
        return Err(truncated("the file is empty".into()));
    }
    let other = || sniff(bytes).map(|(problem, remedy)| Error::weights(name, problem, remedy));
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
        return Err(other().unwrap_or_else(|| truncated(format!("truncated: only {} bytes", bytes.len()))));
    };
    let length = u64::from_le_bytes(*length);
    let Some(length) = usize::try_from(length).ok().filter(|&n| n <= MAX_HEADER) else {
        return Err(other().unwrap_or_else(|| {
            Error::weights(
                name,
                format!("a header of {length} bytes, more than {MAX_HEADER}: not a safetensors file, or damaged"),
                "give a .safetensors file that `scorefield train` wrote",
            )
        }));
    };
    // A header is a JSON object; other formats can happen to begin with a small number.
    if rest.first().is_some_and(|&byte| byte != b'{')
        && let Some(error) = other()
    {
        return Err(error);
    }
    if length > rest.len() {
        return Err(truncated(format!("truncated: {} of the header's {length} bytes are there", rest.len())));
    }
    Ok(rest.split_at(length))
}

fn entry<'a>(dtype: Dtype, shape: &[usize], data: &'a [u8]) -> Result<Entry<'a>, String> {
    if shape.len() > MAX_RANK {
        return Err(format!("rank {}, expected at most {MAX_RANK}", shape.len()));
    }
    let storage = match dtype {
        Dtype::F16 => Storage::F16,
        Dtype::F32 => Storage::F32,
        other => return Err(format!("numbers of type {other}, expected F32 or F16")),
    };
    if data.is_empty() {
        return Err(format!("shape {shape:?} holds no numbers"));
    }
    Ok(Entry { storage, shape: shape.to_vec(), data })
}

fn check_name(path: &str) -> Result<(), String> {
    let length = path.chars().count();
    if !(1..=MAX_NAME).contains(&length) {
        return Err(format!("a name of {length} characters, expected 1 to {MAX_NAME}"));
    }
    // `inspect` prints the names on a terminal.
    if path.chars().any(char::is_control) {
        return Err("a name with control characters".into());
    }
    Ok(())
}
