//! What a list of samplers makes: their names everywhere, and their facts by name.

/// Names every sampler, in the order of lists.
macro_rules! samplers {
    ($($(#[$mark:meta])? $kind:ident: $info:path,)*) => {
        /// A sampler, by the name that it has everywhere.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum SamplerKind {
            $(#[doc = concat!("See `", stringify!($info), "`.")] $(#[$mark])? $kind,)*
        }

        /// The facts of every sampler, in the order of [`SamplerKind::all`].
        pub const SAMPLERS: &[Info] = &[$($info,)*];

        const KINDS: &[SamplerKind] = &[$(SamplerKind::$kind,)*];
        const NAMES: &[&str] = &[$($info.name,)*];
    };
}

pub(super) use samplers;

use super::{Info, KINDS, NAMES, SAMPLERS, SamplerKind};

impl SamplerKind {
    /// Every sampler.
    #[must_use]
    pub fn all() -> &'static [Self] {
        KINDS
    }

    /// Its facts.
    #[must_use]
    pub fn info(self) -> &'static Info {
        &SAMPLERS[self as usize]
    }

    /// The name on the command line, in files and in JavaScript.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.info().name
    }
}

impl serde::Serialize for SamplerKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> serde::Deserialize<'de> for SamplerKind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let found = KINDS.iter().copied().find(|kind| kind.name() == name);
        found.ok_or_else(|| serde::de::Error::unknown_variant(&name, NAMES))
    }
}

#[cfg(not(target_family = "wasm"))]
impl clap::ValueEnum for SamplerKind {
    fn value_variants<'a>() -> &'a [Self] {
        KINDS
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.name()).help(self.info().help))
    }
}
