//! What a run that goes on may change, what it may not, and what its messages tell to do.

use std::path::Path;

use scorefield::{
    Error,
    train::{Change, Changes, Event, Start, Started, native::RunOptions},
};

use crate::train::{config, finish, log, on, options, resumed, spoilt, vectors};

#[test]
fn a_run_goes_on_at_another_rate_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let data = [0.0, 0.5, -0.5];
    let before = config(&["train.steps=4", "train.log_every=1", "optimiser.lr=1e-3"]);
    finish(on(&data, &before, &options(folder.path())).unwrap()).unwrap();

    let now = config(&["train.steps=6", "train.log_every=1", "optimiser.lr=1e-4", "optimiser.clip=0.5"]);
    let mut run = on(&data, &now, &resumed(folder.path())).unwrap();
    let Some(Event::Started(Started { step: 4, steps: 6, from: Start::Checkpoint(changes), .. })) = run.next().unwrap()
    else {
        panic!("it goes on from its checkpoint")
    };
    let change =
        |field: &str, before: f64, now: f64| Change { field: field.into(), before: before.into(), now: now.into() };
    let steps = Change { field: "train.steps".into(), before: 4.into(), now: 6.into() };
    let fields = vec![change("optimiser.clip", 1.0, 0.5), change("optimiser.lr", 1e-3, 1e-4), steps];
    assert_eq!(changes, Changes { fields, rates: Some([1e-3, 1e-4]) });
    finish(run).unwrap();
    let rates = |out: &Path| log(out, "rate").iter().map(|line| line["rate"].as_f64().unwrap()).collect::<Vec<_>>();
    // Three steps of warm-up.
    assert_eq!(rates(folder.path())[2..], [1e-3, 1e-3, 1e-4, 1e-4]);
    let logged = log(folder.path(), "changed");
    let said: Changes = serde_json::from_value(logged[0]["changed"].clone()).unwrap();
    assert_eq!((logged.len(), logged[0]["step"].as_u64(), said), (1, Some(4), changes));

    // Resumed as it was, there is nothing to say.
    let mut run = on(&data, &now, &resumed(folder.path())).unwrap();
    let started = run.next().unwrap();
    assert!(matches!(&started, Some(Event::Started(Started { from: Start::Checkpoint(c), .. })) if c.is_empty()));
    assert_eq!((run.next().unwrap(), log(folder.path(), "changed").len()), (None, 1));
}

/// Half a cosine over 20 steps, 3 of them warm-up, has come to ½(1 + cos(16π/17)) at its last; over 40 steps the next
/// has ½(1 + cos(17π/37)).
#[test]
fn a_cosine_of_another_length_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let config = |steps| config(&["optimiser.decay=cosine", "optimiser.lr=1e-3", "train.batch=1", steps]);
    finish(on(&[0.0], &config("train.steps=20"), &options(folder.path())).unwrap()).unwrap();
    let mut run = on(&[0.0], &config("train.steps=40"), &resumed(folder.path())).unwrap();
    let Some(Event::Started(Started { from: Start::Checkpoint(changes), .. })) = run.next().unwrap() else {
        panic!("it goes on")
    };
    let [before, now] = changes.rates.unwrap();
    let cosine = |done: f64| 0.5e-3 * (1.0 + (std::f64::consts::PI * done).cos());
    // Rounding of f64.
    assert!(
        (before - cosine(16.0 / 17.0)).abs() < 1e-15 && (now - cosine(17.0 / 37.0)).abs() < 1e-15,
        "{before} {now}"
    );
    // A constant rate does not mind.
    let straight = tempfile::tempdir().unwrap();
    let constant = |steps| self::config(&["train.batch=1", steps]);
    finish(on(&[0.0], &constant("train.steps=4"), &options(straight.path())).unwrap()).unwrap();
    let mut run = on(&[0.0], &constant("train.steps=5"), &resumed(straight.path())).unwrap();
    let started = run.next().unwrap();
    assert!(matches!(
        &started,
        Some(Event::Started(Started { from: Start::Checkpoint(Changes { rates: None, .. }), .. }))
    ));
}

