//! log p of Gaussian data by the probability flow (Song et al. 2021, <https://arxiv.org/abs/2011.13456>, section 4.3), beside
//! the density's closed form: x = 0.3 under N(0, 0.5²), where the flow's own value differs by what its ends leave out.

use burn::{
    Tensor,
    tensor::{DType, Device, TensorData},
};

use super::{Check, Report};
use crate::{
    Result,
    figure::{
        svg,
        svg::{Axis, Curve, Legend},
    },
    flow::{
        dormand_prince::Tolerance,
        likelihood::{LikelihoodSettings, Method, log_likelihood},
    },
    score::{Gaussian, divergence::Probe},
    sde::{Process, SubVp, Ve, Vp},
};

pub(super) fn run() -> Result<Report> {
    let score = Gaussian::new(vec![0.0], vec![0.5])?;
    let mut report = Report::default();
    let mut of = |process: &Process, t_end: f64, method: Method, tolerance: f64, x: f64| -> Result<f64> {
        let x = Tensor::<2>::from_data(TensorData::from([[x]]), (&Device::flex(), DType::F64));
        let tolerance = Tolerance { rtol: tolerance, atol: tolerance };
        let settings = LikelihoodSettings { tolerance, t_end, method, ..Default::default() };
        let found = futures_lite::future::block_on(log_likelihood(&score, process, x, &settings))?;
        report.nfe += found.nfe;
        Ok(found.log_p[0])
    };
    let (vp, sub_vp, ve) = (Process::Vp(Vp::default()), Process::SubVp(SubVp::default()), Process::Ve(Ve::default()));
    let mut checks = Vec::new();
    let digits = "the published digits";
    for (name, process, t_end, published) in [
        ("VP, t from 1e-5", &vp, 1e-5, -0.405_802_68),
        ("VP, t from 1e-3", &vp, 1e-3, -0.405_907_26),
        ("sub-VP, t from 1e-5", &sub_vp, 1e-5, -0.405_815_22),
        ("VE, t from 1e-5", &ve, 1e-5, -0.405_887_36),
    ] {
        let ours = of(process, t_end, Method::Exact, 1e-10, 0.3)?;
        checks.push(Check::new(format!("log p(0.3), {name}"), published, ours, 0.6e-8, digits));
    }
    let exact = -0.405_791_35;
    let ours = of(&vp, 1e-5, Method::Exact, 1e-5, 0.3)?;
    let reason = "a solver at 1e-5 and the flow's ends: a thousandth of a nat";
    checks.push(Check::new("log p(0.3) of the density itself, VP at tolerance 1e-5", exact, ours, 1e-3, reason));
    let one = Method::Hutchinson { probe: Probe::Rademacher, probes: 1 };
    let (all, probe) = (of(&vp, 1e-5, Method::Exact, 1e-8, 0.3)?, of(&vp, 1e-5, one, 1e-8, 0.3)?);
    let reason = "in one dimension a Rademacher probe's square is 1: rounding of f64";
    checks.push(Check::new("the same by one Rademacher probe", all, probe, 1e-10, reason));

    let mut found = Vec::new();
    let mut truth = Vec::new();
    for i in -20..=20 {
        let x = f64::from(i) * 0.1;
        found.push((x, of(&vp, 1e-5, Method::Exact, 1e-5, x)?));
        truth.push((x, -0.5 * (x / 0.5).powi(2) - (0.5 * std::f64::consts::TAU.sqrt()).ln()));
    }
    let curves = [("closed form", truth, false), ("probability flow, VP", found, true)]
        .map(|(name, points, marked)| Curve { name: name.to_owned(), points, marked });
    let [x, y] = ["x", "log p(x)"].map(|name| Axis { name, log: false });
    let svg = svg::curves("Log-likelihood of N(0, 0.5²) by the probability flow", x, y, &curves, Legend::Bottom)?;
    report.figures.push(("gaussian-likelihood.svg".to_owned(), svg));
    report.checks = checks;
    Ok(report)
}
