//! The command line as a shell has it: exit codes, what goes where, and remedies that work.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// A mixture of two Gaussians in the plane, VP.
const MIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/mixture2d.toml");

/// How a command ended.
struct Ended {
    code: Option<i32>,
    stdout: Vec<u8>,
    stderr: String,
}

/// A folder of its own, which commands run in.
struct Shell(tempfile::TempDir);

impl Shell {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scorefield"));
        command.args(args).args(["--device", "cpu"]).current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Ended {
        let output = self.command(args).output().expect("the program runs");
        let stderr = String::from_utf8(output.stderr).expect("messages are UTF-8");
        Ended { code: output.status.code(), stdout: output.stdout, stderr }
    }

    fn succeeds(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!(ended.code, Some(0), "{args:?}: {}", ended.stderr);
        String::from_utf8_lossy(&ended.stdout).into_owned()
    }

    /// What a command says that fails, which it must do before its work: that would take hours.
    fn refused(&self, args: &[&str]) -> String {
        let mut child =
            self.command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program runs");
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child can be waited for") {
                break status;
            }
            if begun.elapsed() > Duration::from_secs(120) {
                child.kill().expect("a child can be killed");
                panic!("{args:?} works instead of refusing");
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let mut said = String::new();
        child.stderr.take().expect("it is piped").read_to_string(&mut said).expect("messages are UTF-8");
        assert_eq!(status.code(), Some(1), "{args:?}: {said}");
        // What, where and the remedy, a line each.
        let lines: Vec<_> = said.lines().collect();
        assert!(lines.iter().any(|line| line.starts_with("error: ")), "{args:?}: {said}");
        assert!(lines.iter().any(|line| line.starts_with("  remedy: ")), "{args:?}: {said}");
        said
    }

    /// Writes an array of float32 as `numpy.save` does.
    fn array(&self, name: &str, shape: &[usize], values: &[f32]) {
        let sides: Vec<_> = shape.iter().map(ToString::to_string).collect();
        let sides = if let [side] = &sides[..] { format!("{side},") } else { sides.join(", ") };
        let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sides}), }}");
        let mut bytes = b"\x93NUMPY\x01\x00v\x00".to_vec();
        bytes.extend(format!("{text:<117}\n").into_bytes());
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        fs::write(self.at(name), bytes).expect("written");
    }
}

/// `args` where the first that equals `before` is `after`.
fn with<'a>(args: &[&'a str], before: &str, after: &'a str) -> Vec<&'a str> {
    args.iter().map(|&arg| if arg == before { after } else { arg }).collect()
}

/// Enough work that no test would see its end.
const LONG: [&str; 9] = ["sample", "--model", MIXTURE, "--sampler", "rk4", "--steps", "10000", "--n", "65536"];

#[test]
fn what_cannot_be_written_is_refused_before_the_work() {
    let shell = Shell::new();
    fs::create_dir(shell.at("folder")).expect("made");
    fs::write(shell.at("file"), "").expect("written");
    shell.array("x.npy", &[2, 2], &[0.0, 1.0, 2.0, 3.0]);
    // Every flag of every command that names a file to write.
    let slow = ["--rtol", "1e-12", "--atol", "1e-12"];
    let flow =
        |command: &'static str, data: &'static str| [&[command, "--model", MIXTURE, data, "x.npy"][..], &slow].concat();
    let other = ["--npy", "ok.npy"];
    let writers: Vec<(Vec<&str>, &str)> = vec![
        (LONG.to_vec(), "--out"),
        (LONG.to_vec(), "--gif"),
        (LONG.to_vec(), "--npy"),
        (LONG.to_vec(), "--trajectory"),
        (vec!["score", "--model", MIXTURE, "--x", "x.npy", "--t", "0.5"], "--npy"),
        (flow("encode", "--data"), "--npy"),
        (flow("decode", "--codes"), "--npy"),
        ([&flow("decode", "--codes")[..], &other].concat(), "--out"),
        (flow("interpolate", "--data"), "--npy"),
        ([&flow("interpolate", "--data")[..], &other].concat(), "--out"),
        (flow("likelihood", "--data"), "--npy"),
        (vec!["eval"], "--train-classifier"),
    ];
    for (args, flag) in writers {
        let to = |path: &str| shell.refused(&[&args[..], &[flag, path]].concat());
        assert!(to("folder").contains("a folder, not a file\n  where: folder"), "{args:?} {flag}");
        assert!(to("missing/x").contains("mkdir -p 'missing'"), "{args:?} {flag}");
        assert!(to("file/x").contains("file/x"), "{args:?} {flag}");
    }
    // Folders to write into.
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/fashion-mnist.toml");
    for args in [
        &["reproduce", "--all", "--out", "file"][..],
        &["train", config, "--out", "file"],
        &["data", "get", "fashion-mnist", "--dir", "file"],
    ] {
        let said = shell.refused(args);
        assert!(said.contains("file"), "{said}");
    }
    assert!(!shell.at("ok.npy").exists() && !shell.at("samples.png").exists());
}

