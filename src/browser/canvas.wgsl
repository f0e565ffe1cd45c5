// A step's samples and estimates as one picture, tile by tile: src/image.rs's mapping from values to bytes.

struct Sheet {
    // Images a row, and rows of either kind: the samples' come first, the estimates' below.
    columns: u32,
    rows: u32,
    count: u32,
    channels: u32,
    width: u32,
    height: u32,
    // Pixels between images, which are transparent.
    gap: u32,
}

@group(0) @binding(0) var<uniform> sheet: Sheet;
// Bits, not numbers: a compiler may take it that no number is NaN.
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> denoised: array<u32>;

const EXPONENT = 0x7f800000u;
const NOT_FINITE = vec4f(1.0, 0.0, 1.0, 1.0);

// One triangle over the whole canvas.
@vertex
fn corner(@builtin(vertex_index) index: u32) -> @builtin(position) vec4f {
    return vec4f(f32(index & 1u) * 4.0 - 1.0, f32(index >> 1u) * 4.0 - 1.0, 0.0, 1.0);
}

// round((x + 1)/2·255), halves upwards, clamped: exactly what image::byte computes. Beyond ±2 nothing changes any more.
fn byte(bits: u32) -> f32 {
    let scaled = clamp((clamp(bitcast<f32>(bits), -2.0, 2.0) + 1.0) * 127.5, 0.0, 255.0);
    let whole = floor(scaled);
    return select(whole, whole + 1.0, scaled - whole >= 0.5);
}

@fragment
fn colour(@builtin(position) position: vec4f) -> @location(0) vec4f {
    let at = vec2u(position.xy);
    let size = vec2u(sheet.width, sheet.height);
    let tile = at / (size + sheet.gap);
    let pixel = at % (size + sheet.gap);
    let estimate = tile.y >= sheet.rows;
    let index = (tile.y % sheet.rows) * sheet.columns + tile.x;
    if any(pixel >= size) || tile.x >= sheet.columns || index >= sheet.count {
        return vec4f();
    }
    let plane = sheet.width * sheet.height;
    let start = index * sheet.channels * plane + pixel.y * sheet.width + pixel.x;
    var levels: vec3f;
    for (var c = 0u; c < 3u; c++) {
        let value = start + select(0u, c * plane, sheet.channels == 3u);
        var bits: u32;
        if estimate {
            bits = denoised[value];
        } else {
            bits = x[value];
        }
        if (bits & EXPONENT) == EXPONENT {
            return NOT_FINITE;
        }
        levels[c] = byte(bits);
    }
    return vec4f(levels / 255.0, 1.0);
}
