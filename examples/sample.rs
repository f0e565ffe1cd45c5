//! Samples from the shipped model, as the command line does: `cargo run --release --example sample`.

use burn::tensor::Device;
use scorefield::{
    figure::Grid,
    model::Model,
    sampler::{Sampler, Settings},
    space::Space,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::flex();
    let bytes = std::fs::read("web/models/fashion.safetensors")?;
    let model = Model::from_bytes("fashion", &bytes, &device)?;

    let settings = Settings { n: 16, seed: 1, label: Some(3), ..Settings::default() };
    let score = model.score(&vec![settings.label; settings.n], settings.guidance, &device)?;
    let mut sampler = Sampler::new(&model.plan(&settings)?, &device)?;
    while let Some(step) = sampler.step(&*score)? {
        eprintln!("step {} of {:?}: σ = {:.3}", step.index, step.total, step.sigma);
    }

    let samples: Vec<f32> = sampler.x().into_data().iter::<f32>().collect();
    let Space::Image(shape) = model.space() else { return Err("the shipped model is of images".into()) };
    std::fs::write("samples.png", Grid::default().draw(&samples, shape)?.png()?)?;
    Ok(())
}
