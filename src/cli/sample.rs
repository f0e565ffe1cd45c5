//! `scorefield sample`.

use anyhow::Result;

use super::Context;

/// Arguments of `sample`.
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args, _context: &Context) -> Result<()> {
    anyhow::bail!("not written yet")
}
