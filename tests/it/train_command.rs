//! `scorefield train` as a shell runs it: what its messages tell to do does work, and half a run is no success.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, ChildStderr, Command, Output, Stdio},
    time::Duration,
};

const SMALL: &str = "--set model.width=8 --set model.groups=4 --set model.heads=2 --set model.embedding=16 \
    --set optimiser.decay=constant --set train.batch=2 --set train.log_every=1 --set train.sample_every=0";

/// A command of two small steps into `out`, and more arguments.
fn train(out: &Path, more: &str) -> String {
    format!("scorefield train configs/fashion-mnist.toml {SMALL} --set train.steps=2 {more} --out {}", out.display())
}

fn shell(command: &str) -> Command {
    let command =
        command.replace("scorefield train", &format!("exec {} train --device cpu", env!("CARGO_BIN_EXE_scorefield")));
    let mut shell = Command::new("sh");
    shell.args(["-c", &command]);
    shell
}

fn succeeds(command: &str) -> Output {
    let output = shell(command).output().unwrap();
    assert!(output.status.success(), "{command}\n{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn message(command: &str) -> String {
    let output = shell(command).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{command}");
    String::from_utf8(output.stderr).unwrap()
}

/// Every remedy of the message: a command, or arguments to add. An expected list of numbers is one, too.
fn remedies(message: &str) -> Vec<String> {
    if let Some((setting, expected)) = message.split_once("remedy: expected [") {
        let field = setting.rsplit("error: ").next().unwrap().split_once(" = ").unwrap().0;
        return vec![format!("--set '{field}=[{}'", expected.trim())];
    }
    message.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The command with a remedy of its message.
fn followed(command: &str, remedy: &str) -> String {
    if remedy.starts_with("scorefield ") {
        return remedy.to_owned();
    }
    if remedy.starts_with("rm ") {
        return format!("{remedy} && {command}");
    }
    let command = match command.split_once(" --out ") {
        Some((before, _)) if remedy.contains("--out") => before,
        _ => command,
    };
    format!(
        "{} {remedy}",
        if remedy.contains("--resume") { command.replace("--resume", "") } else { command.to_owned() }
    )
}

#[test]
fn every_remedy_works() {
    type Prepare = fn(&Path);
    let first: Prepare = |out| {
        succeeds(&train(out, ""));
    };
    let cut: Prepare = |out| {
        succeeds(&train(out, ""));
        let checkpoint = out.join("checkpoint.safetensors");
        let bytes = fs::read(&checkpoint).unwrap();
        fs::write(&checkpoint, &bytes[..bytes.len() - 100]).unwrap();
    };
    let overflowing: Prepare = |out| {
        succeeds(&train(out, ""));
        let checkpoint = out.join("checkpoint.safetensors");
        let mut bytes = fs::read(&checkpoint).unwrap();
        let start = {
            let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
            file.tensor("parameters").unwrap().data().as_ptr() as usize - bytes.as_ptr() as usize
        };
        bytes[start..start + 40_000].chunks_mut(4).for_each(|value| value.copy_from_slice(&1e38f32.to_le_bytes()));
        fs::write(&checkpoint, &bytes).unwrap();
    };
    let nothing: Prepare = |_| {};
    let elsewhere: Prepare = |out| {
        succeeds(&train(&out.with_file_name("other"), "--set model.width=16"));
    };
    // What was there before, what is asked for then, and how many ways out there are.
    let cases: [(Prepare, &str, usize); 8] = [
        (first, "", 2),
        (first, "--resume --set train.seed=7 --set train.steps=3", 2),
        (first, "--resume --set train.steps=1", 1),
        (cut, "--resume", 2),
        (overflowing, "--resume --set train.steps=3", 1),
        (nothing, "--set 'model.shape=[1, 32, 28]'", 1),
        (elsewhere, "--init-from OTHER/weights.safetensors", 1),
        // The advice of earlier versions, which those did not take.
        (first, "--resume --set optimiser.lr=1e-4 --set train.steps=3", 0),
    ];
    for (prepare, more, count) in cases {
        let root = tempfile::tempdir().unwrap();
        let command = |out: &Path| {
            let more = more.replace("OTHER", &out.with_file_name("other").display().to_string());
            train(out, &more)
        };
        let out = root.path().join("first").join("run");
        prepare(&out);
        if count == 0 {
            succeeds(&command(&out));
            continue;
        }
        let said = message(&command(&out));
        assert_eq!(remedies(&said).len(), count, "{said}");
        for remedy in 0..count {
            // Each in a folder that the others have not changed.
            let out = root.path().join(remedy.to_string()).join("run");
            prepare(&out);
            let command = command(&out);
            let said = message(&command);
            succeeds(&followed(&command, &remedies(&said)[remedy]));
        }
    }
}

#[test]
fn objectives_are_listed_by_the_kinds_that_configs_take() {
    let output = succeeds("scorefield train --list-objectives --json");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let kinds: Vec<_> = json["objectives"].as_array().unwrap().iter().map(|o| o["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds[..2], ["denoising", "continuous"]);
    for kind in kinds {
        // Each on the process that it is made for; the U-Net has no derivative in forward mode.
        let process = if ["ncsn", "ddpm"].contains(&kind) { kind.replace("ncsn", "smld") } else { "vp".to_owned() };
        let config = [format!("objective={{ kind = '{kind}' }}"), format!("process={{ kind = '{process}' }}")];
        let read = scorefield::train::RunConfig::read(Path::new("configs/fashion-mnist.toml"), &config);
        if ["implicit", "sliced"].contains(&kind) {
            let refused = read.unwrap_err().to_string();
            assert!(refused.contains(&format!("objective.kind = {kind}")) && refused.contains("mlp"), "{refused}");
        } else {
            read.unwrap();
        }
    }
    // Without one of the two there is nothing to do.
    assert_eq!(shell("scorefield train").output().unwrap().status.code(), Some(2));
}

#[test]
fn a_folder_in_use_is_left_for_another() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("run");
    fs::create_dir(&out).unwrap();
    let lock = fs::File::create(out.join("lock")).unwrap();
    lock.lock().unwrap();
    let command = train(&out, "");
    let said = message(&command);
    assert_eq!(remedies(&said), [format!("--out {}", root.path().join("run-2").display())]);
    succeeds(&followed(&command, &remedies(&said)[0]));
}

#[test]
fn what_a_resumed_run_changes_is_said_on_standard_error_and_in_json() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("run");
    let cosine = "--set optimiser.decay=cosine --set optimiser.warmup=0 --set optimiser.lr=1e-3";
    succeeds(&train(&out, cosine));
    let output = succeeds(&format!("{} --json", train(&out, &format!("--resume {cosine} --set train.steps=8"))));
    let said = String::from_utf8(output.stderr).unwrap();
    // Half a cosine: over 2 steps the last has ½(1 + cos π/2), over 8 the third ½(1 + cos π/4) = ½ + ¼√2.
    assert!(said.contains("train.steps = 8 (was 2)"), "{said}");
    assert!(said.contains("the learning rate goes from 5.00e-4 to 8.54e-4"), "{said}");
    let line = String::from_utf8(output.stdout).unwrap();
    let json: serde_json::Value = serde_json::from_str(line.trim().lines().last().unwrap()).unwrap();
    assert_eq!(json["resumed"]["step"], 2);
    assert_eq!(json["resumed"]["changed"][0]["field"], "train.steps");
    let rates: Vec<f64> = serde_json::from_value(json["resumed"]["rates"].clone()).unwrap();
    let now = 1e-3 * (0.5 + 0.25 * f64::sqrt(2.0));
    // Rounding of f64.
    assert!((rates[0] - 5e-4).abs() < 1e-15 && (rates[1] - now).abs() < 1e-15, "{rates:?}");
}

/// A run that does not end by itself; it ends with the test.
struct Endless {
    child: Child,
    said: BufReader<ChildStderr>,
}

impl Endless {
    /// Starts a command, and waits for its first line on standard error.
    fn start(command: &str) -> Self {
        let mut child = shell(command).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        let mut run = Self { child, said };
        let line = run.line();
        assert!(line.starts_with("device: "), "{line}");
        run
    }

    /// The next line on standard error.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Exit code and standard output.
    fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn endless(out: &Path, batch: &str) -> String {
    train(out, &format!("--set train.steps=1000000 --set train.batch={batch}"))
}

/// Waits until the log has more than `count` steps.
fn await_steps(out: &Path, count: usize) -> usize {
    loop {
        let steps = fs::read_to_string(out.join("log.jsonl")).map_or(0, |log| log.lines().count());
        if steps > count {
            return steps;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[cfg(unix)]
fn a_signal_ends_a_run_with_its_code_and_a_checkpoint() {
    for (name, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("run");
        let run = Endless::start(&endless(&out, "2"));
        await_steps(&out, 2);
        run.signal(name);
        let (ended, said) = run.end();
        assert_eq!(ended, Some(code), "{name}");
        let log = out.join("log.jsonl");
        let steps = fs::read_to_string(&log).unwrap().lines().count();
        assert!(said.contains(&format!("step {steps},")) && said.contains("--resume"), "{said}");
        // All of them are in the checkpoint, and the run goes on to its end with success.
        succeeds(&train(&out, &format!("--resume --set train.steps={}", steps + 1)));
        assert_eq!(fs::read_to_string(&log).unwrap().lines().filter(|line| line.contains("loss")).count(), steps + 1);
    }
}

#[test]
#[cfg(unix)]
fn a_second_signal_ends_it_at_once() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("run");
    // A step of a second or so.
    let mut run = Endless::start(&endless(&out, "2000"));
    run.signal("INT");
    assert_eq!(run.line(), "\n");
    assert!(run.line().contains("stopping after this step"));
    run.signal("INT");
    assert_eq!(run.end().0, Some(130));
    assert!(!out.join("checkpoint.safetensors").exists(), "it did not wait for the step");
}

#[test]
#[cfg(unix)]
fn a_run_outlives_its_terminal_where_it_is_told_to() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("run");
    // As nohup does.
    let run = Endless::start(&format!("trap '' HUP; {}", endless(&out, "2")));
    let steps = await_steps(&out, 2);
    run.signal("HUP");
    await_steps(&out, steps + 2);
    run.signal("TERM");
    assert_eq!(run.end().0, Some(143));
}
