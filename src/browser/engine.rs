//! The device, the model and its score.

#[cfg(feature = "browser-gpu")]
use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

use burn::{
    Tensor,
    tensor::{Device, TensorData},
};
use js_sys::{Float32Array, Function, WebAssembly};
use serde::Serialize;
use wasm_bindgen::{JsCast, prelude::*};

use super::{Run, guide, report};
#[cfg(feature = "browser-gpu")]
use super::{
    canvas::{self, Canvas},
    gpu::{self, Gpu},
};
use crate::{
    Error, Result, compute,
    figure::View,
    guide::Guide,
    model::{Kind, Model},
    sampler::{MAX_BROWSER_SAMPLES, Plan, Sampler, Settings},
    score::Score,
    sde::Process,
    space::Space,
};

/// What this build can open.
const DEVICES: &str = if cfg!(feature = "browser-gpu") {
    "webgpu: the CPU has an engine of its own"
} else {
    "cpu: this engine has no WebGPU"
};
/// Values that all samples of a run may hold at once: 1 GiB of the 4 GB that WebAssembly has.
const MAX_VALUES: u64 = 256 << 20;

/// What the page's scripts and this module agree on: `web/worker/serve.js` has the same number. It rises with every change to
/// what is called here, or is answered.
const BOUNDARY: u32 = 2;

/// The number of [`BOUNDARY`].
#[wasm_bindgen]
pub fn boundary() -> u32 {
    BOUNDARY
}

/// An engine: one device, and at most one model on it.
#[wasm_bindgen]
pub struct Engine {
    pub(super) device: Device,
    model: Option<Model>,
    #[cfg(feature = "browser-gpu")]
    pub(super) graphics: Graphics,
}

/// A GPU engine's means to draw.
#[cfg(feature = "browser-gpu")]
#[derive(Default)]
pub(super) struct Graphics {
    pub(super) gpu: Option<Gpu>,
    /// Where frames are drawn, if anywhere.
    pub(super) canvas: Option<canvas::Shared>,
    /// Runs whose pipelines are built.
    pub(super) prepared: Rc<RefCell<BTreeSet<String>>>,
}

/// What JavaScript sees of an open device.
#[derive(Serialize)]
struct Opened<'a> {
    device: &'a str,
    adapter: Option<Adapter>,
}

/// What JavaScript cannot ask of the adapter by itself.
#[derive(Serialize)]
struct Adapter {
    /// It computes in software.
    software: bool,
}

/// What JavaScript sees of a loaded network: its manifest, with points as [1, 1, d], and what it is.
#[derive(Serialize)]
struct Described {
    kind: Kind,
    #[serde(flatten)]
    manifest: serde_json::Value,
}

/// What JavaScript sees of a mixture: a manifest's fields, as far as there is anything to say.
#[derive(Serialize)]
struct Mixture<'a> {
    kind: Kind,
    process: &'a Process,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    name: &'a str,
    shape: [usize; 3],
    /// A class is a component.
    classes: Vec<String>,
}

fn describe(model: &Model) -> Result<JsValue, JsValue> {
    let kind = model.kind();
    match model {
        Model::Network(network) => {
            let mut manifest = serde_json::to_value(network.manifest())
                .map_err(|error| report::failure("engine", &error.to_string(), "", "report this as a bug"))?;
            if let Space::Points(d) = model.space() {
                manifest["data"]["shape"] = [1, 1, d].into();
            }
            report::plain(&Described { kind, manifest })
        }
        Model::Mixture(mixture) => {
            let classes = (0..model.classes()).map(|k| format!("component {k}")).collect();
            let data = Data { name: mixture.name(), shape: [1, 1, model.dim()], classes };
            report::plain(&Mixture { kind, process: model.process(), data })
        }
    }
}

