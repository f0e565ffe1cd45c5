//! The log-likelihood of points under an exact score, by the probability flow: `cargo run --release --example likelihood`.

use burn::{Tensor, tensor::Device};
use scorefield::{
    flow::likelihood::{LikelihoodSettings, Method, log_likelihood},
    model::Model,
};

const MIXTURE: &[u8] = b"
weights = [0.6, 0.4]
means = [[2.0, 0.0], [-2.0, 1.0]]
stds = [0.5, 0.3]
process = { kind = 'vp' }
";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::flex();
    let model = Model::from_bytes("mixture.toml", MIXTURE, &device)?;
    let points = [[2.0f32, 0.0], [-2.0, 1.0], [0.0, 0.5]];
    let x = Tensor::<2>::from_data(points, &device);
    let score = model.score(&[None; 3], 1.0, &device)?;

    let settings = LikelihoodSettings { method: Method::Exact, ..LikelihoodSettings::default() };
    let estimate = futures_lite::future::block_on(log_likelihood(&*score, model.process(), x.clone(), &settings))?;

    // The mixture's own log-density, at the time where the flow ends.
    let density = score.density().ok_or("a mixture knows its density")?;
    let exact: Vec<f32> = density.log_density(x, &model.level(settings.t_end)?).into_data().iter::<f32>().collect();
    for ((point, estimate), exact) in points.iter().zip(&estimate.log_p).zip(&exact) {
        eprintln!("log p{point:?} = {estimate:.4} by the flow, {exact:.4} in closed form");
    }
    Ok(())
}
