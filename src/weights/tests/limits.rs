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
        ("/architecture/kind", json!("rnn"), "unknown variant `rnn`"),
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
    let wide = unet(|c| (c.shape, c.width, c.multipliers, c.blocks) = ([1, 64, 64], 1024, vec![1; 6], 16));
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

#[test]
fn networks_of_published_sizes_are_taken_natively_and_small_ones_in_a_browser() {
    // As large as DDPM's of CIFAR-10 (35.7 million), as one of 62.8 million at 64×64, as DDPM's channels at 256×256.
    let ddpm = unet(|c| {
        (c.shape, c.patch, c.width, c.multipliers) = ([3, 32, 32], 1, 128, vec![1, 2, 2, 2]);
        (c.blocks, c.heads, c.groups, c.embedding, c.classes) = (3, 1, 32, 512, 0);
    });
    let larger = unet(|c| {
        (c.shape, c.patch, c.width, c.multipliers) = ([3, 64, 64], 1, 128, vec![1, 2, 2, 2]);
        (c.blocks, c.heads, c.groups, c.embedding, c.classes) = (5, 4, 32, 512, 1000);
    });
    let lsun = unet(|c| {
        (c.shape, c.patch, c.width, c.multipliers) = ([3, 256, 256], 1, 128, vec![1, 1, 2, 2, 4, 4]);
        (c.blocks, c.heads, c.groups, c.embedding, c.classes) = (2, 1, 32, 512, 0);
    });
    for (architecture, least) in [(&ddpm, 36), (&larger, 63), (&lsun, 80)] {
        architecture.validate_within(&Limits::NATIVE).unwrap();
        assert!(architecture.parameters() > least * 1_000_000, "{}", architecture.parameters());
        // Larger than this, a file would not be read where it was written.
        assert!(4 * architecture.parameters() + (1 << 20) < Limits::NATIVE.bytes);
    }
    let error = larger.validate_within(&Limits::BROWSER).unwrap_err().to_string();
    assert!(error.contains("parameters: expected at most 32000000"), "{error}");
    Architecture::default().validate_within(&Limits::BROWSER).unwrap();
}

/// What is within the limits of parameters fits into the limits of bytes, with the largest header: natively in either
/// storage, in a browser in f16.
#[test]
fn the_limits_of_bytes_have_room_for_those_of_parameters() {
    let header = MAX_HEADER as u64 + 8;
    assert!(Limits::NATIVE.parameters * Storage::F32.bytes() as u64 + header <= Limits::NATIVE.bytes);
    assert!(Limits::BROWSER.parameters * Storage::F16.bytes() as u64 + header <= Limits::BROWSER.bytes);
}

#[test]
fn a_network_at_the_limits_is_saved_and_read_and_one_beyond_is_refused() {
    // As many layers as a U-Net can have, and so the longest header.
    let deepest = unet(|c| {
        (c.shape, c.patch, c.width, c.multipliers) = ([1, 32, 32], 1, 1, vec![1, 2, 1, 2, 1, 2]);
        (c.blocks, c.heads, c.groups, c.embedding) = (16, 1, 1, 2);
    });
    for architecture in [deepest, Architecture::default()] {
        let mut manifest = manifest();
        manifest.data.shape = architecture.space();
        manifest.architecture = architecture.clone();
        let network = architecture.init(1, &Device::flex());
        let bytes = to_bytes("m", &network, &manifest, Storage::F16).unwrap();
        let (parameters, activations) = (architecture.parameters(), architecture.activations());
        let limits = Limits { bytes: bytes.len() as u64, parameters, activations };
        let read = File::parse_within("m", &bytes, &limits).unwrap().network(&Device::flex()).unwrap();
        assert_eq!(read.num_params() as u64, parameters);
        for (limits, problem) in [
            (Limits { bytes: limits.bytes - 1, ..limits }, "bytes, more than the"),
            (Limits { parameters: parameters - 1, ..limits }, "parameters: expected at most"),
            (Limits { activations: activations - 1, ..limits }, "values of activations per sample: expected at most"),
        ] {
            let error = File::parse_within("m", &bytes, &limits).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }
}

#[test]
fn what_a_manifest_can_have_allocated_is_bounded() {
    let refused = |what: &str, architecture: Architecture| {
        for limits in [Limits::NATIVE, Limits::BROWSER] {
            let error = architecture.validate_within(&limits).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    };
    let activations = "values of activations per sample: expected at most";
    // 67 million values each result of the first level.
    refused(activations, unet(|c| (c.shape, c.patch, c.width) = ([3, 1024, 1024], 1, 64)));
    // Few channels, and attention between a million pixels: 10¹² weights.
    refused(
        activations,
        unet(|c| {
            (c.shape, c.patch, c.width, c.multipliers) = ([1, 1024, 1024], 1, 1, vec![1]);
            (c.heads, c.groups) = (1, 1);
        }),
    );
    // Many results that are kept for the way up.
    refused(
        activations,
        unet(|c| {
            (c.shape, c.patch, c.width, c.multipliers) = ([1, 1024, 1024], 1, 16, vec![1]);
            (c.blocks, c.heads) = (16, 0);
        }),
    );
    refused(
        "parameters: expected at most",
        unet(|c| {
            (c.shape, c.patch, c.width, c.multipliers, c.blocks) = ([1, 64, 64], 2, 1024, vec![1; 6], 16);
        }),
    );
    // A stem's channels that the groups do not divide, whatever they do with the levels'.
    refused(
        "architecture.groups = 8: expected a divisor of the stem's channels, 4",
        unet(|c| {
            (c.width, c.multipliers, c.heads) = (4, vec![2], 0);
        }),
    );
    // What is accepted in a browser takes at most 256 MiB per sample, and large images do fit.
    let large = unet(|c| (c.shape, c.patch, c.width, c.heads) = ([3, 1024, 1024], 8, 64, 0));
    large.validate_within(&Limits::BROWSER).unwrap();
}
