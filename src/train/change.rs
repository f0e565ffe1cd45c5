//! What may change when a run goes on from a checkpoint, and what would make another run of it.
//!
//! The optimiser's settings, the run's length and what is written when may change: a lower learning rate after a loss
//! that was no longer finite, a longer run. With other data, another network, process, objective, seed or batch the
//! steps before and after would not belong together.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RunConfig;

/// Keys that may change, or the sections that they begin with.
const FREE: [&str; 6] =
    ["name", "optimiser.", "train.steps", "train.log_every", "train.checkpoint_every", "train.sample_every"];

/// A key with another value than before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// `section.key`.
    pub field: String,
    /// Its value before; null where there was none.
    pub before: Value,
    /// Its value now; null where there is none.
    pub now: Value,
}

/// What is different when a run goes on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    /// The keys.
    pub fields: Vec<Change>,
    /// The learning rate of the last step before and that of the next one, where the next one would have had another
    /// without these changes: a cosine over another number of steps, say.
    pub rates: Option<[f64; 2]>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Value| match value {
            Value::Null => "nothing".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        write!(f, "{} = {} (was {})", self.field, shown(&self.now), shown(&self.before))
    }
}

impl Changes {
    /// What `now` changes of `before` after `step` steps; or, as the error, all that it must not change.
    ///
    /// # Errors
    /// When `now` describes another run.
    pub fn between(before: &RunConfig, now: &RunConfig, step: u64) -> Result<Self, Vec<Change>> {
        let (fields, fixed): (Vec<_>, Vec<_>) = differences(before, now)
            .into_iter()
            .partition(|change| FREE.iter().any(|free| change.field == *free || is_within(&change.field, free)));
        if !fixed.is_empty() {
            return Err(fixed);
        }
        let rate = |config: &RunConfig, step| config.optimiser.rate(step, config.train.steps);
        let next = [rate(before, step), rate(now, step)];
        let rates = (next[0] != next[1]).then(|| [rate(before, step.saturating_sub(1)), next[1]]);
        Ok(Self { fields, rates })
    }

    /// Whether nothing is different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

fn is_within(field: &str, section: &str) -> bool {
    section.ends_with('.') && field.starts_with(section)
}

fn differences(before: &RunConfig, now: &RunConfig) -> Vec<Change> {
    let [mut before, now] = [before, now].map(|config| {
        let mut leaves = BTreeMap::new();
        collect(serde_json::to_value(config).expect("a config is plain data"), String::new(), &mut leaves);
        leaves
    });
    let mut changes = Vec::new();
    for (field, now) in now {
        let before = before.remove(&field).unwrap_or(Value::Null);
        if before != now {
            changes.push(Change { field, before, now });
        }
    }
    changes.extend(before.into_iter().map(|(field, before)| Change { field, before, now: Value::Null }));
    changes
}

/// Every value of nested tables by its path, `section.key`.
fn collect(value: Value, path: String, leaves: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                collect(value, if path.is_empty() { key } else { format!("{path}.{key}") }, leaves);
            }
        }
        value => {
            leaves.insert(path, value);
        }
    }
}
