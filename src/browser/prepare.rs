//! A GPU's pipelines, built before the first step, stage by stage: after each the worker tells the page how far it has
//! come, and is told whether the run is still wanted.
//!
//! CubeCL compiles a kernel where it is first launched, for the sizes that it is launched with. So a model's network is
//! evaluated once on one sample of zeros, a block per stage; and each run of new sizes is tried with its own numbers of
//! samples and halves of guidance: one evaluation, then the first steps of its sampler, by a score that costs nothing,
//! and a frame.

use std::{
    cell::RefCell,
    collections::{BTreeSet, VecDeque},
    rc::Rc,
};

use burn::{Tensor, tensor::Int};
use wasm_bindgen::prelude::*;

use super::{canvas, engine::Engine, report, run::Run};
use crate::{
    Error, Result,
    figure::View,
    guide::Guide,
    model::Model,
    net::Evaluate as _,
    sampler::{Plan, Sampler, Settings},
    score::Score,
    sde::Level,
};

/// Steps after which a sampler has launched all that it launches: a multistep one has its history by then.
const STEPS: usize = 4;

/// The score of N(0, α² + σ²), in place of a network's: numbers of its size, for one multiplication.
struct FreeScore;

impl Score for FreeScore {
    fn score(&self, x: Tensor<2>, level: &Level) -> Tensor<2> {
        x * -(level.alpha * level.alpha + level.sigma * level.sigma).recip()
    }
}

enum Stage {
    /// The network's next block.
    Block,
    /// A whole evaluation.
    Score,
    /// A step of the sampler.
    Step,
    /// A frame on the canvas.
    Frame,
}

/// What is left to build.
#[wasm_bindgen]
pub struct Preparation {
    stages: VecDeque<Stage>,
    /// An evaluation of the network by its blocks.
    network: Option<Box<dyn Iterator<Item = ()>>>,
    score: Option<(Box<dyn Score>, Level)>,
    run: Option<Run>,
    /// Any samples: their device is waited for.
    x: Option<Tensor<2>>,
    /// Where to note that all is built, and as what.
    note: Option<(Rc<RefCell<BTreeSet<String>>>, String)>,
}

impl Preparation {
    /// Nothing to do.
    fn none() -> Self {
        Self { stages: VecDeque::new(), network: None, score: None, run: None, x: None, note: None }
    }

    async fn take(&mut self, stage: Stage) -> Result<()> {
        match stage {
            Stage::Block => {
                if let Some(network) = &mut self.network {
                    network.next();
                }
            }
            Stage::Score => {
                if let (Some((score, level)), Some(x)) = (&self.score, &self.x) {
                    score.score(x.clone(), level);
                }
            }
            // What goes wrong in them goes wrong in the run itself, and is reported there.
            Stage::Step => {
                if let Some(run) = &mut self.run {
                    let _ = run.step().await;
                }
            }
            Stage::Frame => {
                if let Some(run) = &self.run {
                    let _ = run.draw();
                }
            }
        }
        match &self.x {
            Some(x) => canvas::settle(x).await,
            None => Ok(()),
        }
    }
}

#[wasm_bindgen]
impl Preparation {
    /// Stages that are left.
    pub fn left(&self) -> usize {
        self.stages.len()
    }

    /// One stage, to its end on the GPU.
    ///
    /// # Errors
    /// When the device is lost.
    pub async fn step(&mut self) -> Result<(), JsValue> {
        if let Some(stage) = self.stages.pop_front() {
            self.take(stage).await.map_err(report::error)?;
        }
        if self.stages.is_empty()
            && let Some((prepared, key)) = self.note.take()
        {
            prepared.borrow_mut().insert(key);
        }
        Ok(())
    }
}