#[cfg(unix)]
#[test]
fn outputs_go_through_links_and_into_pipes() {
    let shell = Shell::new();
    let run = ["sample", "--model", MIXTURE, "--n", "3", "--steps", "4", "--out", "plain.png", "--npy"];
    shell.succeeds(&[&run[..], &["plain.npy"]].concat());
    let plain = fs::read(shell.at("plain.npy")).expect("written");
    std::os::unix::fs::symlink("behind.png", shell.at("link.png")).expect("made");
    shell.succeeds(&with(&[&run[..], &["x.npy"]].concat(), "plain.png", "link.png"));
    assert!(shell.at("link.png").is_symlink());
    let [behind, picture] = ["behind.png", "plain.png"].map(|name| fs::read(shell.at(name)).expect("written"));
    assert_eq!(behind, picture);

    // Standard output as a pipe and as a file: the array and nothing else; the report goes to standard error.
    for stdout in ["/dev/stdout", "/dev/fd/1", "-"] {
        let ended = shell.run(&[&run[..], &[stdout, "--json"]].concat());
        assert_eq!((ended.code, ended.stdout == plain), (Some(0), true), "{stdout}: {}", ended.stderr);
        let report = ended.stderr.lines().last().expect("a report");
        assert!(report.starts_with('{') && report.contains("\"nfe\""), "{report}");
    }
    let file = fs::File::create(shell.at("redirected")).expect("made");
    let status = shell.command(&[&run[..], &["/dev/stdout"]].concat()).stdout(file).status().expect("it runs");
    assert!(status.success());
    assert_eq!(fs::read(shell.at("redirected")).expect("written"), plain);

    // A named pipe stays one; a device that is full is an error, though the samples were drawn.
    assert!(Command::new("mkfifo").arg(shell.at("pipe")).status().expect("mkfifo runs").success());
    let pipe = shell.at("pipe");
    let reader = std::thread::spawn(move || fs::read(pipe).expect("read"));
    shell.succeeds(&[&run[..], &["pipe"]].concat());
    assert_eq!(reader.join().expect("read"), plain);
    assert!(!fs::metadata(shell.at("pipe")).expect("it is there").is_file());
    if Path::new("/dev/full").exists() {
        assert!(shell.refused(&[&run[..], &["/dev/full"]].concat()).contains("make room"));
    }
}

