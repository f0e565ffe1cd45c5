//! Samples as pixels: p = round((x + 1)/2·255), x in [−1, 1], in a grid.
//!
//! A sample is a row of `[n, d]`, d = c·h·w in row-major order of (channel, row, column), grey
//! (c = 1) or RGB (c = 3). A value that is not finite shows in magenta: black would hide it.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The colour of pixels that are not finite.
pub const NOT_FINITE: [u8; 4] = [255, 0, 255, 255];

/// The longest side of a picture, in pixels: what PNG viewers and canvases take, too.
pub const MAX_SIDE: usize = 16_384;

/// How samples are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grid {
    /// Samples a row; 0 for as square a grid as there is.
    pub columns: usize,
    /// Pixels between samples, and none around the grid.
    pub gap: usize,
    /// Side of the square that a sample's pixel becomes.
    pub scale: usize,
    /// RGBA of the gaps and of the places without a sample.
    pub background: [u8; 4],
}

impl Default for Grid {
    fn default() -> Self {
        Self { columns: 0, gap: 2, scale: 1, background: [255; 4] }
    }
}

/// A picture: RGBA, 8 bits each, rows from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// `4·width·height` bytes.
    pub rgba: Vec<u8>,
}

impl Grid {
    /// Columns and rows for `n` samples.
    #[must_use]
    pub fn cells(&self, n: usize) -> [usize; 2] {
        let columns = match self.columns {
            0 => n.isqrt() + usize::from(n.isqrt().pow(2) < n),
            columns => columns.min(n),
        };
        [columns, n.div_ceil(columns.max(1))]
    }

    /// Width and height of the picture of `n` samples of `shape` = `[c, h, w]`, in pixels.
    ///
    /// # Errors
    /// [`Error::Figure`] when it would be larger than [`MAX_SIDE`], or empty.
    pub fn sides(&self, n: usize, [_, h, w]: [usize; 3]) -> Result<[usize; 2]> {
        let [columns, rows] = self.cells(n);
        let side = |cells: usize, pixels: usize| -> Option<usize> {
            let drawn = cells.checked_mul(pixels)?.checked_mul(self.scale)?;
            drawn.checked_add((cells - 1).checked_mul(self.gap)?).filter(|side| (1..=MAX_SIDE).contains(side))
        };
        let (Some(width), Some(height)) = (side(columns, w), side(rows, h)) else {
            let what = format!("a grid of {columns}×{rows} samples at scale {}", self.scale);
            let problem = format!("a side has 1 to {MAX_SIDE} pixels");
            return Err(Error::figure(what, problem, "give a smaller scale, or fewer samples"));
        };
        Ok([width, height])
    }

    /// Draws samples.
    ///
    /// # Shapes
    /// `samples`: `[n, d]` in row-major order, d = c·h·w for `shape` = `[c, h, w]`.
    ///
    /// # Errors
    /// [`Error::Shape`] when the samples do not have that shape, [`Error::Figure`] when it is neither grey nor RGB, or
    /// the picture would be larger than [`MAX_SIDE`].
    pub fn draw(&self, samples: &[f32], shape: [usize; 3]) -> Result<Pixels> {
        let [_, h, w] = shape;
        let d = length(shape)?;
        if samples.is_empty() || !samples.len().is_multiple_of(d) {
            let expected = format!("a multiple of c·h·w = {d}, for {shape:?}");
            return Err(Error::shape("samples", format!("{} numbers", samples.len()), expected));
        }
        let n = samples.len() / d;
        let [columns, _] = self.cells(n);
        let [width, height] = self.sides(n, shape)?;
        let mut picture = Pixels { width, height, rgba: self.background.repeat(width * height) };
        for (i, sample) in samples.chunks_exact(d).enumerate() {
            let left = (i % columns) * (w * self.scale + self.gap);
            let top = (i / columns) * (h * self.scale + self.gap);
            for y in 0..h * self.scale {
                let start = 4 * ((top + y) * width + left);
                let row = &mut picture.rgba[start..start + 4 * w * self.scale];
                for (x, pixel) in row.chunks_exact_mut(4).enumerate() {
                    pixel.copy_from_slice(&colour(sample, shape, y / self.scale * w + x / self.scale));
                }
            }
        }
        Ok(picture)
    }
}

