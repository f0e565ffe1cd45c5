//! Weights files: safetensors that describe themselves.
//!
//! A file is an 8-byte little-endian header length, a JSON header and the tensors' bytes
//! (<https://github.com/huggingface/safetensors>). Under the metadata key `scorefield` the header
//! holds a versioned [`Manifest`]: architecture, process, parameterisation, data and training. Load
//! a file and nothing else is needed. A file may come from anywhere, so that every length, count
//! and field is checked before anything is allocated from it.
//!
//! | file | holds |
//! |---|---|
//! | `manifest` | what a file says of itself |
//! | `check` | the limits of every manifest field |
//! | `read` | bytes to a checked [`File`], or any [`Container`] of tensors |
//! | `source` | a tensor's numbers, wherever they are, and its name in messages |
//! | `sniff` | names for what is not a weights file |
//! | `module` | a module's tensors by dotted path, there and back |
//! | `write` | a module and a manifest to bytes (native) |
//! | `file` | reading with a cap, and hashes (native) |
//! | `index` | the list of models beside the page |

mod check;
mod index;
mod manifest;
mod module;
mod read;
mod sniff;
mod source;

#[cfg(not(target_family = "wasm"))]
mod file;
#[cfg(any(not(target_family = "wasm"), feature = "training"))]
mod write;

#[cfg(test)]
mod tests;

pub use self::{
    index::{INDEX_FILE, Index, IndexEntry},
    manifest::{Data, MANIFEST_KEY, Manifest, Training, VERSION},
    module::with_tensors,
    read::{Container, Entry, File, MAX_HEADER, MAX_NAME, MAX_RANK, MAX_TENSORS, Storage},
};
pub use crate::{
    net::{Architecture, Limits},
    score::Parameterisation,
};

#[cfg(not(target_family = "wasm"))]
pub use self::file::{read_file, sha256};
#[cfg(any(not(target_family = "wasm"), feature = "training"))]
pub use self::{
    module::tensors_of,
    write::{encode, to_bytes},
};
