//! The probability flow by Dormand and Prince's adaptive pair ([`crate::flow::dormand_prince`]), in the angle θ = atan(σ/α)
//! ([`crate::flow`]): one accepted step an update, to `rtol` and `atol` in y = x/√(α² + σ²). `steps` and `grid`
//! are not used.
//!
//! The whole batch takes one step, so that a sample depends on its batch within the tolerances. A constraint
//! that moves the samples costs an evaluation per step, since the slope is then that of another point.

use burn::Tensor;

use super::{
    Plan, State,
    info::{AdaptiveUpdate, Info, Method, Updated},
};
use crate::{
    Result,
    compute::vectors::term,
    flow,
    flow::{
        Flow,
        dormand_prince::{DormandPrince, Tolerance},
    },
    score::Score,
};

pub(super) const INFO: Info = Info {
    name: "ode",
    title: "Dormand–Prince 5(4), adaptive",
    caption: "Dormand and Prince’s adaptive method on the probability flow",
    help: "probability-flow ODE by Dormand and Prince's 5(4) to --rtol, --atol; 6 NFE per step, as many steps as it needs",
    paper: "https://doi.org/10.1016/0771-050X(80)90013-3",
    steps: None,
    settings: &["rtol", "atol", "t_end", "denoise", "clip", "threshold"],
    // In the first step two more: the slope where it starts, and one that tells its size. A rejected try takes six again.
    evaluations: |_| 8,
    couples: |_| true,
    times: |_, _| Ok(vec![1.0]),
    method: |plan| Ok(Method::Adaptive(Box::new(Ode::new(plan)?))),
    ..Info::BASE
};

/// The adaptive solver on its way.
struct Ode {
    flow: Flow,
    tolerance: Tolerance,
    /// There is one from the first update on.
    solver: Option<DormandPrince>,
}

impl Ode {
    fn new(plan: &Plan) -> Result<Self> {
        let flow = Flow::new(&plan.process, plan.t_end)?;
        let tolerance = Tolerance { rtol: plan.settings.rtol, atol: plan.settings.atol };
        tolerance.validate()?;
        Ok(Self { flow, tolerance, solver: None })
    }

    async fn step(&mut self, x: Tensor<2>, state: &mut State, score: &dyn Score) -> Result<Tensor<2>> {
        let Self { flow, tolerance, solver } = self;
        let solver = solver.get_or_insert_with(|| {
            let angles = flow.angles();
            DormandPrince::new(*tolerance, angles, vec![(term(&x) / flow::norm(&flow.level(angles[0]))).value()])
        });
        let mut slope = |theta: f64, y: &[Tensor<2>]| {
            let (y, level) = (&y[0], flow.level(theta));
            let s = state.evaluate(&(term(y) * flow::norm(&level)).value(), level, score);
            vec![flow::velocity(y.clone(), s, &level)]
        };
        solver.step(&mut slope).await?;
        let level = flow.level(solver.u());
        state.times.push(level.t);
        state.unfinished = !solver.done();
        let x = (term(&solver.y()[0]) * flow::norm(&level)).value();
        if state.constraint.is_none() {
            return Ok(x);
        }
        let x = state.project(x, &level);
        solver.replace(vec![(term(&x) / flow::norm(&level)).value()]);
        Ok(x)
    }
}

impl AdaptiveUpdate for Ode {
    fn update<'a>(&'a mut self, x: Tensor<2>, state: &'a mut State, score: &'a dyn Score) -> Updated<'a> {
        Box::pin(self.step(x, state, score))
    }
}