#[test]
fn names_say_their_format_and_each_output_has_its_own() {
    let shell = Shell::new();
    for (flag, name, right) in [
        ("--out", "x.jpg", "x.png"),
        ("--out", "x.npy", "x.png"),
        ("--gif", "x.png", "x.gif"),
        ("--npy", "x.txt", "x.npy"),
        ("--npy", "x.npz", "x.npy"),
        ("--trajectory", "v1.2", "v1.npy"),
    ] {
        let said = shell.refused(&[&LONG[..], &[flag, name]].concat());
        assert!(said.contains(flag) && said.contains(&format!("such as {right}")), "{said}");
    }
    for outputs in [
        ["--out", "same", "--gif", "same"],
        ["--npy", "x.npy", "--trajectory", "./x.npy"],
        ["--out", "samples.png", "--gif", "samples.png"],
    ] {
        let said = shell.refused(&[&LONG[..], &outputs].concat());
        assert!(said.contains("the same place") || said.contains("such as samples.gif"), "{said}");
    }
    // No ending says nothing, and capitals the same; what is thrown away may be thrown away twice.
    let run = ["sample", "--model", MIXTURE, "--steps", "2", "--n", "2"];
    shell.succeeds(&[&run[..], &["--out", "picture", "--npy", "X.NPY"]].concat());
    assert!(fs::read(shell.at("picture")).expect("written").starts_with(b"\x89PNG"));
    if cfg!(unix) {
        shell.succeeds(&[&run[..], &["--out", "/dev/null", "--gif", "/dev/null"]].concat());
    }
}

/// Every message here names its own mending: the words that differ between the two commands are in it.
#[test]
fn options_without_a_bearing_are_refused_by_name() {
    let shell = Shell::new();
    shell.array("two.npy", &[2, 2], &[0.0, 1.0, 2.0, 3.0]);
    let likelihood = ["likelihood", "--model", MIXTURE, "--data", "two.npy"];
    let decode = ["decode", "--model", MIXTURE, "--codes", "two.npy", "--npy", "x.npy"];
    let eval = ["eval", "--model", "fashion", "--n", "4"];
    for (command, more, words) in [
        (&likelihood[..], ["--probes", "3"], "probes = given: expected none: it goes with --divergence hutchinson"),
        (&likelihood, ["--probe", "gaussian"], "probe = given"),
        (&likelihood, ["--seed", "3"], "seed = given"),
        (&likelihood, ["--repeats", "3"], "repeats = given"),
        (&decode, ["--strength", "2"], "strength = given: expected none: it goes with --from and --to"),
        (&decode, ["--values", "signed"], "values = given: expected none: it goes with --compare"),
        (&eval, ["--epochs", "3"], "epochs = given: expected none: it goes with --train-classifier"),
        (&eval, ["--data-set", "fashion-mnist"], "data_set = given"),
    ] {
        let said = shell.refused(&[command, &more[..]].concat());
        // The message may break before what is expected.
        let said = said.replace("\n  remedy: ", ": ").replace('\n', " ");
        let start = words.split(':').next().expect("there is a first part");
        assert!(said.contains(start), "{more:?}: {said}");
        assert!(said.contains(words.rsplit(": ").next().expect("there is a last part")), "{more:?}: {said}");
    }
}