/// One sample as RGBA.
///
/// # Shapes
/// `sample`: `[d]`, d = c·h·w for `shape` = `[c, h, w]`; result: 4·h·w bytes.
///
/// # Errors
/// [`Error::Shape`] when the sample does not have that shape, [`Error::Figure`] when it is neither grey nor RGB.
pub fn rgba(sample: &[f32], shape: [usize; 3]) -> Result<Vec<u8>> {
    let d = length(shape)?;
    if sample.len() != d {
        let expected = format!("c·h·w = {d} for {shape:?}");
        return Err(Error::shape("sample", format!("{} numbers", sample.len()), expected));
    }
    Ok((0..shape[1] * shape[2]).flat_map(|at| colour(sample, shape, at)).collect())
}

/// round((x + 1)/2·255), clamped; `None` when x is not finite.
#[must_use]
pub fn byte(x: f32) -> Option<u8> {
    // In range after the clamp, so that the cast only drops a zero fraction.
    x.is_finite().then(|| ((x + 1.0) * 127.5).round().clamp(0.0, 255.0) as u8)
}

pub(super) fn length(shape: [usize; 3]) -> Result<usize> {
    let [c, h, w] = shape;
    let d = c.checked_mul(h).and_then(|d| d.checked_mul(w)).filter(|&d| d > 0);
    match (c, d) {
        (1 | 3, Some(d)) => Ok(d),
        _ => Err(Error::figure(
            format!("an image of {c} channels, {h}×{w}"),
            "a pixel is grey or RGB",
            "give 1 or 3 channels, and sides of 1 pixel or more",
        )),
    }
}

/// The colour of pixel `at`, row-major.
fn colour(sample: &[f32], [c, h, w]: [usize; 3], at: usize) -> [u8; 4] {
    let plane = |channel: usize| byte(sample[channel * h * w + at]);
    let rgb = if c == 1 { plane(0).map(|v| [v; 3]) } else { try_rgb(plane(0), plane(1), plane(2)) };
    rgb.map_or(NOT_FINITE, |[r, g, b]| [r, g, b, 255])
}

fn try_rgb(r: Option<u8>, g: Option<u8>, b: Option<u8>) -> Option<[u8; 3]> {
    Some([r?, g?, b?])
}

#[cfg(not(target_family = "wasm"))]
mod encode {
    use std::io::Cursor;

    use image::{
        Delay, ExtendedColorType, Frame, ImageBuffer, ImageEncoder as _, ImageError, Rgba,
        codecs::{
            gif::{GifEncoder, Repeat},
            png::PngEncoder,
        },
    };

    use super::Pixels;
    use crate::{Error, Result};

    impl Pixels {
        /// The bytes of a PNG file.
        ///
        /// # Errors
        /// [`Error::Figure`] when the encoder refuses the picture.
        pub fn png(&self) -> Result<Vec<u8>> {
            let mut bytes = Cursor::new(Vec::new());
            let [width, height] = self.sides()?;
            PngEncoder::new(&mut bytes)
                .write_image(&self.rgba, width, height, ExtendedColorType::Rgba8)
                .map_err(|e| self.refused(&e))?;
            Ok(bytes.into_inner())
        }

        fn sides(&self) -> Result<[u32; 2]> {
            match (u32::try_from(self.width), u32::try_from(self.height)) {
                (Ok(width), Ok(height)) if self.rgba.len() == 4 * self.width * self.height => Ok([width, height]),
                _ => Err(self.refused(&"width, height and pixels disagree")),
            }
        }