#[test]
fn what_would_be_another_run_is_refused_by_name_with_both_values() {
    let folder = tempfile::tempdir().unwrap();
    finish(on(&[0.0], &config(&["train.steps=1"]), &options(folder.path())).unwrap()).unwrap();
    let before = vectors(folder.path());
    for (assignment, said) in [
        ("data.class_dropout=0.25", "data.class_dropout = 0.25 (was 0.1)"),
        ("data.flip=true", "data.flip = true (was false)"),
        ("data.sigma_data=0.5", "data.sigma_data = 0.5 (was 0.706)"),
        ("model.heads=0", "model.heads = 0 (was 2)"),
        ("process.beta_max=19.0", "process.beta_max = 19.0 (was 20.0)"),
        ("objective.times={ kind = 'uniform', t_min = 0.01 }", "objective.times.kind = uniform (was log-normal)"),
        ("train.seed=2", "train.seed = 2 (was 1)"),
        ("train.batch=9", "train.batch = 9 (was 8)"),
    ] {
        // Together with what may change.
        let now = config(&["train.steps=2", "optimiser.lr=1e-5", assignment]);
        let Err(error) = on(&[0.0], &now, &resumed(folder.path())) else { panic!("{assignment} is another run") };
        let error = error.to_string();
        assert!(error.contains(said) && !error.contains("optimiser.lr"), "{assignment}: {error}");
    }
    assert_eq!(before, vectors(folder.path()), "nothing was written");
}

/// What a message says to do, from its backticks, as arguments of another start.
pub(crate) fn follow(message: &str) -> (bool, Vec<String>) {
    let remedy = message.split('`').nth(1).expect("a remedy in backticks");
    let words: Vec<_> = remedy.split(' ').collect();
    let set = |(i, word): (usize, &&str)| (*word == "--set").then(|| words[i + 1].to_owned());
    (words.contains(&"--resume"), words.iter().enumerate().filter_map(set).collect())
}

#[test]
fn after_a_loss_that_is_not_finite_the_run_goes_on_as_the_message_says() {
    // Four steps of one picture, each picture once: which one is spoilt decides which step fails.
    let mut steps = Vec::new();
    for spoilt in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let assignments = ["train.steps=4", "train.batch=1", "optimiser.lr=1e-3", "train.checkpoint_every=2"];
        let mut data = [0.0; 4];
        data[spoilt] = f32::NAN;
        let error = finish(on(&data, &config(&assignments), &options(folder.path())).unwrap()).unwrap_err();
        let Error::NotFinite { step, .. } = error else { panic!("{error}") };
        let (resume, set) = follow(&error.to_string());
        // The step after the checkpoint would be the same again, whatever the rate.
        assert_eq!((resume, &set[..]), (step == 4, &["optimiser.lr=1e-4".to_owned()][..]), "{error}");
        let now = config(&assignments.iter().copied().chain(set.iter().map(String::as_str)).collect::<Vec<_>>());
        let out = if error.to_string().contains("--out") { folder.path().join("anew") } else { folder.path().into() };
        let outcome = finish(on(&[0.0; 4], &now, &RunOptions { resume, ..options(&out) }).unwrap()).unwrap();
        assert_eq!((outcome.step, now.optimiser.lr), (4, 1e-4));
        steps.push(step);
    }
    steps.sort_unstable();
    assert_eq!(steps, [1, 2, 3, 4]);
}

#[test]
fn a_state_that_is_not_finite_is_never_saved() {
    let folder = tempfile::tempdir().unwrap();
    finish(on(&[0.0], &config(&["train.steps=2"]), &options(folder.path())).unwrap()).unwrap();
    // Moments that are finite and take the parameters to infinity in one step.
    let checkpoint = folder.path().join("checkpoint.safetensors");
    let intact = std::fs::read(&checkpoint).unwrap();
    let bytes = spoilt(&checkpoint, "moment1", 3e38);
    std::fs::write(&checkpoint, &bytes).unwrap();
    let error = finish(on(&[0.0], &config(&["train.steps=3"]), &resumed(folder.path())).unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("a number in parameters is not finite at step 3"), "{error}");
    assert_eq!(std::fs::read(&checkpoint).unwrap(), bytes, "the checkpoint is as it was");
    assert!(follow(&error.to_string()).0, "{error}");

    // An average that f16, which weights are stored in, does not reach: of 1e6 a step leaves 1e6·4/13.
    std::fs::write(&checkpoint, &intact).unwrap();
    let bytes = spoilt(&checkpoint, "average", 1e6);
    std::fs::write(&checkpoint, &bytes).unwrap();
    let error = finish(on(&[0.0], &config(&["train.steps=3"]), &resumed(folder.path())).unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("a number in average, as f16, is not finite at step 3"), "{error}");
    assert_eq!(std::fs::read(&checkpoint).unwrap(), bytes, "the checkpoint is as it was");
}
