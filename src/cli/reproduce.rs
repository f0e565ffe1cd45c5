//! `scorefield reproduce`: published results, re-created.

use std::{path::PathBuf, time::Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::Context;
use crate::{
    Error, output,
    reproduce::{Experiment, Report},
};

/// Arguments of `reproduce`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which result: a name of --list.
    name: Option<String>,
    /// List the results.
    #[arg(long)]
    list: bool,
    /// Every result.
    #[arg(long, conflicts_with = "name")]
    all: bool,
    /// Folder for the figures.
    #[arg(long, value_name = "DIR", default_value = "reproduced")]
    out: PathBuf,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<()> {
    let experiments = match (&args.name, args.all, args.list) {
        (_, _, true) => return list(context),
        (None, true, false) => Experiment::ALL.to_vec(),
        (Some(name), ..) => vec![find(name)?],
        (None, false, false) => {
            return Err(Error::setting("name", "none", "a name, --all, or --list to see the names").into());
        }
    };
    let (device, description) = context.device.init()?;
    output::check_folder(&args.out)?;
    std::fs::create_dir_all(&args.out).map_err(Error::io(&args.out))?;
    let (mut failed, mut nfe, mut rows) = (Vec::new(), 0, Vec::new());
    for experiment in experiments {
        let begun = Instant::now();
        let report = experiment.run(&device)?;
        let seconds = begun.elapsed().as_secs_f64();
        let mut figures = Vec::new();
        for (file, svg) in &report.figures {
            let path = args.out.join(file);
            output::write(&path, svg.as_bytes())?;
            figures.push(path.display().to_string());
        }
        if !context.json {
            context.print(&table(experiment, &report, &figures, seconds))?;
        }
        nfe += report.nfe;
        failed.extend(report.checks.iter().filter(|check| !check.holds()).map(|check| check.what.clone()));
        rows.push(row(experiment, &report, &figures, seconds)?);
    }
    let value = json!({
        "experiments": rows, "failed": failed, "nfe": nfe, "device": description, "seed": crate::reproduce::SEED,
    });
    let summary = match failed.len() {
        0 => "every number is within its tolerance".to_owned(),
        count => format!("{count} numbers are not within their tolerance"),
    };
    context.report(&value, &summary)?;
    if failed.is_empty() { Ok(()) } else { bail!("not reproduced: {}", failed.join("; ")) }
}

fn find(name: &str) -> Result<Experiment> {
    let names = || Experiment::ALL.iter().map(|experiment| experiment.name()).collect::<Vec<_>>().join(", ");
    let found = Experiment::ALL.iter().find(|experiment| experiment.name() == name);
    Ok(found.copied().ok_or_else(|| Error::setting("name", name, format!("one of {}", names())))?)
}

fn list(context: &Context) -> Result<()> {
    let lines: Vec<_> = Experiment::ALL.iter().map(|e| format!("{:<20} {}", e.name(), e.title())).collect();
    let names: Vec<_> = Experiment::ALL.iter().map(|e| json!({ "name": e.name(), "title": e.title() })).collect();
    context.report(&json!({ "experiments": names }), &lines.join("\n"))
}

fn row(experiment: Experiment, report: &Report, figures: &[String], seconds: f64) -> Result<Value> {
    let checks: Vec<Value> = report
        .checks
        .iter()
        .map(|check| {
            let mut value = serde_json::to_value(check)?;
            value["holds"] = json!(check.holds());
            Ok(value)
        })
        .collect::<Result<_>>()?;
    Ok(json!({
        "name": experiment.name(), "title": experiment.title(), "checks": checks, "figures": figures,
        "nfe": report.nfe, "seconds": seconds,
    }))
}

fn table(experiment: Experiment, report: &Report, figures: &[String], seconds: f64) -> String {
    let width = report.checks.iter().map(|check| check.what.chars().count()).max().unwrap_or(0);
    let mut lines = vec![format!("{}: {}", experiment.name(), experiment.title())];
    lines
        .push(format!("  {:<width$}  {:>12}  {:>12}  {:>9}  why that tolerance", "", "published", "ours", "tolerance"));
    for check in &report.checks {
        let mark = if check.holds() { ' ' } else { '✗' };
        lines.push(format!(
            "{mark} {:<width$}  {:>12}  {:>12}  {:>9}  {}",
            check.what,
            if check.at_least { format!("≥ {}", short(check.published)) } else { short(check.published) },
            short(check.ours),
            if check.at_least { String::new() } else { short(check.tolerance) },
            check.reason
        ));
    }
    lines.push(format!("  {} evaluations, {seconds:.1} s; {}\n", report.nfe, figures.join(", ")));
    lines.join("\n")
}

/// Seven significant digits at most.
fn short(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e6).contains(&size) {
        return format!("{value:.3e}");
    }
    let digits = if size >= 1.0 { 6 - size.log10().floor() as usize } else { 7 };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