        fn refused(&self, problem: &dyn std::fmt::Display) -> Error {
            let what = format!("a picture of {}×{} pixels", self.width, self.height);
            Error::figure(what, problem, "give a smaller scale, or fewer samples")
        }
    }

    /// The bytes of a GIF file that repeats for ever, `delay` milliseconds a frame (GIF counts in
    /// hundredths of a second), and `hold` milliseconds for the last. Frames are drawn one at a time.
    ///
    /// # Errors
    /// [`Error::Figure`] when there are no frames, they differ in size, or the encoder refuses one; and a frame's own.
    pub fn gif(frames: impl IntoIterator<Item = Result<Pixels>>, delay: u32, hold: u32) -> Result<Vec<u8>> {
        let mut frames = frames.into_iter().peekable();
        let mut bytes = Vec::new();
        // Speed only matters for frames of more than 256 colours, where it trades quality for time.
        let mut encoder = GifEncoder::new_with_speed(&mut bytes, 10);
        let failed = |problem: ImageError| Error::figure("an animation", problem, "give a smaller scale");
        encoder.set_repeat(Repeat::Infinite).map_err(failed)?;
        let mut first = None;
        while let Some(frame) = frames.next() {
            let frame = frame?;
            let sides @ [width, height] = frame.sides()?;
            if *first.get_or_insert(sides) != sides {
                return Err(frame.refused(&"frames have one size"));
            }
            let time = if frames.peek().is_some() { delay } else { hold };
            let buffer: ImageBuffer<Rgba<u8>, Vec<u8>> =
                ImageBuffer::from_raw(width, height, frame.rgba).expect("its sides have been compared with its pixels");
            let frame = Frame::from_parts(buffer, 0, 0, Delay::from_numer_denom_ms(time, 1));
            encoder.encode_frame(frame).map_err(failed)?;
        }
        drop(encoder);
        first.map(|_| bytes).ok_or_else(|| Error::figure("an animation", "it has no frames", "give at least one"))
    }

    /// The RGBA pixels of a PNG file's bytes.
    ///
    /// # Errors
    /// [`Error::Figure`] when they are not a PNG picture.
    pub fn read_png(bytes: &[u8]) -> Result<Pixels> {
        let picture = image::load_from_memory_with_format(bytes, image::ImageFormat::Png)
            .map_err(|problem| Error::figure("a PNG file", problem, "give a file that is one"))?
            .into_rgba8();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        Ok(Pixels { width, height, rgba: picture.into_raw() })
    }
}

#[cfg(not(target_family = "wasm"))]
pub use encode::{gif, read_png};

#[cfg(test)]
mod tests {
    use super::*;

    const K: [u8; 4] = [0, 0, 0, 255];
    const W: [u8; 4] = [255; 4];
    const B: [u8; 4] = [1, 2, 3, 4];

    #[test]
    fn bytes_round_and_clamp() {
        let cases = [(-1.0, 0), (1.0, 255), (0.0, 128), (-0.5, 64), (0.5, 191), (-7.0, 0), (7.0, 255)];
        for (x, expected) in cases {
            assert_eq!(byte(x), Some(expected), "{x}");
        }
        // Every 8-bit level v comes back from (v/255)·2 − 1.
        for v in 0..=255 {
            assert_eq!(byte(f32::from(v) / 255.0 * 2.0 - 1.0), Some(v));
        }
        assert_eq!([byte(f32::NAN), byte(f32::INFINITY), byte(f32::NEG_INFINITY)], [None; 3]);
    }

    #[test]
    fn a_grid_of_three_grey_samples() {
        let grid = Grid { columns: 2, gap: 1, scale: 1, background: B };
        // 1×2 pixels each.
        let picture = grid.draw(&[-1.0, 1.0, 1.0, -1.0, f32::NAN, 1.0], [1, 1, 2]).unwrap();
        assert_eq!((picture.width, picture.height), (5, 3));
        let expected = [[K, W, B, W, K], [B, B, B, B, B], [NOT_FINITE, W, B, B, B]];
        assert_eq!(picture.rgba, expected.as_flattened().as_flattened());
    }

