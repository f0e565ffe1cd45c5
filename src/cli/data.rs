//! `scorefield data`: which data sets there are, and getting one.

use std::{fmt::Write, path::PathBuf};

use anyhow::Result;
use serde_json::json;

use super::Context;
use crate::{
    Error,
    data::{DataName, DatasetName, Distribution, Split, fetch, plane},
};

/// Arguments of `data`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// List the data sets and where they are on this machine, and the distributions in the plane.
    List,
    /// Find a data set, or download it: its Debian package is unpacked, not installed.
    Get {
        /// The data set.
        #[arg(value_parser = name)]
        name: DataName,
        /// The folder to look in and to put it into: its files, or its own folder in it as torchvision lays it out. By
        /// default $SCOREFIELD_DATA, the system's data sets (/usr/share/datasets) and the user's data folder are
        /// searched; a download goes to $SCOREFIELD_DATA, or else to the user's data folder.
        #[arg(long)]
        dir: Option<PathBuf>,
    },
}

pub(crate) fn run(args: Args, context: &Context) -> Result<()> {
    match args.action {
        Action::List => list(context),
        Action::Get { name: DataName::Distribution(distribution), .. } => {
            let problem = "it is drawn as it is needed, and there is nothing to get";
            let remedy = format!("train on it with `[data] name = \"{distribution}\"`");
            Err(Error::data(distribution.name(), problem, remedy).into())
        }
        Action::Get { name: DataName::Published(name), dir } => {
            let fetched = fetch(name, dir.as_deref())?;
            let (folder, verb) = (fetched.folder.display(), if fetched.found { "found in" } else { "put into" });
            let files = name.published().files().count();
            context.report(
                &json!({ "name": name, "folder": folder.to_string(), "found": fetched.found }),
                &format!("{name}: {verb} {folder}; its {files} files are the published ones"),
            )?;
            Ok(())
        }
    }
}

fn name(text: &str) -> Result<DataName, String> {
    DataName::try_from(text.to_owned())
}

fn list(context: &Context) -> Result<()> {
    let mut rows = Vec::new();
    let mut text = String::new();
    for &name in DatasetName::ALL {
        let published = name.published();
        let folder = name.locate(None).ok().map(|folder| folder.display().to_string());
        let count = |split| published.part(split).len;
        let (train, test) = (count(Split::Train), count(Split::Test));
        let [channels, height, width] = published.shape;
        writeln!(text, "{name}  {}", published.title)?;
        writeln!(text, "  {train} training and {test} test images, {channels}×{height}×{width}")?;
        writeln!(text, "  licence: {}; origin: {}", published.licence, published.origin)?;
        match &folder {
            Some(folder) => writeln!(text, "  here: {folder}\n")?,
            None => writeln!(text, "  not here: run `scorefield data get {name}`\n")?,
        }
        rows.push(json!({
            "name": name, "title": published.title, "train": train, "test": test, "shape": published.shape,
            "classes": published.classes, "sigma_data": published.sigma_data,
            "licence": published.licence, "origin": published.origin, "folder": folder,
        }));
    }
    let mut distributions = Vec::new();
    writeln!(text, "Distributions in the plane, of {} points each, drawn as they are needed:", plane::TRAIN)?;
    for &distribution in Distribution::ALL {
        writeln!(text, "{distribution:<16}{}", distribution.help())?;
        distributions.push(json!({
            "name": distribution, "title": distribution.title(), "help": distribution.help(), "shape": [2],
            "train": plane::TRAIN, "test": plane::TEST, "sigma_data": distribution.std(),
        }));
    }
    write!(
        text,
        "\nPoints of one's own: `[data] file = \"points.csv\"` in a run's config, or .npy, or a picture (.png)"
    )?;
    context.report(&json!({ "datasets": rows, "distributions": distributions }), &text)?;
    Ok(())
}
