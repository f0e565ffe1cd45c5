//! Frames without a readback: the engine's own device draws a step's samples on an `OffscreenCanvas`, from the buffers
//! that they are in, and the worker takes the picture off it as a bitmap.
//!
//! The picture is a sheet of tiles, one canvas pixel an image's: the samples as `web/api/draw.js` lays them out by
//! itself, and the estimates of the clean ones likewise below. `canvas.wgsl` maps values to bytes as
//! [`crate::figure::byte`] does, so that a bitmap's pixels are those of [`super::Run::frame`].

use std::{cell::RefCell, num::NonZeroU64, rc::Rc};

use burn::{
    Tensor,
    backend::{BackendTensor, DispatchTensorKind},
    tensor::wgpu::wgpu::{self, util::DeviceExt as _},
};
use burn_cubecl::{
    cubecl::wgpu::{AutoCompiler, WgpuResource, WgpuServer},
    kernel::into_contiguous,
    tensor::CubeTensor,
};
use serde::Serialize;

use super::{gpu::Gpu, report::unreadable};
use crate::{Error, Result, figure::Grid};

/// Bytes as they are: an sRGB format would encode them once more.
const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

/// Pixels between images: what `web/api/draw.js` leaves unless told otherwise.
const GAP: u32 = 1;

/// What draws on the canvas.
pub(super) struct Canvas {
    device: wgpu::Device,
    queue: wgpu::Queue,
    surface: wgpu::Surface<'static>,
    layout: wgpu::BindGroupLayout,
    pipeline: wgpu::RenderPipeline,
    /// The sheet that the canvas is set up for, and its uniform buffer.
    sheet: Option<(Sheet, wgpu::Buffer)>,
}

/// The fields of `canvas.wgsl`'s struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Sheet {
    columns: u32,
    /// Of either kind.
    rows: u32,
    #[serde(skip)]
    count: u32,
    #[serde(skip)]
    channels: u32,
    #[serde(skip)]
    width: u32,
    #[serde(skip)]
    height: u32,
    gap: u32,
}

impl Sheet {
    /// The sheet for `n` images; None where a texture of `most` pixels a side cannot hold it.
    fn new(n: usize, [channels, height, width]: [usize; 3], most: u32) -> Option<Self> {
        let [columns, rows] = Grid::default().cells(n);
        let number = |value: usize| u32::try_from(value).ok();
        let sheet = Self {
            columns: number(columns)?,
            rows: number(rows)?,
            count: number(n)?,
            channels: number(channels)?,
            width: number(width)?,
            height: number(height)?,
            gap: GAP,
        };
        sheet.sides().into_iter().all(|side| (1..=most).contains(&side)).then_some(sheet)
    }

    fn sides(&self) -> [u32; 2] {
        let side =
            |tiles: u32, pixels: u32| tiles.saturating_mul(pixels.saturating_add(self.gap)).saturating_sub(self.gap);
        [side(self.columns, self.width), side(self.rows.saturating_mul(2), self.height)]
    }

    fn bytes(&self) -> Vec<u8> {
        let Self { columns, rows, count, channels, width, height, gap } = *self;
        [columns, rows, count, channels, width, height, gap].iter().flat_map(|field| field.to_le_bytes()).collect()
    }
}

