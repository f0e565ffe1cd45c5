//! Data by name: a published set, or a distribution in the plane.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{DatasetName, Distribution};

/// Data that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DataName {
    /// A published set of images.
    Published(DatasetName),
    /// Points that are drawn.
    Distribution(Distribution),
}

impl DataName {
    /// The data of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        let published = DatasetName::find(name).map(Self::Published);
        published.or_else(|| Distribution::find(name).map(Self::Distribution))
    }

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Published(set) => set.published().name,
            Self::Distribution(distribution) => distribution.name(),
        }
    }

    /// All names.
    #[must_use]
    pub fn all() -> Vec<&'static str> {
        let published = DatasetName::ALL.iter().map(|set| set.published().name);
        published.chain(Distribution::ALL.iter().map(|distribution| distribution.name())).collect()
    }

    /// Standard deviation: of training pixels in [−1, 1], to three decimals, or of a distribution in closed form.
    #[must_use]
    pub fn sigma_data(self) -> f64 {
        match self {
            Self::Published(set) => set.published().sigma_data,
            Self::Distribution(distribution) => distribution.std(),
        }
    }
}

impl TryFrom<String> for DataName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::find(&name).ok_or_else(|| format!("no data are called {name:?}, expected {}", Self::all().join(", ")))
    }
}

impl From<DataName> for String {
    fn from(name: DataName) -> Self {
        name.name().to_owned()
    }
}

impl fmt::Display for DataName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_things_alone() {
        let names = DataName::all();
        assert_eq!(names.len(), DatasetName::ALL.len() + Distribution::ALL.len());
        for (i, name) in names.iter().enumerate() {
            let found = DataName::find(name).unwrap();
            assert!(found.name() == *name && !names[..i].contains(name), "{name}");
            assert_eq!(serde_json::from_value::<DataName>(serde_json::to_value(found).unwrap()).unwrap(), found);
        }
        let refused = serde_json::from_str::<DataName>("\"two-moon\"").unwrap_err().to_string();
        assert!(refused.contains("\"two-moon\", expected fashion-mnist, two-moons,"), "{refused}");
    }
}
