//! Errors, panics and log lines as JavaScript sees them.
//!
//! An error is an object `{ code, what, where, remedy }` that `web/api/errors.js` makes a `ScorefieldError` of; an event is
//! a call of the function that came with [`super::Engine::create`]: `emit(name, { message })`.

use std::cell::RefCell;

use js_sys::{Array, Function, JSON, Object, Reflect};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast, JsValue};

use crate::{Error, Result, error::Parts, fields};

thread_local! {
    static EMIT: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// Sends panics and errors in the log to `emit` and to the console.
pub(super) fn install(emit: Function) {
    EMIT.set(Some(emit));
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        event("panic", &info.to_string());
    }));
    // A second engine in one worker finds the logger in place.
    if log::set_logger(&Console).is_ok() {
        log::set_max_level(log::LevelFilter::Warn);
    }
}

/// Tells the page of something that ends this engine, `panic`, `lost` or `gpu-error`, or that it is `alive`.
pub(super) fn event(name: &str, message: &str) {
    EMIT.with_borrow(|emit| {
        if let Some(emit) = emit {
            let detail = object(&[("message", message.into())]);
            // If the page cannot be told, there is nobody left to tell.
            let _ = emit.call2(&JsValue::NULL, &name.into(), &detail);
        }
    });
}

/// Warnings and errors of the GPU runtime, which reports failed shaders only here.
struct Console;

impl log::Log for Console {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let line = format!("{}: {}", record.target(), record.args());
        let method = if record.level() == log::Level::Error { "error" } else { "warn" };
        let console = Reflect::get(&js_sys::global(), &"console".into());
        if let Ok(method) = console.and_then(|console| Reflect::get(&console, &method.into())) {
            let _ = Function::from(method).call1(&JsValue::NULL, &line.into());
        }
    }

    fn flush(&self) {}
}

/// What a device has computed and does not give.
pub(super) fn unreadable(problem: &dyn std::fmt::Display) -> Error {
    Error::Device {
        device: "of the engine".into(),
        problem: format!("the result cannot be read ({problem})"),
        remedy: "use fewer samples, or the CPU".into(),
    }
}

/// Settings or options, as JSON: serde refuses unknown fields as it does on the command line.
pub(super) fn read<T: DeserializeOwned>(what: &str, value: &JsValue) -> Result<T> {
    let json = JSON::stringify(value).ok().and_then(|json| json.as_string());
    let value = json.and_then(|json| serde_json::from_str(&json).ok());
    fields::read(what, value.unwrap_or_default())
}

/// A config, which has fields that must be given.
#[cfg(feature = "training")]
pub(super) fn parse<T: DeserializeOwned>(what: &str, value: &JsValue) -> Result<T> {
    let json = JSON::stringify(value).ok().and_then(|json| json.as_string()).unwrap_or_default();
    // Where in a text that nobody has written is of no use.
    let problem = |error: serde_json::Error| {
        let text = error.to_string();
        let problem = text.split(" at line ").next().unwrap_or_default().to_owned();
        Error::Config { file: what.to_owned(), problem }
    };
    serde_json::from_str(&json).map_err(problem)
}

/// A plain object.
pub(super) fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        // Setting a property of a fresh object cannot fail.
        let _ = Reflect::set(&object, &(*name).into(), value);
    }
    object.into()
}

/// The names of an object's fields that have a value.
pub(super) fn given(object: &JsValue) -> Vec<String> {
    let entries = object.dyn_ref::<Object>().map(Object::entries).unwrap_or_default();
    let entries = entries.iter().map(JsCast::unchecked_into::<Array>);
    entries
        .filter(|entry| !entry.get(1).is_null() && !entry.get(1).is_undefined())
        .filter_map(|e| e.get(0).as_string())
        .collect()
}

/// Any serialisable value as plain JavaScript objects, arrays and numbers.
pub(super) fn plain<T: Serialize + ?Sized>(value: &T) -> std::result::Result<JsValue, JsValue> {
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    value.serialize(&serializer).map_err(|error| failure("engine", &error.to_string(), "", "report this as a bug"))
}

/// An error of this crate.
pub(super) fn error(error: Error) -> JsValue {
    let code = error.code();
    let Parts { what, place, remedy } = error.parts();
    failure(code, &what, &place, &remedy)
}

/// An error by its parts.
pub(super) fn failure(code: &str, what: &str, place: &str, remedy: &str) -> JsValue {
    object(&[("code", code.into()), ("what", what.into()), ("where", place.into()), ("remedy", remedy.into())])
}
