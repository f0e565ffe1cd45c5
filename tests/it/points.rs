//! Points as data: every config of `configs/lab`, files of points, and a network that learns two moons.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use scorefield::{
    data::{Distribution, Spread, points_of_csv},
    model::Model,
    space::Space,
    train::{RunConfig, native::Run},
    weights,
};

use crate::{
    eval::{refused, result},
    train::{finish, options, resumed},
};

/// A run of a small network, on the data that `data` says.
fn config(data: &str, overrides: &[&str]) -> scorefield::Result<RunConfig> {
    let text = format!(
        "name = \"points\"\n[data]\n{data}\n[model]\nkind = \"mlp\"\nwidth = 32\ndepth = 2\n\
         [train]\nsteps = 4\nbatch = 32\nsample_every = 2\n"
    );
    let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    RunConfig::parse(&text, "points.toml", &overrides)
}

fn open(config: RunConfig, out: &Path, data: Option<&Path>) -> scorefield::Result<Run> {
    let options = scorefield::train::native::RunOptions { data: data.map(PathBuf::from), ..options(out) };
    Run::open(config, options, &Device::flex())
}

fn load(out: &Path) -> Model {
    let path = out.join("weights.safetensors");
    Model::from_bytes("weights", &weights::read_file(&path).unwrap(), &Device::flex()).unwrap()
}

#[test]
fn points_of_a_file_are_trained_on_and_the_weights_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let values = Distribution::Tree.draw(3, 0, 200);
    let text: String = values.chunks(2).map(|point| format!("{},{}\n", point[0], point[1])).collect();
    std::fs::write(folder.path().join("branches.csv"), format!("x,y\n{text}")).unwrap();
    let out = folder.path().join("run");
    let of_file = || config("file = \"branches.csv\"", &[]).unwrap();
    finish(open(of_file(), &out, Some(folder.path())).unwrap()).unwrap();

    let spread = Spread::of(&points_of_csv("branches.csv", &text).unwrap());
    let model = load(&out);
    let data = &model.network().unwrap().manifest().data;
    assert_eq!((data.name.as_str(), data.shape, data.range), ("branches.csv", Space::Points(2), spread.range));
    assert_eq!(data.sigma_data, Some(spread.std));
    // What a run's folder has of its config is complete, and goes on as the shorter one does.
    let written = RunConfig::read(&out.join("config.toml"), &[]).unwrap();
    assert_eq!(written.data.sigma_data, Some(spread.std));
    for again in [of_file(), written] {
        let options = scorefield::train::native::RunOptions { data: Some(folder.path().into()), ..resumed(&out) };
        let outcome = finish(Run::open(again, options, &Device::flex()).unwrap()).unwrap();
        assert_eq!((outcome.step, outcome.interrupted), (4, false));
    }
    // Other points under that name are another run.
    std::fs::write(folder.path().join("branches.csv"), format!("{text}9,9\n")).unwrap();
    let options = scorefield::train::native::RunOptions { data: Some(folder.path().into()), ..resumed(&out) };
    let refused = Run::open(of_file(), options, &Device::flex()).err().unwrap().to_string();
    assert!(refused.contains("data.sigma_data") && refused.contains("another run"), "{refused}");
    let picture = image::open(out.join("samples/step-000004.png")).unwrap();
    assert_eq!((picture.width(), picture.height()), (512, 512));
}

#[test]
fn what_is_no_data_is_refused_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let read = |data: &str, overrides: &[&str]| config(data, overrides).unwrap_err().to_string();
    for (data, said) in [
        ("", "data.name = missing: expected one of fashion-mnist, two-moons"),
        ("name = \"two-moon\"", "no data are called \"two-moon\", expected fashion-mnist, two-moons"),
        ("name = \"rings\"\nfile = \"p.csv\"", "data.file = given with data.name: expected one of the two"),
        ("name = \"rings\"\nflip = true", "data.flip = true: expected false: points have no left and right"),
        ("name = \"rings\"\nsigma_data = 0.0", "data.sigma_data = 0: expected a number from 1e-6"),
    ] {
        assert!(read(data, &[]).contains(said), "{}", read(data, &[]));
    }
    let opened = |config: RunConfig, data: Option<&Path>| {
        open(config, &folder.path().join("run"), data).err().expect("it is refused").to_string()
    };
    let rings = |overrides: &[&str]| config("name = \"rings\"", overrides).unwrap();
    assert!(opened(rings(&[]), Some(folder.path())).contains("expected nothing: rings is drawn, and needs no files"));
    assert!(opened(rings(&["model.dim=3"]), None).contains("model.dim = [3]: expected 2, of a network of points"));
    let missing = config("file = \"no.csv\"", &[]).unwrap();
    assert!(opened(missing, Some(folder.path())).contains("no.csv"));
    assert!(!folder.path().join("run").exists(), "a run that cannot begin leaves nothing");
}

