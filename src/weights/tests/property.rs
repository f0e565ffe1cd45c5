//! Properties: nothing panics, numbers come back.

use burn::tensor::TensorData;
use proptest::prelude::*;

use super::*;

/// Whatever comes: a file, or a refusal with a remedy.
fn survives(bytes: &[u8]) -> Result<(), TestCaseError> {
    match File::parse("m", bytes) {
        Ok(_) => Ok(()),
        Err(Error::Weights { remedy, .. }) if !remedy.is_empty() => Ok(()),
        Err(other) => Err(TestCaseError::fail(format!("{other:?}"))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        survives(&bytes)?;
    }

    #[test]
    fn arbitrary_headers_never_panic(header in "\\PC{0,200}", data in prop::collection::vec(any::<u8>(), 0..32)) {
        survives(&[&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat())?;
    }

    #[test]
    fn flipped_bits_never_panic(at in any::<prop::sample::Index>(), bit in 0..8u32) {
        let (header, data) = good();
        let mut bytes = file(&header, &data);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        survives(&bytes)?;
    }

    #[test]
    fn arbitrary_offsets_never_panic(
        shape in prop::collection::vec(any::<usize>(), 0..4),
        offsets in any::<[usize; 2]>(),
        small in any::<[u8; 4]>(),
    ) {
        let (mut header, data) = good();
        header["b.0"] = json!({ "dtype": "F16", "shape": shape, "data_offsets": offsets });
        survives(&file(&header, &data))?;
        let [a, b, c, d] = small.map(|v| v % 20);
        header["b.0"] = json!({ "dtype": "F16", "shape": [a, b], "data_offsets": [c, d] });
        survives(&file(&header, &data))?;
    }

    #[test]
    fn numbers_come_back(values in prop::collection::vec(-65504f32..65504.0, 1..64), scale in 0..40i32) {
        let values: Vec<f32> = values.into_iter().map(|v| v * 2f32.powi(-scale)).collect();
        let json = manifest().to_json().unwrap();
        let tensors = [("w".to_owned(), TensorData::new(values.clone(), [values.len()]))];
        let read = |storage| {
            let bytes = encode("m", &tensors, (MANIFEST_KEY, &json), storage).unwrap();
            File::parse("m", &bytes).unwrap().tensors["w"].values().collect::<Vec<_>>()
        };
        prop_assert_eq!(&read(Storage::F32), &values);
        for (value, short) in values.iter().zip(read(Storage::F16)) {
            // Half a unit in the last of 11 bits, or half of the smallest step, 2⁻²⁴.
            let tolerance = (value.abs() * 2f32.powi(-11)).max(2f32.powi(-25));
            prop_assert!((value - short).abs() <= tolerance, "{} came back as {}", value, short);
        }
    }
}
