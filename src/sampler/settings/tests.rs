//! Settings: one meaning in flags, JSON and Rust; what is out of range is named.

use clap::{CommandFactory, Parser, ValueEnum};

use super::{super::SAMPLERS, *};
use crate::sde::Process;

/// About the command.
#[derive(Parser)]
struct Host {
    #[command(flatten)]
    settings: Settings,
}

fn parse(line: &str) -> Result<Settings, String> {
    let words = std::iter::once("host").chain(line.split_whitespace());
    Host::try_parse_from(words).map(|host| host.settings).map_err(|error| error.to_string())
}

#[test]
fn flags_json_and_rust_have_the_same_defaults() {
    assert_eq!(parse(""), Ok(Settings::default()));
    assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
    assert!(Settings::default().plan(&Process::default(), 1).is_ok());
}

#[test]
fn a_flag_and_a_json_field_mean_the_same() {
    let flags = parse(
        "--sampler pc --steps 200 --n 4 --seed 9007199254740991 --label 3 --guidance 2 --t-end 1e-4 \
         --grid log-snr --denoise off --predictor euler-maruyama --corrector none --corrector-steps 2 \
         --snr 0.1 --pc-order score-sde --norms batch --eta 0.5 --times 1,0.5,0.1 --spacing trailing \
         --variance large --order 3 --rtol 1e-4 --atol 1e-3 --churn 40 --churn-min 0.05 --churn-max 50 --churn-noise 1.003 \
         --convention half --step-size 0.1 --leapfrog-steps 5 --level-steps 100 --clip 1 --threshold 0.995",
    );
    let json = r#"{"sampler":"pc","steps":200,"n":4,"seed":9007199254740991,"label":3,"guidance":2,"t_end":1e-4,
        "grid":"log-snr","denoise":false,"predictor":"euler-maruyama","corrector":"none","corrector_steps":2,
        "snr":0.1,"pc_order":"score-sde","norms":"batch","eta":0.5,"times":[1,0.5,0.1],"spacing":"trailing",
            "variance":"large","order":3,"rtol":1e-4,"atol":1e-3,"churn":40,"churn_min":0.05,"churn_max":50,"churn_noise":1.003,
            "convention":"half","step_size":0.1,"leapfrog_steps":5,"level_steps":100,"clip":1,"threshold":0.995}"#;
    assert_eq!(flags.unwrap(), serde_json::from_str(json).unwrap());
}

#[test]
fn help_is_the_hosts_with_the_fields_comments() {
    let help = Host::command().render_long_help().to_string();
    assert!(help.starts_with("About the command"), "{help}");
    assert!(help.contains("--pc-order") && help.contains("[default: on]") && help.contains("paper's algorithm 1"));
    assert!(!help.contains("first-sample"));
}

