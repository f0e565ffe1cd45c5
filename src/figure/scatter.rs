//! Points as pictures: a histogram in one dimension, a scatter plot in two, with the coordinate axes in grey.
//!
//! The scale is chosen once for all frames of a run, so that they can follow one another.

use super::Pixels;

/// Side of the picture, in pixels.
const SIDE: usize = 512;
/// Bars of a histogram.
const BINS: usize = 128;
const PAPER: [f32; 3] = [255.0; 3];
const AXIS: [f32; 3] = [200.0; 3];
const INK: [f32; 3] = [31.0, 78.0, 140.0];

/// A square window on the line or the plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plot {
    d: usize,
    /// The lowest coordinates.
    origin: [f32; 2],
    /// Width, and in the plane height, of what is shown.
    width: f32,
}

impl Plot {
    /// Side of a picture, in pixels.
    pub const SIDE: usize = SIDE;

    /// The window that holds the points of all `frames` with a margin, `d` = 1 or 2 numbers a point. Points that are not
    /// finite have no place.
    #[must_use]
    pub fn around(frames: &[&[f32]], d: usize) -> Self {
        let (mut low, mut high) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
        for point in frames.iter().flat_map(|frame| frame.chunks_exact(d)) {
            for (i, x) in point.iter().enumerate().filter(|(_, x)| x.is_finite()) {
                low[i] = low[i].min(*x);
                high[i] = high[i].max(*x);
            }
        }
        let ranges = (0..d).map(|i| high[i] - low[i]).filter(|range| range.is_finite());
        let width = 1.1 * ranges.fold(0.0, f32::max).max(1e-3);
        let origin = [0, 1].map(|i| {
            let centre = 0.5 * (low[i] + high[i]);
            if centre.is_finite() { centre - 0.5 * width } else { -0.5 * width }
        });
        Self { d, origin, width }
    }

    /// Draws points.
    ///
    /// # Shapes
    /// `points`: `[n, d]` in row-major order.
    #[must_use]
    pub fn draw(&self, points: &[f32]) -> Pixels {
        let mut canvas = vec![PAPER; SIDE * SIDE];
        let zero = [self.pixel(0, 0.0), self.pixel(1, 0.0)];
        for along in 0..SIDE {
            if let Some(x) = zero[0] {
                canvas[along * SIDE + x] = AXIS;
            }
            if let Some(y) = zero[1].filter(|_| self.d == 2) {
                canvas[(SIDE - 1 - y) * SIDE + along] = AXIS;
            }
        }
        match self.d {
            1 => self.bars(points, &mut canvas),
            _ => self.dots(points, &mut canvas),
        }
        let rgba = canvas.iter().flat_map(|rgb| [rgb[0] as u8, rgb[1] as u8, rgb[2] as u8, 255]).collect();
        Pixels { width: SIDE, height: SIDE, rgba }
    }

    /// The pixel of coordinate `i`, where the window has it.
    fn pixel(&self, i: usize, x: f32) -> Option<usize> {
        let at = (x - self.origin[i]) / self.width * SIDE as f32;
        // A NaN is in no range.
        (0.0..SIDE as f32).contains(&at).then_some(at as usize)
    }

    fn bars(&self, points: &[f32], canvas: &mut [[f32; 3]]) {
        let mut counts = [0usize; BINS];
        points.iter().filter_map(|x| self.pixel(0, *x)).for_each(|x| counts[x * BINS / SIDE] += 1);
        let most = counts.iter().copied().max().unwrap_or(0).max(1);
        for x in 0..SIDE {
            let height = counts[x * BINS / SIDE] * (SIDE - SIDE / 16) / most;
            for y in SIDE - height..SIDE {
                canvas[y * SIDE + x] = INK;
            }
        }
    }

    /// Translucent, so that density shows: fainter where there are more.
    fn dots(&self, points: &[f32], canvas: &mut [[f32; 3]]) {
        let n = points.len() / 2;
        let cover = (20.0 / (n.max(1) as f32).sqrt()).clamp(0.1, 0.8);
        for point in points.chunks_exact(2) {
            let (Some(x), Some(y)) = (self.pixel(0, point[0]), self.pixel(1, point[1])) else { continue };
            for y in y.saturating_sub(1)..(y + 2).min(SIDE) {
                for x in x.saturating_sub(1)..(x + 2).min(SIDE) {
                    let pixel = &mut canvas[(SIDE - 1 - y) * SIDE + x];
                    pixel.iter_mut().zip(INK).for_each(|(c, ink)| *c += cover * (ink - *c));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(picture: &Pixels, x: usize, y: usize) -> [u8; 4] {
        let start = 4 * (y * picture.width + x);
        picture.rgba[start..start + 4].try_into().unwrap()
    }

    const INKED: [u8; 4] = [31, 78, 140, 255];
    const BLANK: [u8; 4] = [255; 4];

    #[test]
    fn a_histogram_counts() {
        // 3 to 1: the window is [−1.1, 1.1], so that ∓1 lie in bins 128·0.1/2.2 and 128·2.1/2.2.
        let picture = Plot::around(&[&[-1.0, 1.0]], 1).draw(&[-1.0, 1.0, -1.0, -1.0, f32::NAN]);
        let height = |bin: usize| (0..SIDE).filter(|y| at(&picture, 4 * bin + 2, *y) == INKED).count();
        assert_eq!([height(5), height(122), height(60)], [480, 160, 0]);
        // The axis stands at 0, in the middle.
        assert_eq!(at(&picture, 256, 0), [200, 200, 200, 255]);
    }

    #[test]
    fn a_scatter_plot_has_its_points_the_right_way_up() {
        let points = [0.0, 0.0, 0.0, 4.0, 1.0, f32::INFINITY];
        let plot = Plot::around(&[&points[..2], &points], 2);
        let picture = plot.draw(&points);
        // The second coordinate spans 4, of a window of 4.4: 0 and 4 lie at 512·(0.2, 4.2)/4.4 from below. The first
        // spans 0 to 1, centred: 0 lies at 512·(2.2 − 0.5)/4.4.
        let x = 197;
        let dark = |y: usize| at(&picture, x, y)[0] < 100;
        assert!(dark(SIDE - 1 - 23) && dark(SIDE - 1 - 488) && !dark(SIDE - 1 - 250));
        assert_eq!(at(&picture, 400, 300), BLANK);
        // Nothing finite is nothing shown, and no panic.
        assert!(Plot::around(&[&[f32::NAN; 2]], 2).draw(&[f32::NAN; 2]).rgba.chunks(4).all(|p| p != INKED));
    }
}
