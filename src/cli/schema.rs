//! `scorefield schema`: the samplers and settings as JavaScript's data and TypeScript's types, made from what stands with
//! the samplers ([`crate::sampler::Info`]), with the settings ([`crate::sampler::Setting`]) and in the command line's help.
//!
//! `web/api/schema.js` and `web/api/settings.d.ts` are its output. A test compares them.

use std::fmt::Write as _;

use anyhow::Result;
use clap::{Arg, Command};
use serde_json::{Map, Value, json};

use super::Context;
use crate::{
    sampler::{EVERY, Info, Kind, MAX_BROWSER_SAMPLES, SAMPLERS, SETTINGS, Setting, Settings},
    sde::{Ddpm, Edm, Process, Smld, SubVp, Ve, Vp},
};

/// Arguments of `schema`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The types (web/api/settings.d.ts) in place of the data (web/api/schema.js).
    #[arg(long)]
    typescript: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<()> {
    let text = if args.typescript { typescript() } else { javascript()? };
    context.print(text.trim_end())
}

/// The samplers and settings as a module.
fn javascript() -> Result<String> {
    let value = json!({
        "samplers": SAMPLERS.iter().map(sampler).collect::<Result<Vec<_>>>()?,
        "settings": SETTINGS.iter().map(setting).collect::<Result<Vec<_>>>()?,
    });
    let text = serde_json::to_string_pretty(&value)?;
    Ok(format!(
        "// Made by `scorefield schema`: the samplers and their settings. Not to be edited.\n\nexport const schema = {text};\n"
    ))
}

fn sampler(info: &Info) -> Result<Value> {
    let defaults: Settings = serde_json::from_value(json!({ "sampler": info.name, "steps": info.steps }))?;
    let applying: Vec<_> = SETTINGS.iter().map(|setting| setting.name).filter(|name| info.takes(name)).collect();
    let processes = [
        Process::Vp(Vp::default()),
        Process::SubVp(SubVp::default()),
        Process::Ve(Ve::default()),
        Process::Edm(Edm::default()),
        Process::Ddpm(Ddpm::default()),
        Process::Smld(Smld::default()),
    ];
    let here = processes.iter().filter(|process| info.processes.contains(&process.name()));
    let spaced: Vec<_> = here.filter(|process| (info.ladder)(process).is_some()).map(Process::name).collect();
    Ok(json!({
        "name": info.name,
        "title": info.title,
        "group": info.group.title(),
        "help": info.help,
        "caption": info.caption,
        "paper": info.paper,
        "steps": info.steps,
        "evaluations": (info.evaluations)(&defaults),
        "stochastic": info.stochastic,
        "stays": info.stays,
        "needsDensity": info.needs_density,
        "processes": info.processes,
        // Where the setting `spacing` has levels to choose from.
        "spaced": spaced,
        "settings": applying,
    }))
}

/// The flag of a setting.
fn flag(name: &str) -> Arg {
    let command = <Settings as clap::Args>::augment_args(Command::new("sample"));
    let found = command.get_arguments().find(|arg| arg.get_id() == name).cloned();
    found.expect("a test compares the settings' names with the flags'")
}

fn help(name: &str) -> String {
    let flag = flag(name);
    flag.get_long_help().or(flag.get_help()).map(ToString::to_string).unwrap_or_default()
}

fn setting(setting: &Setting) -> Result<Value> {
    let Setting { name, title, kind, placeholder, when, replaces } = setting;
    let default = serde_json::to_value(Settings::default())?.get(name).cloned().unwrap_or_default();
    let mut value = Map::new();
    let mut put = |key: &str, entry: Value| value.insert(key.to_owned(), entry);
    put("name", json!(name));
    put("title", json!(title));
    put("help", json!(help(name)));
    put("default", default);
    match kind {
        Kind::Integer(range) => {
            put("type", json!("integer"));
            put("min", json!(range.least as u64));
            put("max", json!(if *name == "n" { MAX_BROWSER_SAMPLES as u64 } else { range.most as u64 }));
            put("step", json!(1));
        }
        Kind::Number(range) => {
            put("type", json!("number"));
            put("min", json!(range.least));
            put("max", json!(range.most));
            put("step", json!("any"));
        }
        Kind::Numbers => _ = put("type", json!("numbers")),
        Kind::Boolean => _ = put("type", json!("boolean")),
        Kind::Choice => {
            let choices = flag(name).get_possible_values().into_iter().map(|choice| {
                let value = choice.get_name();
                json!({ "value": value, "title": words(value), "help": choice.get_help().map(ToString::to_string) })
            });
            put("type", json!("choice"));
            put("choices", Value::Array(choices.collect()));
        }
    }
    if let Some(placeholder) = placeholder {
        put("placeholder", json!(placeholder));
    }
    if let Some((other, values)) = when {
        put("when", json!({ "setting": other, "values": values }));
    }
    if !replaces.is_empty() {
        put("replaces", json!(replaces));
    }
    Ok(Value::Object(value))
}

/// A name as a title: `score-sde` is "Score SDE".
fn words(name: &str) -> String {
    if let Some(info) = SAMPLERS.iter().find(|info| info.name == name) {
        return info.title.to_owned();
    }
    let word = |(i, word): (usize, &str)| match word {
        "ald" | "hmc" | "sde" | "snr" => word.to_uppercase(),
        _ if i == 0 => word[..1].to_uppercase() + &word[1..],
        _ => word.to_owned(),
    };
    name.split('-').enumerate().map(word).collect::<Vec<_>>().join(" ")
}

