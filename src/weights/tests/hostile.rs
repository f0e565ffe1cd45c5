//! Files that are not what they should be.

use super::*;

#[test]
fn every_truncation_is_refused() {
    let (header, data) = good();
    let bytes = file(&header, &data);
    for end in 0..bytes.len() {
        let (problem, remedy) = refusal(&bytes[..end]);
        assert!(problem.contains("truncated") || problem.contains("empty"), "{end} bytes: {problem}");
        assert!(remedy.contains("again"));
    }
}

#[test]
fn wrong_files_are_named() {
    let long = |start: &[u8]| [start, &[0xAB; 64]].concat();
    for (bytes, problem) in [
        (b"<!DOCTYPE html><html><body>404</body></html>".to_vec(), "an HTML page"),
        (b"\n  <HTML><head></head>".to_vec(), "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1\n".to_vec(), "a Git LFS pointer"),
        (long(b"PK\x03\x04\x00\x00\x08\x08\x00\x00"), "a zip archive"),
        (long(b"\x80\x02}q\x00(X\x05\x00\x00"), "a Python pickle"),
        (long(b"NRUB\x01\x00\x10\x27"), "a burnpack file"),
        (long(b"\x1f\x8b\x08\x00\x00\x00\x00\x00"), "compressed with gzip"),
        (long(b"GGUF\x03\x00\x00\x00\x23"), "a GGUF file"),
        (long(b"\x93NUMPY\x01\x00"), "a NumPy array"),
        (b"Not Found".to_vec(), "text, not weights"),
        (b"404".to_vec(), "text, not weights"),
        (vec![], "the file is empty"),
        (vec![0; 8], "header: "),
        (vec![0xFF; 100], "more than 1048576"),
    ] {
        refused(&bytes, problem);
    }
}

#[test]
fn headers_are_capped() {
    let (header, data) = good();
    let mut bytes = file(&header, &data);
    for length in [1 << 20, (1 << 20) + 1, u64::from(u32::MAX), u64::MAX] {
        bytes[..8].copy_from_slice(&length.to_le_bytes());
        refused(&bytes, if length == 1 << 20 { "truncated" } else { "more than 1048576" });
    }
    let bytes = file(&header, &data);
    let limits = Limits { bytes: bytes.len() as u64 - 1, ..Limits::HERE };
    let error = File::parse_within("m", &bytes, &limits).unwrap_err().to_string();
    assert!(error.contains(&format!("{} bytes, more than the {}", bytes.len(), bytes.len() - 1)), "{error}");

    let mut many = header.clone();
    for i in 0..MAX_TENSORS {
        let (start, end) = (14 + 4 * i, 18 + 4 * i);
        many[format!("c{i}")] = json!({ "dtype": "F32", "shape": [1], "data_offsets": [start, end] });
    }
    refused(&file(&many, &[&data[..], &vec![0; 4 * MAX_TENSORS]].concat()), "4098 tensors");
}

#[test]
fn tensors_are_checked() {
    let (header, data) = good();
    let with = |path: &str, value: Value| {
        let mut header = header.clone();
        *header.pointer_mut(path).unwrap() = value;
        file(&header, &data)
    };
    // Overlapping, with a hole, backwards, beyond the end, too large for the machine.
    for offsets in
        [json!([4, 10]), json!([9, 15]), json!([14, 8]), json!([8, u64::MAX]), json!([u64::MAX - 6, u64::MAX])]
    {
        refused(&with("/b.0/data_offsets", offsets), "header: ");
    }
    refused(&with("/b.0/data_offsets", json!([8, -1])), "header: ");
    refused(&with("/b.0/shape", json!([1, 4])), "header: ");
    refused(&with("/b.0/shape", json!([u64::MAX, u64::MAX])), "header: ");
    refused(&with("/b.0/shape", json!([1, 1, 1, 1, 1, 1, 1, 1, 3])), "tensor b.0: rank 9");
    refused(&with("/b.0/dtype", json!("BF16")), "tensor b.0: numbers of type BF16");
    refused(&with("/b.0/dtype", json!("I16")), "tensor b.0: numbers of type I16");
    refused(&with("/b.0/dtype", json!("F12")), "header: ");

    let mut both = header.clone();
    both["c"] = json!({ "dtype": "F32", "shape": [0, 4], "data_offsets": [14, 14] });
    refused(&file(&both, &data), "tensor c: shape [0, 4] holds no numbers");
    both["c"] = json!({ "dtype": "F32", "shape": [1], "data_offsets": [14, 18] });
    refused(&file(&both, &data), "truncated: 14 of the tensors' 18 bytes");
    refused(&file(&header, &[&data[..], &[0]].concat()), "1 bytes too many");

    let mut named = header.clone();
    let entry = named.as_object_mut().unwrap().remove("b.0").unwrap();
    for name in ["é".repeat(257), String::new()] {
        let mut named = named.clone();
        named[name.as_str()] = entry.clone();
        refused(&file(&named, &data), "characters, expected 1 to 256");
    }
    let mut none = header.clone();
    none.as_object_mut().unwrap().retain(|key, _| key == "__metadata__");
    refused(&file(&none, &[]), "0 tensors");
}