#[test]
fn unknown_names_are_refused_with_the_known_ones() {
    let json = |text: &str| serde_json::from_str::<Settings>(text).unwrap_err().to_string();
    assert!(json(r#"{"step":3}"#).contains("`steps`"));
    assert!(json(r#"{"first_sample":3}"#).contains("unknown field"));
    assert!(json(r#"{"sampler":"heunn"}"#).contains("`heun`"));
    assert!(parse("--sampler heunn").unwrap_err().contains("euler-maruyama"));
    assert!(parse("--denoise maybe").unwrap_err().contains("off"));
}

#[test]
fn all_lists_every_sampler_by_its_serde_and_flag_names() {
    assert_eq!(SamplerKind::all(), SamplerKind::value_variants());
    assert_eq!(SamplerKind::all().len(), SAMPLERS.len());
    for kind in SamplerKind::all() {
        assert_eq!(serde_json::to_string(kind).unwrap(), format!("{:?}", kind.name()));
        assert_eq!(kind.to_possible_value().unwrap().get_name(), kind.name());
    }
}

#[test]
fn what_is_out_of_range_is_named_with_its_range() {
    let vp = Process::default();
    let refused = |json: &str| {
        let settings: Settings = serde_json::from_str(json).unwrap();
        settings.plan(&vp, 1).unwrap_err().to_string()
    };
    for (json, message) in [
        (r#"{"steps":0}"#, "steps = 0: expected 1 to 100000"),
        (r#"{"n":0}"#, "n = 0: expected 1 to 65536"),
        (r#"{"n":65537}"#, "n = 65537"),
        (r#"{"seed":9007199254740992}"#, "seed = 9007199254740992: expected 0 to 9007199254740991"),
        (r#"{"t_end":1.0}"#, "t_end = 1: expected 1e-8 or more and below 1"),
        (r#"{"eta":1.01}"#, "eta = 1.01: expected a number from 0 to 1"),
        (r#"{"guidance":-1}"#, "guidance = -1: expected a number from 0 to 100"),
        (r#"{"snr":0}"#, "snr = 0"),
        (r#"{"corrector_steps":0}"#, "corrector_steps = 0: expected 1 to 1000"),
        (r#"{"sampler":"pc","predictor":"none","corrector":"none"}"#, "corrector = none"),
    ] {
        assert!(refused(json).starts_with(message), "{json}: {}", refused(json));
    }
    let nan = Settings { guidance: f64::NAN, ..Settings::default() };
    assert!(nan.plan(&vp, 1).unwrap_err().to_string().starts_with("guidance = NaN"));
}

#[test]
fn what_has_no_bearing_is_refused_by_name_with_what_has() {
    let refused = |json: &str, process: &Process| {
        let plan = serde_json::from_str::<Settings>(json).unwrap().plan(process, 2).unwrap();
        let given: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).unwrap();
        plan.check_given(given.keys().map(String::as_str)).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let (vp, ddpm) = (Process::default(), Process::Ddpm(crate::sde::Ddpm::default()));
    for (json, message) in [
        (
            r#"{"sampler":"heun","eta":1}"#,
            "eta = 1.0: expected none: heun takes sampler, steps, n, seed, label, guidance, grid",
        ),
        (r#"{"sampler":"heun","eta":0}"#, "eta = 0.0: expected none: heun takes"),
        (r#"{"sampler":"ode","steps":50}"#, "steps = 50: expected none: ode takes"),
        (r#"{"sampler":"ula","grid":"karras"}"#, "grid = karras: expected none: ula takes"),
        (
            r#"{"sampler":"pc","corrector":"ald","norms":"batch"}"#,
            "norms = batch: expected none: it applies where corrector is langevin",
        ),
        (
            r#"{"sampler":"pc","leapfrog_steps":3}"#,
            "leapfrog_steps = 3: expected none: it applies where corrector is hmc",
        ),
        (r#"{"sampler":"heun","times":[1,0.5,0.1],"steps":2}"#, "steps = 2: expected none: times takes its place"),
        (
            r#"{"sampler":"ddim","spacing":"trailing"}"#,
            "spacing = trailing: expected none: it applies where ddim strides",
        ),
        (r#"{"sampler":"hmc","leapfrog_steps":3,"step_size":0.1}"#, ""),
        (r#"{"sampler":"pc","corrector":"hmc","leapfrog_steps":3,"snr":0.1}"#, ""),
        (r#"{"sampler":"heun","times":[1,0.5,0.1]}"#, ""),
    ] {
        assert!(refused(json, &vp).starts_with(message), "{json}: {}", refused(json, &vp));
        assert_eq!(message.is_empty(), refused(json, &vp).is_empty(), "{json}: {}", refused(json, &vp));
    }
    assert_eq!(refused(r#"{"sampler":"ddim","spacing":"trailing"}"#, &ddpm), "");
    assert!(refused(r#"{"sampler":"ddim","spacing":"trailing","grid":"karras"}"#, &ddpm).starts_with("spacing"));
}

#[test]
fn a_description_has_what_has_a_bearing_and_no_more() {
    let described = |settings: Settings| settings.plan(&Process::default(), 2).unwrap().describe();
    let heun = described(Settings { sampler: SamplerKind::Heun, ..Settings::default() });
    let mut names: Vec<_> = heun.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let mut expected = [
        "clip",
        "denoise",
        "grid",
        "guidance",
        "label",
        "n",
        "sampler",
        "seed",
        "steps",
        "t_end",
        "threshold",
        "times",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!((&heun["steps"], &heun["grid"], &heun["t_end"]), (&18.into(), &"karras".into(), &1e-3.into()));
    // It reads back as the same run.
    let again: Settings = serde_json::from_value(heun.clone()).unwrap();
    assert_eq!(described(again), heun);
}
