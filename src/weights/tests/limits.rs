//! The limits of the manifest.

use super::*;

#[test]
fn every_manifest_field_has_limits() {
    let good = serde_json::to_value(manifest()).unwrap();
    let refused = |path: &str, value: Value, field: &str| {
        let mut json = good.clone();
        *json.pointer_mut(path).unwrap_or_else(|| panic!("no {path}")) = value.clone();
        let error = Manifest::parse("m", &json.to_string()).unwrap_err().to_string();
        assert!(error.contains(field), "{path} = {value}: {error}");
    };
    for (path, value, field) in [
        ("/architecture/kind", json!("mlp"), "unknown variant `mlp`"),
        ("/architecture/shape", json!([4, 28, 28]), "architecture.shape"),
        ("/architecture/shape", json!([1, 0, 28]), "architecture.shape"),
        ("/architecture/shape", json!([1, 4096, 28]), "architecture.shape"),
        ("/architecture/shape", json!([1, 30, 30]), "architecture.patch"),
        ("/architecture/shape", json!([1, 32, 32]), "data.shape"),
        ("/architecture/patch", json!(0), "architecture.patch"),
        ("/architecture/patch", json!(u64::MAX), "architecture.patch"),
        ("/architecture/patch", json!(3), "to divide the image's 28×28 pixels"),
        ("/architecture/multipliers", json!([]), "architecture.multipliers"),
        ("/architecture/multipliers", json!([1, 1, 1, 1, 1, 1, 1]), "architecture.multipliers"),
        ("/architecture/multipliers", json!([1, 0]), "architecture.multipliers"),
        ("/architecture/multipliers", json!([1, 1000]), "to be at most 1024"),
        ("/architecture/multipliers", json!([1, u64::MAX]), "architecture.multipliers"),
        ("/architecture/width", json!(0), "architecture.width"),
        ("/architecture/width", json!(2048), "architecture.width"),
        ("/architecture/width", json!(-1), "invalid value"),
        ("/architecture/width", json!(1e3), "invalid type"),
        ("/architecture/groups", json!(0), "architecture.groups"),
        ("/architecture/groups", json!(7), "architecture.groups"),
        ("/architecture/blocks", json!(0), "architecture.blocks"),
        ("/architecture/blocks", json!(17), "architecture.blocks"),
        ("/architecture/heads", json!(7), "architecture.heads"),
        ("/architecture/embedding", json!(3), "architecture.embedding"),
        ("/architecture/embedding", json!(8192), "architecture.embedding"),
        ("/architecture/time/scale", json!(0.0), "architecture.time.scale"),
        ("/architecture/time/scale", Value::Null, "invalid type"),
        ("/architecture/classes", json!(10_001), "architecture.classes"),
        ("/architecture/classes", json!(9), "data.classes"),
        ("/process/kind", json!("cosine"), "unknown variant"),
        ("/process", json!({ "kind": "none" }), "process.kind = none: expected a process with noise"),
        ("/process/beta_min", json!(-1.0), "process.beta_min"),
        ("/process/beta_max", json!(1e300), "process.beta_min"),
        ("/parameterisation/sigma_data", json!(0.0), "parameterisation.sigma_data"),
        ("/data/name", json!(""), "data.name"),
        ("/data/name", json!("\u{1b}[31m"), "no control characters"),
        ("/data/licence", json!("x".repeat(257)), "data.licence"),
        ("/architecture/shape", json!([2, 28, 28]), "for grey or [3, height, width] for colour"),
        ("/data/shape", json!([1, 28]), "invalid length"),
        ("/data/shape", json!([784]), "data.shape = [784]: expected the architecture's shape, [1, 28, 28]"),
        ("/data/range", json!([0.0, 1.0]), "data.range"),
        ("/data/classes", json!(["a"]), "data.classes"),
        ("/data/sigma_data", json!(-0.5), "data.sigma_data"),
        ("/training/seed", json!(1u64 << 53), "training.seed"),
        ("/training/ema", json!(1.0), "training.ema"),
        ("/training/hours", json!(-1.0), "training.hours"),
        ("/training/config", json!("x".repeat(70_000)), "training.config"),
    ] {
        refused(path, value, field);
    }
    let error = |json: Value| Manifest::parse("m", &json.to_string()).unwrap_err().to_string();
    for (path, field) in [
        ("architecture", "heads"),
        ("architecture", "groups"),
        ("process", "beta_max"),
        ("parameterisation", "sigma_data"),
        ("data", "licence"),
    ] {
        let mut json = good.clone();
        json[path].as_object_mut().unwrap().remove(field).unwrap();
        let found = error(json);
        assert!(found.contains(field) && found.contains("missing"), "without {path}.{field}: {found}");
    }
    for path in ["", "/architecture", "/process", "/data", "/training"] {
        let mut json = good.clone();
        json.pointer_mut(path).unwrap()["colour"] = json!(1);
        let found = error(json);
        assert!(found.contains("unknown field `colour`"), "with {path}/colour: {found}");
    }
}

/// The shipped network with another number of everything.
fn unet(change: impl FnOnce(&mut UNetConfig)) -> Architecture {
    let mut config = UNetConfig::default();
    change(&mut config);
    Architecture::UNet(config)
}

#[test]
fn huge_networks_are_refused_by_arithmetic() {
    let wide = unet(|config| (config.width, config.multipliers, config.blocks) = (1024, vec![1; 6], 16));
    let wide = Architecture::UNet(match wide {
        Architecture::UNet(config) => UNetConfig { shape: [1, 64, 64], ..config },
    });
    let error = wide.validate().unwrap_err().to_string();
    assert!(error.contains("parameters: expected at most 1000000000"), "{error}");

    // A small file cannot ask for a large network.
    let mut claim = manifest();
    claim.architecture = unet(|config| config.width = 256);
    claim.validate().unwrap();
    let (mut header, data) = good();
    header["__metadata__"]["scorefield"] = json!(serde_json::to_string(&claim).unwrap());
    let bytes = file(&header, &data);
    let error = File::parse("m", &bytes).unwrap().network(&Device::flex()).unwrap_err().to_string();
    assert!(error.contains("parameters, the file holds 5"), "{error}");
}
