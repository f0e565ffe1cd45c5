//! A run's guide, as JavaScript hands it over.

use js_sys::{Float32Array, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use crate::{
    Error, Result,
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
    Ok(Some(Guide::Inpaint(Inpaint::new(numbers("image")?, &numbers("mask")?, space)?)))
}
