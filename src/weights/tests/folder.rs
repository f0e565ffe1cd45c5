//! Files on disk, and the list of models.

use super::*;

#[test]
fn what_is_no_file_or_too_large_a_one_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    assert!(read_file(folder.path()).unwrap_err().to_string().contains("a folder"));
    assert!(read_file(&folder.path().join("none")).unwrap_err().to_string().contains("no such file"));
    let large = std::fs::File::create(folder.path().join("large")).unwrap();
    large.set_len(Limits::HERE.bytes + 1).unwrap();
    assert!(read_file(&folder.path().join("large")).unwrap_err().to_string().contains("more than the 4294967296"));
    // FIPS 180-4, the example "abc".
    assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn the_index_follows_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let empty = Index::scan(folder.path(), None).unwrap();
    assert_eq!((empty.models.len(), Index::read(folder.path()).unwrap()), (0, None));

    let (header, data) = good();
    let bytes = file(&header, &data);
    for name in ["fashion.safetensors", "digits.safetensors"] {
        std::fs::write(folder.path().join(name), &bytes).unwrap();
    }
    std::fs::write(folder.path().join("card.md"), "about").unwrap();
    let mut index = Index::scan(folder.path(), None).unwrap();
    let entry = |name: &str, default| IndexEntry {
        name: name.into(),
        file: format!("{name}.safetensors"),
        bytes: bytes.len() as u64,
        sha256: sha256(&bytes),
        title: "Fashion-MNIST".into(),
        default,
    };
    assert_eq!(index.models, [entry("digits", true), entry("fashion", false)]);
    assert_eq!(index.default_model(), index.get("digits"));

    // What people chose is kept.
    index.models[0].default = false;
    index.models[1].default = true;
    index.models[1].title = "Clothes".into();
    index.write(folder.path()).unwrap();
    let read = Index::read(folder.path()).unwrap();
    assert_eq!(read.as_ref(), Some(&index));
    assert_eq!(Index::scan(folder.path(), read.as_ref()).unwrap(), index);

    // A changed file no longer matches; a broken one is an error.
    std::fs::write(folder.path().join("digits.safetensors"), &bytes[..40]).unwrap();
    assert!(Index::scan(folder.path(), None).unwrap_err().to_string().contains("digits.safetensors"));

    for (path, value, problem) in [
        ("/version", json!(2), "version 2"),
        ("/models/0/file", json!("../x.safetensors"), "not a plain name"),
        ("/models/0/file", json!("x.bin"), "not a plain name"),
        ("/models/0/sha256", json!("AB"), "sha256"),
        ("/models/0/name", json!("fashion"), "taken"),
        ("/models/0/default", json!(true), "2 models are marked"),
    ] {
        let mut json = serde_json::to_value(&index).unwrap();
        json["models"][0]["default"] = json!(false);
        *json.pointer_mut(path).unwrap() = value;
        let error = Index::parse("index.json", json.to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.contains(problem), "{path}: {error}");
    }
}

/// The list in the repository is that of the files beside it.
#[test]
fn the_shipped_index_matches() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("web/models");
    if let Some(index) = Index::read(&folder).unwrap() {
        assert_eq!(Index::scan(&folder, Some(&index)).unwrap(), index, "see `scorefield inspect --index web/models`");
    }
}