#[test]
fn a_run_on_any_distribution_goes_on() {
    for distribution in Distribution::ALL {
        let folder = tempfile::tempdir().unwrap();
        let data = format!("name = \"{distribution}\"");
        let config = config(&data, &["train.sample_every=0", "train.steps=2"]).unwrap();
        finish(open(config.clone(), folder.path(), None).unwrap()).unwrap();
        let outcome = finish(Run::open(config, resumed(folder.path()), &Device::flex()).unwrap()).unwrap();
        assert_eq!(outcome.step, 2, "{distribution}");
    }
}

#[test]
fn points_far_from_where_a_network_takes_them_to_be_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let values = Distribution::TwoMoons.draw(3, 0, 200);
    let refused = |scale: f32, offset: f32| {
        let text: String =
            values.chunks(2).map(|point| format!("{},{}\n", scale * point[0] + offset, scale * point[1])).collect();
        std::fs::write(folder.path().join("p.csv"), text).unwrap();
        let config = config("file = \"p.csv\"", &["train.steps=1"]).unwrap();
        let run = open(config, &folder.path().join("run"), Some(folder.path()));
        run.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(refused(1.0, 100.0).contains("expected points about 0: subtract their mean"));
    // VP's α(1) is 0.00657, so that 0.3 of its noise there are points of 45.6.
    assert!(refused(1e4, 0.0).contains("expected at most 45.6"), "{}", refused(1e4, 0.0));
    assert_eq!(refused(10.0, 5.0), "");
}

#[test]
fn a_discrepancy_of_pairs_has_a_batch_of_some_and_not_of_too_many() {
    for batch in ["1", "65536"] {
        let overrides = ["objective.kind=stein", "process.kind=vp", &format!("train.batch={batch}")];
        let error = config("name = \"rings\"", &overrides).unwrap_err().to_string();
        assert!(error.contains(&format!("train.batch = {batch}: expected an integer 2 … 4096")), "{error}");
    }
}

#[test]
fn two_moons_are_learnt() {
    let folder = tempfile::tempdir().unwrap();
    let short = ["train.steps=600".to_owned(), "train.sample_every=0".to_owned()];
    let config = RunConfig::read(Path::new("configs/lab/two-moons.toml"), &short).unwrap();
    finish(open(config, folder.path(), None).unwrap()).unwrap();

    let weights = folder.path().join("weights.safetensors");
    let value = result(&["eval", "--model", weights.to_str().unwrap(), "--n", "2000", "--device", "cpu", "--json"]);
    let number = |field: &str| value[field].as_f64().unwrap_or_else(|| panic!("{field} in {value}"));
    let [learnt, floor, ceiling] = ["energy_distance", "energy_distance_floor", "energy_distance_ceiling"].map(number);
    // What draws themselves vary by, some E|X − X′|/N = 0.001, shows the noise's distance of 0.07, and its tenth.
    assert!(floor.abs() < 0.05 * ceiling && learnt < 0.1 * ceiling, "{value}");
    assert_eq!((value["data"].as_str(), value["n"].as_u64()), (Some("two-moons"), Some(2000)));
    // Draws that were not trained on take fewer bits than by a Gaussian of the data's width: ½·log₂ 2πe + log₂ σ_d each.
    let test = ["likelihood", "--model", weights.to_str().unwrap(), "--data", "test", "--n", "200", "--device", "cpu"];
    let bits = result(&[&test[..], &["--json"]].concat())["bits_per_dim"].as_f64().unwrap();
    let gaussian = (2.0 * std::f64::consts::PI * std::f64::consts::E).sqrt() * Distribution::TwoMoons.std();
    assert!(bits < gaussian.log2(), "{bits} bits/dim, of a Gaussian as wide {}", gaussian.log2());
}

#[test]
fn what_is_drawn_is_listed_and_needs_no_getting() {
    let listed = result(&["data", "list", "--json"]);
    let rows = listed["distributions"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert!(names.len() == Distribution::ALL.len() && names.contains(&"ncsn-mixture"), "{names:?}");
    let said = refused(&["data", "get", "rings"]);
    assert!(said.contains("nothing to get") && said.contains("name = \"rings\""), "{said}");
    assert!(refused(&["data", "get", "ring"]).contains("expected fashion-mnist, two-moons"));
}

#[test]
fn every_config_of_the_lab_is_one() {
    let mut names = Vec::new();
    for entry in std::fs::read_dir("configs/lab").unwrap() {
        let path = entry.unwrap().path();
        let config = RunConfig::read(&path, &[]).unwrap();
        assert_eq!(
            Some(config.name.as_str()),
            path.file_stem().and_then(|stem| stem.to_str()),
            "a run is called as its file"
        );
        // It is what it says from its first step on.
        let folder = tempfile::tempdir().unwrap();
        let one = ["train.steps=1".to_owned(), "train.batch=16".to_owned(), "train.sample_every=0".to_owned()];
        finish(open(RunConfig::read(&path, &one).unwrap(), folder.path(), None).unwrap()).unwrap();
        names.push(config.name);
    }
    assert!(names.contains(&"two-moons".to_owned()), "{names:?}");
}