#[wasm_bindgen]
impl Engine {
    /// The stages in which the loaded network's pipelines are built; none on the CPU, and for a mixture.
    ///
    /// # Errors
    /// When no model is loaded.
    pub fn prepare_model(&self) -> Result<Preparation, JsValue> {
        // Those of another model's runs are of no use to this one's.
        self.graphics.prepared.borrow_mut().clear();
        let Model::Network(network) = self.model().map_err(report::error)? else {
            return Ok(Preparation::none());
        };
        if self.graphics.gpu.is_none() {
            return Ok(Preparation::none());
        }
        let [x, level] = [network.manifest().data.shape.dim(), 1].map(|d| Tensor::zeros([1, d], &self.device));
        let class = Tensor::<1, Int>::zeros([1], &self.device);
        Ok(Preparation {
            stages: (0..network.manifest().architecture.blocks()).map(|_| Stage::Block).collect(),
            network: Some(network.denoiser().net.clone().by_blocks(x, level, class)),
            x: Some(Tensor::zeros([1, 1], &self.device)),
            ..Preparation::none()
        })
    }

    /// The stages in which the pipelines of a run with these settings are built; none on the CPU, and where a run of
    /// these sizes was prepared before.
    ///
    /// # Errors
    /// Those of [`Engine::start`].
    pub fn prepare_run(&self, settings: &JsValue, guide: &JsValue) -> Result<Preparation, JsValue> {
        let prepare = || {
            let Plan { settings, .. } = self.read(settings)?;
            let guide = self.guide(guide, settings.n)?;
            self.prepare(settings, guide.as_ref())
        };
        prepare().map_err(report::error)
    }

    /// One evaluation, to see that the GPU computes.
    ///
    /// # Errors
    /// When it computes no finite numbers.
    pub async fn check(&self) -> Result<(), JsValue> {
        let check = async {
            let score = self.evaluate(vec![0.0; self.model()?.dim()], 0.5, None).await?;
            if score.iter().all(|value| value.is_finite()) {
                return Ok(());
            }
            Err(Error::Device {
                device: "webgpu".into(),
                problem: "the score that it computes is not finite".into(),
                remedy: "use the CPU".into(),
            })
        };
        check.await.map_err(report::error)
    }
}

impl Engine {
    fn prepare(&self, settings: Settings, guide: Option<&Guide>) -> Result<Preparation> {
        let model = self.model()?;
        let score = model.score(&vec![settings.label; settings.n], settings.guidance, &self.device)?;
        let settings = Settings {
            steps: settings.steps.map(|steps| steps.min(STEPS)),
            times: settings.times.map(|times| shortened(&times)),
            seed: 0,
            label: None,
            guidance: score.evaluations() as f64,
            ..settings
        };
        let prepared = &self.graphics.prepared;
        let key = format!("{} {}", serde_json::to_string(&settings).unwrap_or_default(), guide.is_some());
        if self.graphics.gpu.is_none() || prepared.borrow().contains(&key) {
            return Ok(Preparation::none());
        }
        let x = Tensor::zeros([settings.n, model.dim()], &self.device);
        let mut stages = VecDeque::from([Stage::Score]);
        // A mixture's own score costs nothing, and has the density that some samplers ask for.
        let free: Box<dyn Score> = match model {
            Model::Network(_) => Box::new(FreeScore),
            Model::Mixture(_) => model.score(&vec![None; settings.n], 1.0, &self.device)?,
        };
        // Where fewer steps are none that the sampler takes, its kernels are built as they come.
        let tried = || {
            let plan = model.plan(&settings)?;
            let mut sampler = Sampler::new(&plan, &self.device)?;
            if let Some(guide) = guide {
                sampler = sampler.with_guide(guide)?;
            }
            Ok::<_, Error>((sampler, plan))
        };
        let view = View::of(model)?;
        let run = tried().ok().map(|(sampler, plan)| {
            stages.extend((0..sampler.total().unwrap_or(STEPS)).map(|_| Stage::Step));
            stages.push_back(Stage::Frame);
            Run::new(sampler, free, view, &plan).on(self.graphics.canvas.clone())
        });
        Ok(Preparation {
            stages,
            network: None,
            score: Some((score, model.level(0.5)?)),
            run,
            x: Some(x),
            note: Some((prepared.clone(), key)),
        })
    }
}

/// The first times and the last.
fn shortened(times: &[f64]) -> Vec<f64> {
    let first = times.iter().take(STEPS);
    first.chain(times.iter().skip(STEPS).last()).copied().collect()
}