/// The types of a run's settings.
fn typescript() -> String {
    let mut text =
        "// Made by `scorefield schema --typescript`: the settings of a run. Not to be edited.\n\n".to_owned();
    text += "/** A sampler's name. */\nexport type SamplerName =\n";
    for info in SAMPLERS {
        let end = if info.name == SAMPLERS[SAMPLERS.len() - 1].name { ";" } else { "" };
        _ = writeln!(text, "  /** {} */\n  | '{}'{end}", sentence(info.help), info.name);
    }
    text += "\n/** What a run takes: the names, ranges and defaults of the command line's flags. */\nexport interface Settings {\n";
    for setting in SETTINGS {
        let name = setting.name;
        let mut about = sentence(&help(name));
        match setting.kind {
            _ if name == "n" => _ = write!(about, " A whole number from 1 to {MAX_BROWSER_SAMPLES}."),
            Kind::Integer(range) => _ = write!(about, " A whole number from {} to {}.", range.least, range.most),
            Kind::Number(range) => _ = write!(about, " A number from {} to {}.", range.least, range.most),
            Kind::Numbers | Kind::Choice | Kind::Boolean => {}
        }
        if let [default] = flag(name).get_default_values() {
            _ = write!(about, " Default {}.", default.to_string_lossy());
        }
        if !EVERY.contains(&name) {
            let takers: Vec<_> = SAMPLERS.iter().filter(|info| info.takes(name)).map(|info| info.name).collect();
            _ = match takers.len() {
                few if few <= 5 => write!(about, " Of {}.", takers.join(", ")),
                _ if takers.len() == SAMPLERS.len() => Ok(()),
                _ => {
                    let others = SAMPLERS.iter().filter(|info| !info.takes(name)).map(|info| info.name);
                    write!(about, " Not of {}.", others.collect::<Vec<_>>().join(", "))
                }
            };
        }
        let values = match setting.kind {
            _ if name == "sampler" => "SamplerName".to_owned(),
            _ if name == "label" => "number | null".to_owned(),
            Kind::Integer(_) | Kind::Number(_) => "number".to_owned(),
            Kind::Numbers => "number[]".to_owned(),
            Kind::Boolean => "boolean".to_owned(),
            Kind::Choice => {
                let choices = flag(name).get_possible_values();
                choices.iter().map(|choice| format!("'{}'", choice.get_name())).collect::<Vec<_>>().join(" | ")
            }
        };
        _ = writeln!(text, "  /** {about} */\n  {name}?: {values};");
    }
    text + "}\n"
}

/// Help as a sentence: with its first letter large and a full stop.
fn sentence(help: &str) -> String {
    let mut letters = help.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let stop = if help.ends_with('.') { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checked_in_schema_is_what_the_command_prints() {
        for (file, flag, made) in
            [("web/api/schema.js", "", javascript().unwrap()), ("web/api/settings.d.ts", " --typescript", typescript())]
        {
            let kept = std::fs::read_to_string(file).unwrap_or_default();
            assert!(kept == made, "{file} is out of date: `cargo run --release -- schema{flag} > {file}`");
        }
    }

    #[test]
    fn every_flag_is_a_setting_with_its_facts() {
        let command = <Settings as clap::Args>::augment_args(Command::new("sample"));
        let mut flags: Vec<_> = command.get_arguments().map(|arg| arg.get_id().as_str()).collect();
        let mut names: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
        let json = serde_json::to_value(Settings::default()).unwrap();
        let mut fields: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        for list in [&mut flags, &mut names, &mut fields] {
            list.sort_unstable();
        }
        assert_eq!(flags, names);
        assert_eq!(fields, names);
        for setting in SETTINGS {
            let choices = flag(setting.name).get_possible_values().len();
            assert_eq!(matches!(setting.kind, Kind::Choice | Kind::Boolean), choices > 0, "{}", setting.name);
            for name in setting.replaces.iter().chain(setting.when.iter().map(|(name, _)| name)) {
                assert!(names.contains(name), "{name}");
            }
        }
        for info in SAMPLERS {
            let of_others = info.settings.iter().all(|name| names.contains(name) && !EVERY.contains(name));
            assert!(of_others && !info.paper.is_empty() && !info.caption.is_empty(), "{}", info.name);
            for process in info.processes {
                assert!(["vp", "sub-vp", "ve", "edm", "ddpm", "smld", "none"].contains(process));
            }
        }
    }

    #[test]
    fn a_choice_of_two_and_a_range_are_told() {
        let found = |name: &str| setting(SETTINGS.iter().find(|setting| setting.name == name).unwrap()).unwrap();
        let order = found("pc_order");
        assert_eq!(order["choices"][1]["title"], "Score SDE");
        assert_eq!(order["default"], "paper");
        let snr = found("snr");
        assert_eq!((&snr["min"], &snr["max"], &snr["default"]), (&json!(1e-4), &json!(10.0), &json!(0.16)));
        assert_eq!(snr["when"]["setting"], "corrector");
        assert!(typescript().contains("\n  pc_order?: 'paper' | 'score-sde';\n"));
    }
}