#[wasm_bindgen]
impl Engine {
    /// Opens `webgpu` (any adapter) or `cpu`. `emit(name, { message })` is told what ends the engine.
    ///
    /// # Errors
    /// When there is no such device.
    pub async fn create(device: String, emit: Function) -> Result<Engine, JsValue> {
        report::install(emit);
        #[cfg(feature = "browser-gpu")]
        let mut graphics = Graphics::default();
        let device = match device.as_str() {
            #[cfg(feature = "browser-gpu")]
            "webgpu" => {
                let (device, gpu) = gpu::open().await.map_err(report::error)?;
                graphics.gpu = Some(gpu);
                device
            }
            #[cfg(feature = "browser-cpu")]
            "cpu" => Device::flex(),
            other => return Err(report::error(Error::setting("device", other, DEVICES))),
        };
        Ok(Self {
            device,
            model: None,
            #[cfg(feature = "browser-gpu")]
            graphics,
        })
    }

    /// `{ device: 'webgpu' | 'cpu', adapter: { software } | null }`.
    ///
    /// # Errors
    /// When it cannot be an object of JavaScript's.
    pub fn device(&self) -> Result<JsValue, JsValue> {
        #[cfg(feature = "browser-gpu")]
        let adapter = self.graphics.gpu.as_ref().map(|gpu| Adapter { software: gpu.software });
        #[cfg(not(feature = "browser-gpu"))]
        let adapter = None;
        report::plain(&Opened { device: if adapter.is_some() { "webgpu" } else { "cpu" }, adapter })
    }

    /// Loads a weights file and returns its manifest with `kind: 'network'`, or a mixture's TOML file and returns
    /// `{ kind: 'mixture', process, data: { name, shape: [1, 1, d], classes } }`.
    ///
    /// # Errors
    /// When the file is not a good one.
    pub async fn load(&mut self, bytes: Vec<u8>, name: String) -> Result<JsValue, JsValue> {
        let model = Model::from_bytes(&name, &bytes, &self.device).map_err(report::error)?;
        drop(bytes);
        let described = describe(&model)?;
        self.model = Some(model);
        Ok(described)
    }

    /// Starts one of `parts` parts of a run with the command line's settings, held to `guide` if there is one
    /// (`{ inpaint: { image, mask } }`); none where there is nothing for it to do:
    /// there are fewer samples than parts, or samples that cannot be parted.
    ///
    /// # Errors
    /// When a setting is unknown or out of range.
    pub fn start(
        &self,
        settings: &JsValue,
        guide: &JsValue,
        part: usize,
        parts: usize,
    ) -> Result<Option<Run>, JsValue> {
        self.sampler(settings, guide, part, parts).map_err(report::error)
    }

    /// ∇ₓ log pₜ(x) for rows of `x` at one t.
    ///
    /// # Errors
    /// When `x` is not whole rows, t or the label are out of range, or the device does not answer.
    pub async fn score(&self, x: Vec<f32>, t: f64, label: Option<u32>) -> Result<Float32Array, JsValue> {
        let label = label.map(|label| label as usize);
        let score = self.evaluate(x, t, label).await.map_err(report::error)?;
        Ok(Float32Array::from(score.as_slice()))
    }

    /// Gives back what no work needs now: a GPU's memory. WebAssembly's own only grows.
    pub fn rest(&self) {
        self.device.memory_cleanup();
    }

    /// Bytes that the engine holds: `{ wasm }`.
    pub fn memory(&self) -> JsValue {
        let bytes = wasm_bindgen::memory()
            .dyn_into::<WebAssembly::Memory>()
            .map_or(0.0, |memory| memory.buffer().unchecked_into::<js_sys::ArrayBuffer>().byte_length().into());
        report::object(&[("wasm", bytes.into())])
    }
}

#[cfg(feature = "browser-gpu")]
#[wasm_bindgen]
impl Engine {
    /// Draws the frames of later runs on `canvas`, which nobody else has drawn on.
    ///
    /// # Errors
    /// When the browser does not let WebGPU draw on it, or this engine computes on the CPU.
    pub fn present(&mut self, canvas: web_sys::OffscreenCanvas) -> Result<(), JsValue> {
        let Some(gpu) = &self.graphics.gpu else {
            return Err(report::error(canvas::refused(&"the engine is on the CPU")));
        };
        let canvas = Canvas::new(gpu, canvas).map_err(report::error)?;
        self.graphics.canvas = Some(Rc::new(RefCell::new(canvas)));
        Ok(())
    }
}