    #[test]
    fn scale_repeats_pixels() {
        let grid = Grid { columns: 0, gap: 3, scale: 2, background: B };
        let picture = grid.draw(&[-1.0, 1.0], [1, 2, 1]).unwrap();
        assert_eq!((picture.width, picture.height), (2, 4));
        assert_eq!(picture.rgba, [[K, K], [K, K], [W, W], [W, W]].as_flattened().as_flattened());
    }

    #[test]
    fn colour_planes_come_channel_first() {
        // Two pixels: red planes first, then green, then blue.
        let sample = [1.0, -1.0, -1.0, 1.0, 0.0, f32::NAN];
        assert_eq!(rgba(&sample, [3, 1, 2]).unwrap(), [[255, 0, 128, 255], NOT_FINITE].as_flattened());
    }

    #[test]
    fn cells_are_nearly_square() {
        let cells = |n| Grid::default().cells(n);
        assert_eq!([cells(1), cells(2), cells(5), cells(9), cells(16)], [[1, 1], [2, 1], [3, 2], [3, 3], [4, 4]]);
        assert_eq!(Grid { columns: 8, ..Grid::default() }.cells(3), [3, 1]);
    }

    #[test]
    fn wrong_shapes_are_errors() {
        let draw = |grid: Grid, n, shape| grid.draw(&vec![0.0; n], shape).unwrap_err().to_string();
        let samples = |n| format!("samples has {n} numbers; give a multiple of c·h·w = 2");
        assert!(draw(Grid::default(), 5, [1, 1, 2]).starts_with(&samples(5)));
        assert!(draw(Grid::default(), 0, [1, 1, 2]).starts_with(&samples(0)));
        assert!(draw(Grid::default(), 4, [2, 1, 2]).starts_with("an image of 2 channels, 1×2 cannot be drawn"));
        assert!(draw(Grid::default(), 4, [1, usize::MAX, 2]).starts_with("an image of 1 channels"));
        for grid in [Grid { scale: 0, ..Grid::default() }, Grid { scale: 9000, ..Grid::default() }] {
            assert!(draw(grid, 4, [1, 1, 2]).starts_with("a grid of 2×1 samples at scale"));
        }
        assert!(draw(Grid { gap: usize::MAX, ..Grid::default() }, 6, [1, 1, 2]).starts_with("a grid of"));
        assert!(rgba(&[0.0; 3], [1, 1, 2]).is_err());
    }

    #[test]
    fn png_and_gif_keep_the_pixels() {
        let grid = Grid { gap: 1, background: [9, 8, 7, 255], ..Grid::default() };
        let frames: Vec<_> =
            (0..3).map(|k| grid.draw(&[-1.0 + 0.5 * k as f32, 0.25, 0.5, f32::NAN], [1, 1, 2]).unwrap()).collect();
        assert_eq!(read_png(&frames[0].png().unwrap()).unwrap(), frames[0]);

        // Fewer than 256 colours: the GIF's palette is exact.
        use image::AnimationDecoder as _;
        let bytes = gif(frames.iter().cloned().map(Ok), 40, 1000).unwrap();
        let decoder = image::codecs::gif::GifDecoder::new(std::io::Cursor::new(&bytes)).unwrap();
        let decoded = decoder.into_frames().collect_frames().unwrap();
        let times: Vec<_> = decoded.iter().map(|f| f.delay().numer_denom_ms()).collect();
        assert_eq!(times, [(40, 1), (40, 1), (1000, 1)]);
        for (frame, expected) in decoded.iter().zip(&frames) {
            assert_eq!(frame.buffer().as_raw(), &expected.rgba);
        }
        assert!(gif([], 40, 40).is_err());
        let other = grid.draw(&[0.0; 2], [1, 1, 2]).unwrap();
        assert!(gif([Ok(frames[0].clone()), Ok(other)], 40, 40).is_err());
    }
}
