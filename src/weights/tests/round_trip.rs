//! What is written comes back, into the module that it belongs to and no other.

use std::collections::BTreeMap;

use burn::tensor::{Int, TensorData};

use super::*;

#[test]
fn a_hand_made_file_reads() {
    let (header, data) = good();
    let bytes = file(&header, &data);
    let file = File::parse("m", &bytes).unwrap();
    assert_eq!(file.manifest, manifest());
    assert_eq!(file.parameters(), 5);
    let read = |path: &str| file.tensors[path].values().collect::<Vec<_>>();
    assert_eq!(read("a"), [1.0, -2.0]);
    assert_eq!(read("b.0"), [1.0, 65504.0, 2f32.powi(-24)]);
    assert_eq!((file.tensors["b.0"].shape.as_slice(), file.tensors["b.0"].storage), ([1, 3].as_slice(), Storage::F16));
}

#[test]
fn every_half_reads_as_the_crate_half_says() {
    let finite: Vec<u16> = (0..=u16::MAX).filter(|bits| bits & 0x7c00 != 0x7c00).collect();
    let data: Vec<u8> = finite.iter().flat_map(|bits| bits.to_le_bytes()).collect();
    let (mut header, _) = good();
    header.as_object_mut().unwrap().remove("a");
    header["b.0"] = json!({ "dtype": "F16", "shape": [finite.len()], "data_offsets": [0, data.len()] });
    let bytes = file(&header, &data);
    let read = File::parse("m", &bytes).unwrap().tensors["b.0"].to_data().try_to_vec::<f32>().unwrap();
    for (bits, value) in finite.into_iter().zip(read) {
        assert_eq!(value.to_bits(), half::f16::from_bits(bits).to_f32().to_bits(), "{bits:#06x}");
    }
}

#[test]
fn names_are_dotted_paths() {
    let paths: Vec<_> = values(&small(0.5)).into_iter().map(|(path, _)| path).collect();
    let expected =
        ["down.0.weight", "down.0.bias", "down.1.weight", "middle.weight", "middle.bias", "kernel"].map(String::from);
    assert_eq!(paths, expected);
}

#[test]
fn a_module_comes_back() {
    let module = small(0.5);
    for storage in [Storage::F32, Storage::F16] {
        let bytes = to_bytes("m", &module, &manifest(), storage).unwrap();
        assert_eq!(bytes, to_bytes("m", &module, &manifest(), storage).unwrap(), "the bytes differ between two writes");
        let file = File::parse("m", &bytes).unwrap();
        assert_eq!(file.manifest, manifest());
        let loaded = file.load_into(small(9.0)).unwrap();
        assert_eq!(loaded.kernel.val().dims(), [1, 1, 3, 1]);
        for ((path, expected), (_, found)) in values(&module).into_iter().zip(values(&loaded)) {
            for (e, f) in expected.into_iter().zip(found) {
                // Half precision keeps 11 significant bits.
                let tolerance = if storage == Storage::F32 { 0.0 } else { e.abs() * 2f32.powi(-11) };
                assert!((e - f).abs() <= tolerance, "{path}: {e} came back as {f} from {storage:?}");
            }
        }
    }
}

#[test]
fn loading_keeps_ids_and_gradients() {
    let device = Device::flex().autodiff();
    let fresh = small(9.0).to_device(&device).train();
    let id = fresh.kernel.id;
    let tensors: BTreeMap<_, _> = tensors_of(&small(0.5)).unwrap().into_iter().collect();
    let loaded = with_tensors("checkpoint", fresh, &tensors).unwrap();
    assert_eq!(loaded.kernel.id, id);
    assert!(loaded.kernel.val().is_require_grad());
    assert_eq!(values(&loaded), values(&small(0.5)));
}

#[test]
fn another_network_is_refused_with_the_differences() {
    let mut tensors: BTreeMap<_, _> = tensors_of(&small(0.5)).unwrap().into_iter().collect();
    tensors.remove("down.1.weight");
    tensors.insert("up.0.weight".into(), TensorData::zeros::<f32, _>([1]));
    tensors.insert("kernel".into(), TensorData::zeros::<f32, _>([1, 3, 1, 1]));
    tensors.insert("middle.bias".into(), TensorData::zeros::<f64, _>([2]));
    let error = with_tensors("run/last", small(0.0), &tensors).unwrap_err().to_string();
    for part in [
        "weights file run/last",
        "missing tensors: down.1.weight",
        "unexpected tensors: up.0.weight",
        "kernel [1, 3, 1, 1], expected [1, 1, 3, 1]",
        "middle.bias F64, expected F32",
    ] {
        assert!(error.contains(part), "{error:?} does not say {part:?}");
    }
}

#[test]
fn integer_parameters_are_refused() {
    #[derive(Module, Debug)]
    struct Counter {
        count: Param<Tensor<1, Int>>,
    }
    let tensor = Tensor::<1, Int>::from_data([1], &Device::flex());
    let module = Counter { count: Param::initialized(burn::module::ParamId::new(), tensor) };
    assert!(tensors_of(&module).unwrap_err().to_string().contains("count"));
    assert!(with_tensors("m", module, &BTreeMap::new()).unwrap_err().to_string().contains("not floats: count"));
}

#[test]
fn numbers_that_do_not_fit_are_not_written() {
    let write = |value: f32, storage| {
        let tensors = [("w".to_owned(), TensorData::new(vec![0.0, value], [2]))];
        encode("m", &tensors, ("k", "v"), storage).map_err(|e| e.to_string())
    };
    assert!(write(65504.0, Storage::F16).is_ok());
    // The first number that rounds up to 2¹⁶.
    assert!(write(65520.0, Storage::F16).unwrap_err().contains("tensor w: element 1 is 65520, too large for f16"));
    assert!(write(65520.0, Storage::F32).is_ok());
    for value in [f32::NAN, f32::INFINITY] {
        assert!(write(value, Storage::F32).unwrap_err().contains("not a number to save"));
    }
    let tensors = [("w".to_owned(), TensorData::zeros::<f64, _>([2]))];
    assert!(encode("m", &tensors, ("k", "v"), Storage::F32).is_err());
}

#[test]
fn the_bytes_are_those_of_the_format() {
    let tensors = [("b", vec![0.5], vec![1, 1]), ("a", vec![1.0, -65504.0], vec![2])]
        .map(|(path, values, shape)| (path.to_owned(), TensorData::new::<f32, _>(values, shape)));
    let bytes = encode("m", &tensors, ("k", "v"), Storage::F16).unwrap();
    // Sorted by name, and padded with spaces so that the data begins at a multiple of 8.
    let header = r#"{"__metadata__":{"k":"v"},"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"F16","shape":[1,1],"data_offsets":[4,6]}}"#;
    let length = header.len().next_multiple_of(8);
    let expected = [
        &(length as u64).to_le_bytes()[..],
        header.as_bytes(),
        &b"       "[..length - header.len()],
        &[0x00, 0x3c, 0xff, 0xfb, 0x00, 0x38],
    ];
    assert_eq!(bytes, expected.concat());
}
