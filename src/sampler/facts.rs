//! What is known of a setting ([`SETTINGS`]). What it means and its default stand with its field in [`Settings`]; which
//! samplers take it, with each sampler ([`Info::settings`]).

use super::{Info, SAMPLERS, SETTINGS, Settings};
use crate::{Error, Result, sde::Process};

/// A setting's facts.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name in JSON and JavaScript; the flag has dashes.
    pub name: &'static str,
    /// A short title, for a form.
    pub title: &'static str,
    /// What values it has.
    pub kind: Kind,
    /// What an empty field stands for, where the default is a rule and no value.
    pub placeholder: Option<&'static str>,
    /// It applies only where this other setting has one of these values, for samplers that take the other, too.
    pub when: Option<(&'static str, &'static [&'static str])>,
    /// Settings that it takes the place of.
    pub replaces: &'static [&'static str],
}

/// What values a setting has.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Whole numbers of a range.
    Integer(Range),
    /// Numbers of a range.
    Number(Range),
    /// A list of numbers.
    Numbers,
    /// One of some names.
    Choice,
    /// Yes or no.
    Boolean,
}

/// A range, and the value that has to lie in it, where there is one.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// The least value.
    pub least: f64,
    /// The largest value.
    pub most: f64,
    value: fn(&Settings) -> Option<f64>,
}

impl Setting {
    pub(super) const fn new(name: &'static str, title: &'static str, kind: Kind) -> Self {
        Self { name, title, kind, placeholder: None, when: None, replaces: &[] }
    }

    pub(super) const fn placeholder(self, placeholder: &'static str) -> Self {
        Self { placeholder: Some(placeholder), ..self }
    }

    pub(super) const fn when(self, setting: &'static str, values: &'static [&'static str]) -> Self {
        Self { when: Some((setting, values)), ..self }
    }
}

pub(super) const fn integer(least: f64, most: f64, value: fn(&Settings) -> Option<f64>) -> Kind {
    Kind::Integer(Range { least, most, value })
}

pub(super) const fn number(least: f64, most: f64, value: fn(&Settings) -> Option<f64>) -> Kind {
    Kind::Number(Range { least, most, value })
}

/// # Errors
/// For the first setting out of its range, with the range. That `label` is a class of the model is for the model to check,
/// and the last time for the process.
pub(super) fn check_ranges(settings: &Settings) -> Result<()> {
    for Setting { name, kind, .. } in SETTINGS {
        let (range, expected) = match kind {
            Kind::Integer(range) => (range, format!("{} to {}", range.least, range.most)),
            Kind::Number(range) => (range, format!("a number from {} to {}", range.least, range.most)),
            Kind::Numbers | Kind::Choice | Kind::Boolean => continue,
        };
        // Written so that a NaN fails it.
        match (range.value)(settings) {
            Some(value) if *name != "t_end" && !(range.least..=range.most).contains(&value) => {
                return Err(Error::setting(*name, value, expected));
            }
            _ => {}
        }
    }
    if settings.churn_min > settings.churn_max {
        return Err(Error::setting(
            "churn_min",
            settings.churn_min,
            format!("at most churn_max, {}", settings.churn_max),
        ));
    }
    Ok(())
}

/// Which samplers and processes would go together instead.
pub(super) fn expected_on(info: &Info, process: &Process) -> String {
    let here = SAMPLERS.iter().filter(|other| other.processes.contains(&process.name()));
    match process {
        Process::None => format!(
            "{}: the model is a clean density, without a process from noise to it",
            here.map(|info| info.name).collect::<Vec<_>>().join(", ")
        ),
        _ => format!("a model whose process is {}; ancestral runs on the others, too", info.processes.join(" or ")),
    }
}

/// The settings that a sampler takes, in words.
pub(super) fn taken(info: &Info) -> String {
    let taken: Vec<_> = SETTINGS.iter().map(|setting| setting.name).filter(|name| info.takes(name)).collect();
    format!("none: {} takes {}", info.name, taken.join(", "))
}
