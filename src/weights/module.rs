//! A module's tensors by dotted path, there and back.
//!
//! Paths are burn's: field names and indices of `Vec`, arrays and tuples joined by dots; an `Option`
//! adds nothing, an enum adds its variant's name. Only float parameters belong to a file.

use std::collections::BTreeMap;

use burn::{
    Tensor,
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Bool, DType, Int, TensorData},
};

use super::source::{Source, shown};
use crate::{Error, Result};

/// Loads `tensors` into `module`, on its device, keeping the parameters' ids and gradient settings.
/// `source` names their origin in errors.
///
/// # Errors
/// [`Error::Weights`] unless the names and shapes are exactly the module's, and the numbers f32.
pub fn with_tensors<M: Module>(source: &str, module: M, tensors: &BTreeMap<String, TensorData>) -> Result<M> {
    load(source, module, tensors)
}

pub(super) fn load<M: Module, S: Source>(source: &str, module: M, tensors: &BTreeMap<String, S>) -> Result<M> {
    let mut shapes = Shapes::default();
    module.visit(&mut shapes);
    compare(source, &shapes, tensors)?;
    Ok(module.map(&mut Loader { path: Vec::new(), tensors }))
}

fn compare<S: Source>(source: &str, module: &Shapes, tensors: &BTreeMap<String, S>) -> Result<()> {
    let mut problems = Vec::new();
    if !module.other.is_empty() {
        problems.push(list("parameters that are not floats", &module.other));
    }
    let missing: Vec<_> =
        module.floats.keys().filter(|&path| !tensors.contains_key(path)).map(|path| shown(path)).collect();
    if !missing.is_empty() {
        problems.push(list("missing tensors", &missing));
    }
    let unexpected: Vec<_> =
        tensors.keys().filter(|&path| !module.floats.contains_key(path)).map(|path| shown(path)).collect();
    if !unexpected.is_empty() {
        problems.push(list("unexpected tensors", &unexpected));
    }
    let wrong: Vec<_> = tensors
        .iter()
        .filter_map(|(path, tensor)| {
            let expected = module.floats.get(path)?;
            if tensor.shape() != expected.as_slice() {
                return Some(format!("{} {:?}, expected {expected:?}", shown(path), tensor.shape()));
            }
            (tensor.dtype() != DType::F32).then(|| format!("{} {:?}, expected F32", shown(path), tensor.dtype()))
        })
        .collect();
    if !wrong.is_empty() {
        problems.push(list("wrong shapes or types", &wrong));
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::weights(
        source,
        format!("the tensors are not those of the network: {}", problems.join("; ")),
        "use the file and the configuration of one and the same training run",
    ))
}

/// The first few items and how many more there are.
fn list(what: &str, items: &[String]) -> String {
    const SHOWN: usize = 4;
    let first = &items[..items.len().min(SHOWN)];
    let more = items.len() - first.len();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{what}: {}{rest}", first.join(", "))
}

/// The shapes of a module's parameters, without initialising the lazy ones.
#[derive(Default)]
struct Shapes {
    path: Vec<String>,
    floats: BTreeMap<String, Vec<usize>>,
    other: Vec<String>,
}

impl ModuleVisitor for Shapes {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.floats.insert(self.path.join("."), param.lazy_shape().as_slice().to_vec());
    }

    fn visit_int<const D: usize>(&mut self, _param: &Param<Tensor<D, Int>>) {
        self.other.push(self.path.join("."));
    }

    fn visit_bool<const D: usize>(&mut self, _param: &Param<Tensor<D, Bool>>) {
        self.other.push(self.path.join("."));
    }
}

struct Loader<'a, S> {
    path: Vec<String>,
    tensors: &'a BTreeMap<String, S>,
}

impl<S: Source> ModuleMapper for Loader<'_, S> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let source = &self.tensors[&self.path.join(".")];
        let tensor = Tensor::from_data(source.data(), &param.lazy_device());
        let id = param.id;
        param.transform_for_load(tensor, id)
    }
}

/// A module's tensors in f32, in the order of its fields.
///
/// # Errors
/// [`Error::Device`] when they cannot be read back; [`Error::Weights`] when a parameter is not a
/// float.
#[cfg(any(not(target_family = "wasm"), feature = "training"))]
pub fn tensors_of<M: Module>(module: &M) -> Result<Vec<(String, TensorData)>> {
    let mut reader = Reader { path: Vec::new(), tensors: Ok(Vec::new()) };
    module.visit(&mut reader);
    reader.tensors
}

#[cfg(any(not(target_family = "wasm"), feature = "training"))]
struct Reader {
    path: Vec<String>,
    tensors: Result<Vec<(String, TensorData)>>,
}

#[cfg(any(not(target_family = "wasm"), feature = "training"))]
impl Reader {
    fn refuse(&mut self) {
        let path = self.path.join(".");
        self.tensors =
            Err(Error::weights(path, "a parameter that is not a float", "keep it outside of the parameters"));
    }
}

#[cfg(any(not(target_family = "wasm"), feature = "training"))]
impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Ok(tensors) = &mut self.tensors else { return };
        let path = self.path.join(".");
        match param.transform_for_save().val().try_into_data_as::<f32>() {
            Ok(data) => tensors.push((path, data)),
            Err(e) => {
                self.tensors = Err(Error::Device {
                    device: format!("{:?}", param.lazy_device()),
                    problem: format!("parameter {path} could not be read: {e}"),
                    remedy: "the device may have been lost: start again, or use --device cpu".into(),
                });
            }
        }
    }

    fn visit_int<const D: usize>(&mut self, _param: &Param<Tensor<D, Int>>) {
        self.refuse();
    }

    fn visit_bool<const D: usize>(&mut self, _param: &Param<Tensor<D, Bool>>) {
        self.refuse();
    }
}