#[test]
fn remedies_work() {
    let shell = Shell::new();
    let sample = ["sample", "--model", MIXTURE, "--n", "2", "--steps", "3", "--out", "x.png"];
    let sample = |more: &[&'static str]| [&sample[..], more].concat();
    shell.array("two.npy", &[2, 2], &[0.0, 1.0, 2.0, 3.0]);
    shell.array("flat.npy", &[4], &[0.0, 1.0, 2.0, 3.0]);
    fs::write(shell.at("five.toml"), "weights = [1]\nmeans = [[0, 0, 0, 0, 0]]\nstds = [1]\nprocess = { kind = 'vp' }")
        .expect("written");
    let decode = |more: &[&'static str]| {
        [&["decode", "--model", MIXTURE, "--codes", "two.npy", "--npy", "x.npy", "--rtol", "1e-3"][..], more].concat()
    };
    let interpolate =
        ["interpolate", "--model", MIXTURE, "--data", "two.npy", "--npy", "x.npy", "--rtol", "1e-3", "--frames", "0"];
    let score = ["score", "--model", MIXTURE, "--x", "two.npy", "--npy", "s.npy", "--t", "2"];
    let five = ["sample", "--model", "five.toml", "--steps", "2", "--out", "x.npy"];
    // What fails, and the words that are replaced in it.
    type Case<'a> = (Vec<&'a str>, &'a [(&'a str, &'a str)]);
    let cases: Vec<Case<'_>> = vec![
        (with(&sample(&[]), "3", "0"), &[("0", "1")]),
        (with(&sample(&[]), "2", "0"), &[("0", "1")]),
        (sample(&["--seed", "9007199254740992"]), &[("9007199254740992", "9007199254740991")]),
        (sample(&["--scale", "65"]), &[("65", "64")]),
        (sample(&["--label", "2"]), &[("2", "1")]),
        (sample(&["--eta", "1.5", "--sampler", "ddim"]), &[("1.5", "1")]),
        (sample(&["--guidance", "101", "--label", "0"]), &[("101", "0")]),
        (sample(&["--t-end", "1"]), &[]),
        (sample(&["--init", "two.npy", "--n", "3"]), &[("3", "2")]),
        (sample(&["--model", "fashoin"]), &[("fashoin", "fashion")]),
        (with(&sample(&[]), "x.png", "x.jpg"), &[("x.jpg", "x.png")]),
        (decode(&["--temperature", "11"]), &[("11", "10")]),
        (interpolate.to_vec(), &[("0", "1")]),
        (score.to_vec(), &[("2", "1")]),
        (five.to_vec(), &[("--out", "--npy")]),
        (vec!["reproduce"], &[]),
    ];
    for (args, replacements) in cases {
        if replacements.is_empty() {
            shell.refused(&args);
            continue;
        }
        // `--n` and `--model` are given twice where the second is the one that counts.
        let args = last_of_each(&args);
        let said = shell.refused(&args);
        let mut mended = args.clone();
        for (before, after) in replacements {
            assert!(said.contains(after), "{args:?} does not say {after}: {said}");
            let at = mended.iter().rposition(|arg| arg == before).expect("what is replaced is there");
            mended[at] = after;
        }
        shell.succeeds(&mended);
    }

    // Remedies that are commands, run as they stand; what failed then works.
    let inspect = ["inspect", "--index", "models"];
    fs::create_dir(shell.at("models")).expect("made");
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/web/models/fashion.safetensors");
    fs::copy(shipped, shell.at("models/fashion.safetensors")).expect("copied");
    let folder = with(&sample(&[]), "x.png", "a new/folder/x.png");
    for args in [&inspect[..], &folder] {
        let said = shell.refused(args);
        let remedy = said.lines().find_map(|line| line.strip_prefix("  remedy: ")).expect("a remedy");
        let (_, command) = remedy.split_once(": ").expect("a command after a colon");
        let command = command.replace("scorefield", env!("CARGO_BIN_EXE_scorefield"));
        let status = Command::new("sh").args(["-c", &command]).current_dir(shell.0.path()).output().expect("sh runs");
        assert!(status.status.success(), "{command}");
        shell.succeeds(args);
    }

    // What does not apply says what takes its place, or does: with that it goes.
    for (before, after) in [
        (&["--sampler", "heun", "--churn", "40"][..], &["--sampler", "heun"][..]),
        (&["--times", "1,0.5,0.1", "--grid", "karras"], &["--times", "1,0.5,0.1"]),
    ] {
        let run = ["sample", "--model", MIXTURE, "--n", "2", "--out", "x.png"];
        let said = shell.refused(&[&run[..], before].concat());
        assert!(said.contains(&format!("where: {}", before[2])), "{said}");
        shell.succeeds(&[&run[..], after].concat());
    }

    // Images that are not in [−1, 1], with the flag that the refusal names.
    for (name, flag, scale) in [("bytes.npy", "--values bytes", 1.0), ("unit.npy", "--values unit", 1.0 / 255.0)] {
        shell.array(name, &[1, 784], &(0..784).map(|i| (i % 256) as f32 * scale).collect::<Vec<_>>());
        let encode = ["encode", "--data", name, "--npy", "z.npy", "--rtol", "1e-2", "--atol", "1e-2"];
        assert!(shell.refused(&encode).contains(flag), "{name}");
        shell.succeeds(&[&encode[..], &flag.split(' ').collect::<Vec<_>>()].concat());
    }

    // An array of four numbers is two points, as .reshape(-1, 2) gives them.
    let encode = ["encode", "--model", MIXTURE, "--data", "flat.npy", "--npy", "z.npy", "--rtol", "1e-3"];
    assert!(shell.refused(&encode).contains(".reshape(-1, 2)"));
    shell.succeeds(&with(&encode, "flat.npy", "two.npy"));
}

