//! A run's guide, as JavaScript hands it over.

use js_sys::{Float32Array, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use crate::{
    Error, Result,
    data::range::Range,
    guide::{Guide, Inpaint},
    space::Space,
};

/// `{ inpaint: { image, mask } }`, two `Float32Array`s; none for nothing.
pub(super) fn read(value: &JsValue, space: Space) -> Result<Option<Guide>> {
    if value.is_null() || value.is_undefined() {
        return Ok(None);
    }
    let inpaint = Reflect::get(value, &"inpaint".into()).unwrap_or_default();
    let numbers = |name: &str| {
        let array = Reflect::get(&inpaint, &name.into()).unwrap_or_default();
        match array.dyn_ref::<Float32Array>() {
            Some(array) => Ok(array.to_vec()),
            None => Err(Error::setting(format!("inpaint.{name}"), "no Float32Array", "a Float32Array")),
        }
    };
    let image = numbers("image")?;
    let range = Range::of(&image);
    if matches!(space, Space::Image(_)) && range.is_pixels() {
        let given = format!("values from {} to {}", range.low, range.high);
        return Err(Error::setting("inpaint.image", given, "images in [-1, 1], pixels p as p/127.5 - 1"));
    }
    Ok(Some(Guide::Inpaint(Inpaint::new(image, &numbers("mask")?, space)?)))
}