impl Canvas {
    pub(super) fn new(gpu: &Gpu, canvas: web_sys::OffscreenCanvas) -> Result<Self> {
        let Gpu { instance, device, queue, .. } = gpu;
        let surface =
            instance.create_surface(wgpu::SurfaceTarget::OffscreenCanvas(canvas)).map_err(|error| refused(&error))?;
        let module = device.create_shader_module(wgpu::include_wgsl!("canvas.wgsl"));
        let buffer = |binding, visibility, ty| wgpu::BindGroupLayoutEntry {
            binding,
            visibility,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
            count: None,
        };
        let values = wgpu::BufferBindingType::Storage { read_only: true };
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("sheet"),
            entries: &[
                buffer(0, wgpu::ShaderStages::FRAGMENT, wgpu::BufferBindingType::Uniform),
                buffer(1, wgpu::ShaderStages::FRAGMENT, values),
                buffer(2, wgpu::ShaderStages::FRAGMENT, values),
            ],
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("sheet"),
            bind_group_layouts: &[Some(&layout)],
            ..wgpu::PipelineLayoutDescriptor::default()
        });
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("sheet"),
            layout: Some(&pipeline_layout),
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some("corner"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: &[],
            },
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: Some("colour"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &[Some(FORMAT.into())],
            }),
            multiview_mask: None,
            cache: None,
        });
        Ok(Self { device: device.clone(), queue: queue.clone(), surface, layout, pipeline, sheet: None })
    }

    /// Draws the images of `x` and `denoised`; None where the canvas cannot hold them.
    ///
    /// # Shapes
    /// `x`, `denoised`: `[n, d]`, d = c·h·w for `shape` = `[c, h, w]`.
    ///
    /// # Errors
    /// When the browser gives the canvas no texture, or the tensors are not in buffers of this device.
    pub(super) fn draw(&mut self, x: &Tensor<2>, denoised: &Tensor<2>, shape: [usize; 3]) -> Result<Option<Sheet>> {
        let Some(sheet) = Sheet::new(x.dims()[0], shape, self.device.limits().max_texture_dimension_2d) else {
            return Ok(None);
        };
        let (x, denoised) = (contiguous(x)?, contiguous(denoised)?);
        // Nothing else takes these parts of their buffers as long as they are held.
        let held = |x: &CubeTensor| {
            let held = x.client.get_resource::<WgpuServer<AutoCompiler>>(x.handle.clone());
            held.map_err(|error| unreadable(&error))
        };
        let (from, to) = (held(&x)?, held(&denoised)?);
        // What computes them, before what draws them.
        x.client.flush().map_err(|error| unreadable(&error))?;
        let uniform = self.set_up(sheet);
        use wgpu::CurrentSurfaceTexture::{Suboptimal, Success};
        let (Success(texture) | Suboptimal(texture)) = self.surface.get_current_texture() else {
            return Err(refused(&"the browser gives it no texture"));
        };
        let view = texture.texture.create_view(&wgpu::TextureViewDescriptor::default());
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("sheet"),
            layout: &self.layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: uniform.as_entire_binding() },
                wgpu::BindGroupEntry { binding: 1, resource: values(from.resource()) },
                wgpu::BindGroupEntry { binding: 2, resource: values(to.resource()) },
            ],
        });
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("sheet") });
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("sheet"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..wgpu::RenderPassDescriptor::default()
        });
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.draw(0..3, 0..1);
        drop(pass);
        self.queue.submit([encoder.finish()]);
        self.queue.present(texture);
        Ok(Some(sheet))
    }

    /// The canvas in the sheet's size, and the sheet in a buffer.
    fn set_up(&mut self, sheet: Sheet) -> wgpu::Buffer {
        if let Some((current, uniform)) = &self.sheet
            && *current == sheet
        {
            return uniform.clone();
        }
        let [width, height] = sheet.sides();
        let configuration = wgpu::SurfaceConfiguration {
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
            format: FORMAT,
            color_space: wgpu::SurfaceColorSpace::Srgb,
            width,
            height,
            present_mode: wgpu::PresentMode::Fifo,
            desired_maximum_frame_latency: 2,
            alpha_mode: wgpu::CompositeAlphaMode::PreMultiplied,
            view_formats: Vec::new(),
        };
        self.surface.configure(&self.device, &configuration);
        let uniform = self.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some("sheet"),
            contents: &sheet.bytes(),
            usage: wgpu::BufferUsages::UNIFORM,
        });
        self.sheet = Some((sheet, uniform.clone()));
        uniform
    }
}

/// Waits until the device of `x` has done all that it was given, the drawing included.
///
/// # Errors
/// When the device is lost.
pub(super) async fn settle(x: &Tensor<2>) -> Result<()> {
    cube(x)?.client.sync().await.map_err(|error| unreadable(&error))
}

fn cube(x: &Tensor<2>) -> Result<CubeTensor> {
    match x.clone().into_dispatch().kind {
        DispatchTensorKind::Cube(BackendTensor::Float(tensor)) => Ok(tensor),
        _ => Err(unreadable(&"it is on another device")),
    }
}

fn contiguous(x: &Tensor<2>) -> Result<CubeTensor> {
    Ok(into_contiguous(cube(x)?))
}

fn values(resource: &WgpuResource) -> wgpu::BindingResource<'_> {
    wgpu::BindingResource::Buffer(wgpu::BufferBinding {
        buffer: &resource.buffer,
        offset: resource.offset,
        size: NonZeroU64::new(resource.size),
    })
}

pub(super) fn refused(problem: &dyn std::fmt::Display) -> Error {
    Error::Device {
        device: "webgpu".into(),
        problem: format!("its canvas cannot be drawn on ({problem})"),
        remedy: "none is needed: frames are read back instead".into(),
    }
}

/// Every run draws on the engine's one canvas.
pub(super) type Shared = Rc<RefCell<Canvas>>;
