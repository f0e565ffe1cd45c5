//! The JSONL log: a line each `every` steps, and at the last, with the mean loss since the line before; and a line
//! where the run went on with another config.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result, output,
    train::{Changes, StepStats},
};

/// The losses since the last line: their sum and number. Checkpoints keep it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Partial {
    sum: f64,
    count: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Losses(Losses),
    Changed { step: u64, changed: Changes },
}

#[derive(Serialize, Deserialize)]
struct Losses {
    step: u64,
    loss: f64,
    gradient_norm: f64,
    rate: f64,
    #[serde(alias = "images_per_second")]
    samples_per_second: f64,
    seconds: f64,
}

impl Line {
    /// Whether it belongs to a run that goes on after `step`. What was changed there is said anew.
    fn is_before(&self, step: u64) -> bool {
        match self {
            Self::Losses(losses) => losses.step <= step,
            Self::Changed { step: at, .. } => *at < step,
        }
    }
}

pub(super) struct Log {
    file: File,
    path: PathBuf,
    lines: Vec<Line>,
    pub partial: Partial,
}

impl Log {
    /// Opens the log, cut back to the lines up to `step`: a resumed run repeats the later ones.
    pub fn open(folder: &Path, step: u64, partial: Partial) -> Result<Self> {
        let path = folder.join("log.jsonl");
        let old = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read.map_err(Error::io(&path))?,
        };
        let lines: Vec<Line> = old
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(|line: &Line| line.is_before(step))
            .collect();
        let kept: String = lines.iter().map(text).collect();
        output::write(&path, kept.as_bytes())?;
        let file = File::options().append(true).open(&path).map_err(Error::io(&path))?;
        Ok(Self { file, path, lines, partial })
    }

    /// Adds a step; `last` is the run's last one.
    pub fn add(
        &mut self,
        stats: StepStats,
        [samples_per_second, seconds]: [f64; 2],
        every: u64,
        last: bool,
    ) -> Result<()> {
        let StepStats { step, loss, gradient_norm, rate } = stats;
        self.partial.sum += loss;
        self.partial.count += 1;
        if last || step.is_multiple_of(every) {
            let loss = self.partial.sum / self.partial.count as f64;
            self.partial = Partial::default();
            self.write(Line::Losses(Losses { step, loss, gradient_norm, rate, samples_per_second, seconds }))?;
        }
        Ok(())
    }

    /// Says what is different after `step`.
    pub fn changed(&mut self, step: u64, changed: &Changes) -> Result<()> {
        self.write(Line::Changed { step, changed: changed.clone() })
    }

    fn write(&mut self, line: Line) -> Result<()> {
        self.file.write_all(text(&line).as_bytes()).map_err(Error::io(&self.path))?;
        self.lines.push(line);
        Ok(())
    }

    /// The last logged mean, or that of the steps so far; none before the first step.
    pub fn loss(&self) -> Option<f64> {
        let so_far = (self.partial.count > 0).then(|| self.partial.sum / self.partial.count as f64);
        self.losses().next_back().map(|losses| losses.loss).or(so_far)
    }

    /// (step, loss) of every line.
    pub fn curve(&self) -> Vec<(f64, f64)> {
        self.losses().map(|losses| (losses.step as f64, losses.loss)).collect()
    }

    fn losses(&self) -> impl DoubleEndedIterator<Item = &Losses> {
        self.lines.iter().filter_map(|line| match line {
            Line::Losses(losses) => Some(losses),
            Line::Changed { .. } => None,
        })
    }
}

fn text(line: &Line) -> String {
    serde_json::to_string(line).expect("numbers and names serialise") + "\n"
}
