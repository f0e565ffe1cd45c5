//! Which settings have a bearing on a run: those that its sampler takes, and that no other setting makes idle.

use super::{
    Plan, SETTINGS,
    facts::{Setting, taken},
    plan,
};
use crate::{Error, Result};

impl Plan {
    /// Refuses settings that were given and have no bearing on this run.
    ///
    /// # Errors
    /// For the first of the names that has none, with those that have.
    pub fn check_given<'a>(&self, given: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let values = serde_json::to_value(&self.settings).unwrap_or_default();
        for setting in given.into_iter().filter_map(|name| SETTINGS.iter().find(|setting| setting.name == name)) {
            if let Some(expected) = self.idle(setting) {
                let value = values.get(setting.name).unwrap_or_default();
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                return Err(Error::setting(setting.name, value, expected));
            }
        }
        Ok(())
    }

    /// The settings that have a bearing on this run, with its defaults filled in.
    #[must_use]
    pub fn describe(&self) -> serde_json::Value {
        let mut values = serde_json::to_value(&self.settings).unwrap_or_default();
        if let Some(values) = values.as_object_mut() {
            let idle = SETTINGS.iter().filter(|setting| self.idle(setting).is_some());
            idle.for_each(|setting| _ = values.remove(setting.name));
        }
        values
    }

    /// Why a setting has no bearing on this run, as what is expected of it; `None` where it has.
    fn idle(&self, setting: &Setting) -> Option<String> {
        let (info, settings) = (self.settings.sampler.info(), &self.settings);
        if !info.takes(setting.name) {
            return Some(taken(info));
        }
        let values = serde_json::to_value(settings).unwrap_or_default();
        if let Some((other, choices)) = setting.when.filter(|(other, _)| info.takes(other))
            && !choices.iter().any(|choice| values.get(other).is_some_and(|value| value == choice))
        {
            return Some(format!("none: it applies where {other} is {}", choices.join(" or ")));
        }
        let replaces = |other: &Setting| other.replaces.contains(&setting.name);
        let given = |other: &&Setting| values.get(other.name).is_some_and(|value| !value.is_null());
        if let Some(other) = SETTINGS.iter().filter(|other| replaces(other)).find(given) {
            return Some(format!("none: {} takes its place", other.name));
        }
        let free = setting.name == "spacing" && plan::ladder(settings, &self.process).is_none();
        free.then(|| format!("none: it applies where {} strides over a ladder of levels, without a grid", info.name))
    }
}
