//! Where a sampler's settings stand in the help.

use clap::Arg;

use crate::sampler::SETTINGS;

/// What one sampler takes, or two.
const SINGLE: &str = "Single samplers";

/// The argument under its heading, if it is a sampler's setting or an output.
pub(super) fn under_heading(argument: Arg) -> Arg {
    let heading = match argument.get_id().as_str() {
        "sampler" | "steps" | "n" | "seed" | "denoise" | "clip" | "threshold" => "Sampling",
        "label" | "guidance" => "Guidance",
        "t_end" | "grid" | "times" | "spacing" => "Time grid",
        "predictor" | "corrector" | "corrector_steps" | "snr" | "pc_order" | "norms" => "Predictor and corrector (pc)",
        "convention" | "step_size" | "leapfrog_steps" | "level_steps" => {
            "Langevin dynamics and Hamiltonian Monte Carlo"
        }
        "churn" | "churn_min" | "churn_max" | "churn_noise" => "Churn (edm)",
        "out" | "scale" | "gif" | "npy" | "trajectory" => "Output",
        name if SETTINGS.iter().any(|setting| setting.name == name) => SINGLE,
        _ => return argument,
    };
    argument.help_heading(heading)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use crate::sampler::Settings;

    #[test]
    fn every_setting_stands_under_a_heading() {
        let all = super::super::Cli::command();
        for name in ["sample", "eval"] {
            let command = all.find_subcommand(name).unwrap();
            let settings = serde_json::to_value(Settings::default()).unwrap();
            for setting in settings.as_object().unwrap().keys() {
                let argument = command.get_arguments().find(|argument| argument.get_id() == setting).unwrap();
                assert!(argument.get_help_heading().is_some(), "{name} --{setting} has none");
            }
        }
    }
}