/// Only the last of a flag that is given twice, with its value.
fn last_of_each<'a>(args: &[&'a str]) -> Vec<&'a str> {
    let repeated = |i: usize| args[i].starts_with("--") && args[i + 1..].contains(&args[i]);
    let gone = |i: usize| repeated(i) || i > 0 && repeated(i - 1);
    args.iter().enumerate().filter(|(i, _)| !gone(*i)).map(|(_, arg)| *arg).collect()
}

#[test]
fn an_init_of_other_rows_than_n_is_refused_and_its_rows_count_otherwise() {
    let shell = Shell::new();
    shell.array("x.npy", &[3, 2], &[0.5; 6]);
    let run = ["sample", "--model", MIXTURE, "--init", "x.npy", "--steps", "2", "--json"];
    let said = shell.refused(&[&run[..], &["--n", "16"]].concat());
    assert!(said.contains("n = 16") && said.contains("where: --n") && said.contains("expected 3"), "{said}");
    for more in [&[][..], &["--n", "3"]] {
        assert!(shell.succeeds(&[&run[..], more].concat()).contains("\"n\":3"));
    }
}

#[test]
fn batches_of_coupled_samples_are_announced() {
    let shell = Shell::new();
    let run = ["sample", "--model", MIXTURE, "--steps", "2", "--sampler", "pc", "--n", "300"];
    let coupled = shell.run(&[&run[..], &["--norms", "batch", "--json"]].concat());
    assert!(coupled.stderr.contains("these 300 are drawn in 2 batches"), "{}", coupled.stderr);
    assert!(String::from_utf8_lossy(&coupled.stdout).contains("\"batch\":256"));
    assert!(!shell.run(&[&run[..], &["--norms", "sample"]].concat()).stderr.contains("note:"));
}

#[test]
fn arrays_that_are_not_what_they_should_be_are_named_for_what_they_are() {
    let shell = Shell::new();
    shell.array("x.npy", &[8, 2], &[0.5; 16]);
    let whole = fs::read(shell.at("x.npy")).expect("read");
    fs::write(shell.at("cut.npy"), &whole[..whole.len() - 10]).expect("written");
    let encode =
        |data: &str| shell.refused(&["encode", "--model", MIXTURE, "--data", data, "--npy", "z.npy", "--rtol", "1e-3"]);
    let said = encode("cut.npy");
    assert!(said.contains("truncated: 54 of the 64 bytes") && said.contains("where: cut.npy"), "{said}");
    assert!(encode("none.npy").contains("error: there is no such file\n  where: none.npy"));
    assert!(encode(".").contains("a folder, not an NPY file"));
}

#[test]
fn exit_codes_say_how_it_went() {
    let shell = Shell::new();
    for (args, code) in [
        (&["sample", "--list-samplers"][..], 0),
        (&["--help"], 0),
        (&["sample", "--steps", "many"], 2),
        (&["samples"], 2),
        (&["sample", "--steps", "0"], 1),
    ] {
        let ended = shell.run(args);
        assert_eq!(ended.code, Some(code), "{args:?}: {}", ended.stderr);
        assert_eq!(ended.stderr.is_empty(), code == 0, "{args:?}");
    }
    // A reader that leaves early has what it wanted; a disk that is full has not.
    for args in [&["sample", "--list-samplers"][..], &["sample", "--help"]] {
        let mut child =
            shell.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success() && output.stderr.is_empty(), "{args:?}: {output:?}");
        if Path::new("/dev/full").exists() {
            let full = || Stdio::from(fs::File::options().write(true).open("/dev/full").expect("it opens"));
            let status = shell.command(args).stdout(full()).stderr(full()).status().expect("the program runs");
            assert_eq!(status.code(), Some(1), "{args:?}");
        }
    }
}