impl Engine {
    pub(super) fn model(&self) -> Result<&Model> {
        self.model.as_ref().ok_or_else(|| Error::setting("model", "none", "a model to be loaded first"))
    }

    fn sampler(&self, settings: &JsValue, guide: &JsValue, part: usize, parts: usize) -> Result<Option<Run>> {
        let model = self.model()?;
        let plan = self.read(settings)?;
        let guide = self.guide(guide, plan.settings.n)?;
        // All points are one picture, and cost next to nothing.
        let parts = if matches!(model.space(), Space::Points(_)) { 1 } else { parts };
        let Some(plan) = plan.part(part, parts) else { return Ok(None) };
        let settings = &plan.settings;
        let score = model.score(&vec![settings.label; settings.n], settings.guidance, &self.device)?;
        // What the last run left, perhaps one of another size.
        compute::release(&self.device);
        let mut sampler = Sampler::new(&plan, &self.device)?;
        if let Some(guide) = &guide {
            sampler = sampler.with_guide(guide)?;
        }
        let run = Run::new(sampler, score, View::of(model)?, &plan);
        #[cfg(feature = "browser-gpu")]
        let run = run.on(self.graphics.canvas.clone());
        Ok(Some(run))
    }

    /// A run of these settings, checked before anything of its size is allocated.
    pub(super) fn read(&self, settings: &JsValue) -> Result<Plan> {
        let model = self.model()?;
        let given = report::given(settings);
        let settings: Settings = report::read("settings", settings)?;
        let times = model.score(&[settings.label], settings.guidance, &self.device)?.evaluations();
        let most = model.samples_within(MAX_VALUES, times).clamp(1, MAX_BROWSER_SAMPLES);
        if !(1..=most).contains(&settings.n) {
            return Err(Error::setting("n", settings.n, format!("1 to {most} of this model in a browser")));
        }
        let plan = model.plan(&settings)?;
        plan.check_given(given.iter().map(String::as_str))?;
        Ok(plan)
    }

    /// What the `n` samples of a run are held to.
    pub(super) fn guide(&self, guide: &JsValue, n: usize) -> Result<Option<Guide>> {
        let guide = guide::read(guide, self.model()?.space())?;
        if let Some(guide) = &guide {
            guide.check(n)?;
        }
        Ok(guide)
    }

    /// Numbers a row, where `values` are whole rows, one at least.
    pub(super) fn count_rows(&self, what: &str, values: &[f32]) -> Result<usize> {
        let d = self.model()?.dim();
        if values.is_empty() || !values.len().is_multiple_of(d) {
            return Err(Error::setting(what, format!("{} numbers", values.len()), format!("a multiple of {d}")));
        }
        let (rows, most) = (values.len() / d, self.model()?.samples_within(MAX_VALUES, 1).max(1));
        if rows > most {
            return Err(Error::setting(what, format!("{rows} rows"), format!("at most {most} of this model at once")));
        }
        Ok(d)
    }

    pub(super) async fn evaluate(&self, x: Vec<f32>, t: f64, label: Option<usize>) -> Result<Vec<f32>> {
        let model = self.model()?;
        let d = self.count_rows("x", &x)?;
        let level = model.level(t)?;
        let n = x.len() / d;
        let x = Tensor::<2>::from_data(TensorData::new(x, [n, d]), &self.device);
        let score = model.score(&vec![label; n], 1.0, &self.device)?.score(x, &level);
        let data = score.into_data_async().await.map_err(|error| report::unreadable(&error))?;
        data.try_into_vec::<f32>().map_err(|error| report::unreadable(&error))
    }
}
