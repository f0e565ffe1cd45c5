//! A struct out of JSON that somebody wrote as an object: where it cannot be, the field, its value and what is expected, and not
//! a line and a column of a text that nobody has seen.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Error, Result};

/// Reads `value`, an object; every field of `T` has a default. `what` it is, for values that are no objects.
///
/// # Errors
/// [`Error::Setting`] with the first field that is unknown, or has a value of another type.
pub fn read<T: DeserializeOwned>(what: &str, value: Value) -> Result<T> {
    let Value::Object(fields) = &value else {
        return Err(Error::setting(what, value, "an object of named values"));
    };
    let alone = |name: &String, value: &Value| {
        serde_json::from_value::<T>(Value::Object(Map::from_iter([(name.clone(), value.clone())]))).err()
    };
    let found = fields.iter().find_map(|(name, value)| Some((name, value, alone(name, value)?)));
    match found {
        Some((name, value, problem)) => Err(Error::setting(name, value, expected(&problem.to_string()))),
        // Two fields that cannot be together.
        None => {
            serde_json::from_value(value.clone()).map_err(|problem| Error::setting(what, &value, problem.to_string()))
        }
    }
}

/// What serde expects, in words.
fn expected(problem: &str) -> String {
    let (found, wanted) = problem.split_once(", expected ").unwrap_or(("", problem));
    let wanted = wanted.replace('`', "");
    match wanted.as_str() {
        _ if found.starts_with("unknown field") => format!("another name: {wanted}"),
        "usize" | "u64" | "u32" => "a whole number from 0".into(),
        "f64" | "f32" => "a number".into(),
        "a boolean" => "true or false".into(),
        "a sequence" => "an array".into(),
        "a string" | "string or map" => "a name".into(),
        _ => wanted,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::sampler::Settings;

    fn said(settings: Value) -> String {
        read::<Settings>("settings", settings).map_or_else(|error| error.to_string(), |_| "read".into())
    }

    #[test]
    fn the_field_its_value_and_what_is_expected() {
        assert_eq!(said(json!({})), "read");
        assert_eq!(said(json!({ "steps": 3, "label": null, "times": [1.0, 0.5] })), "read");
        for (given, expected) in [
            (json!({ "steps": "2" }), r#"steps = "2": expected a whole number from 0"#),
            (json!({ "n": 1.5 }), "n = 1.5: expected a whole number from 0"),
            (json!({ "n": -1 }), "n = -1: expected a whole number from 0"),
            (json!({ "seed": 1e300 }), "seed = 1e+300: expected a whole number from 0"),
            (json!({ "n": 4, "guidance": "big" }), r#"guidance = "big": expected a number"#),
            (json!({ "denoise": 1 }), "denoise = 1: expected true or false"),
            (json!({ "times": 3 }), "times = 3: expected an array"),
            (json!({ "times": [1.0, "x"] }), r#"times = [1.0,"x"]: expected a number"#),
            (json!({ "sampler": 3 }), "sampler = 3: expected a name"),
            (json!({ "sampler": {} }), "sampler = {}: expected"),
            (json!({ "norms": "both" }), r#"norms = "both": expected one of expected, sample, batch"#),
            (json!({ "grid": "fine" }), r#"grid = "fine": expected one of uniform, quadratic, log-snr"#),
            (json!({ "step": 3 }), "step = 3: expected another name: one of sampler, steps, n"),
            (json!([1]), "settings = [1]: expected an object of named values"),
        ] {
            let text = said(given);
            assert!(text.starts_with(expected), "{text}\nexpected {expected}");
            assert!(!text.contains("line") && !text.contains("column") && !text.contains("usize"), "{text}");
        }
    }

    #[test]
    fn values_that_are_read_are_those_that_were_given() {
        #[derive(Debug, Default, PartialEq, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        struct Options {
            label: Option<usize>,
            rtol: f64,
        }
        let options: Options = read("options", json!({ "label": 3, "rtol": 1e-7 })).expect("both are options");
        assert_eq!(options, Options { label: Some(3), rtol: 1e-7 });
    }
}