#[test]
fn numbers_must_be_finite() {
    let (header, data) = good();
    for (at, pattern, problem) in [
        (4, &[0x00, 0x00, 0xc0, 0x7f][..], "tensor a: element 1 is NaN"),
        (0, &[0x00, 0x00, 0x80, 0xff], "tensor a: element 0 is -inf"),
        (10, &[0x01, 0x7e], "tensor b.0: element 1 is NaN"),
        (12, &[0x00, 0x7c], "tensor b.0: element 2 is inf"),
    ] {
        let mut data = data.clone();
        data[at..at + pattern.len()].copy_from_slice(pattern);
        refused(&file(&header, &data), problem);
    }
}

#[test]
fn manifests_are_required() {
    let (header, data) = good();
    let with = |metadata: Value| {
        let mut header = header.clone();
        header["__metadata__"] = metadata;
        file(&header, &data)
    };
    refused(&with(Value::Null), "no manifest");
    refused(&with(json!({ "format": "pt" })), "no manifest");
    refused(&with(json!({ "scorefield": {} })), "header: ");
    refused(&with(json!({ "scorefield": "{" })), "manifest: not JSON");
    refused(&with(json!({ "scorefield": "[".repeat(10_000) })), "manifest: not JSON");
    refused(&with(json!({ "scorefield": "[]" })), "the field version is missing");
    refused(&with(json!({ "scorefield": "{}" })), "the field version is missing");
    for version in ["2", "0", "-1", "1.5", "\"1\"", "null", "99999999999999999999"] {
        refused(&with(json!({ "scorefield": format!("{{\"version\":{version}}}") })), "is unknown, this build reads");
    }
    refused(&with(json!({ "scorefield": "{\"version\":1}" })), "missing field");
}

/// Names and values of 8 KB, in every place that a message may quote.
#[test]
fn messages_are_short_whatever_the_file_says() {
    let long = "A\u{1b}[31m".repeat(1600);
    let (header, data) = good();
    let manifest = serde_json::to_value(manifest()).unwrap();
    let files = |change: &dyn Fn(&mut Value)| {
        let mut header = header.clone();
        change(&mut header);
        file(&header, &data)
    };
    let mut messages = Vec::new();
    let mut refuse = |bytes: &[u8]| messages.push(File::parse(&long, bytes).err().unwrap().to_string());
    let renamed = |name: &str, entry: Value| {
        files(&|header: &mut Value| {
            header.as_object_mut().unwrap().remove("b.0");
            header[name] = entry.clone();
        })
    };
    let entry = json!({ "dtype": "F16", "shape": [1, 3], "data_offsets": [8, 14] });
    refuse(&renamed(&long, entry.clone()));
    refuse(&renamed("b\u{1b}[31m", entry));
    refuse(&renamed("b.0", json!({ "dtype": long, "shape": [3], "data_offsets": [8, 14] })));
    refuse(&renamed("b.0", json!({ "dtype": "F16", "shape": vec![1; 4000], "data_offsets": [8, 14] })));
    refuse(&files(&|header| header["__metadata__"] = json!({ "scorefield": &long })));
    for (path, value) in [
        ("/version", json!(long)),
        ("/architecture/kind", json!(long)),
        ("/architecture/multipliers", json!(vec![u64::MAX; 4000])),
        ("/architecture/time", json!({ "kind": long })),
        ("/process/kind", json!(long)),
        ("/data/shape", json!(vec![1; 4000])),
        ("/data/name", json!(long)),
        ("/data/classes", json!([long])),
        ("/data/range", json!(long)),
        ("/training/config", json!(long)),
        ("/training", json!({ long.as_str(): 1 })),
        ("/architecture", json!({ "kind": "unet", long.as_str(): 1 })),
    ] {
        let mut manifest = manifest.clone();
        *manifest.pointer_mut(path).unwrap() = value;
        refuse(&files(&|header| header["__metadata__"] = json!({ "scorefield": manifest.to_string() })));
    }
    // Names of another network, as long as a file may have them.
    let name = "x".repeat(MAX_NAME);
    let tensors = (0..9).map(|i| (format!("{i}{name}"), burn::tensor::TensorData::zeros::<f32, _>([1]))).collect();
    messages.push(with_tensors(&long, small(0.5), &tensors).unwrap_err().to_string());
    let tensors = [(format!("a{long}"), burn::tensor::TensorData::new(vec![f32::NAN], [1]))];
    messages.push(encode(&long, &tensors, ("k", "v"), Storage::F16).unwrap_err().to_string());
    for message in messages {
        // The file's name and the problem in 600 characters each, escapes beside.
        assert!(message.chars().count() < 4000, "{} characters: {message}", message.chars().count());
        assert!(!message.contains('\u{1b}'), "{message}");
    }
}
