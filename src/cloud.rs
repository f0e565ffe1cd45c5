//! Points as a picture: samples in two dimensions as a cloud, in one as a histogram, in more by their first two.

use crate::{Error, Result};

/// The part of the plane that is shown: |x − centre| ≤ half along either axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Of the first two coordinates.
    pub centre: [f64; 2],
    /// Half of its side.
    pub half: f64,
}

/// Opacity of a point's middle pixel and of its neighbours.
const DOT: [f32; 3] = [0.55, 0.3, 0.12];
/// The ink: a dark blue.
const INK: [f32; 3] = [0.0, 66.0, 118.0];

/// A square picture of `side` pixels, RGBA, of samples in `d` dimensions.
///
/// # Shapes
/// `values`: n·d numbers, samples first; result: side·side·4.
///
/// # Errors
/// When `d` is 0 or does not divide the values.
pub fn picture(values: &[f32], d: usize, window: Window, side: usize) -> Result<Vec<u8>> {
    if d == 0 || !values.len().is_multiple_of(d) {
        return Err(Error::setting("samples", values.len(), format!("a multiple of {d}")));
    }
    let mut ink = vec![0.0f32; side * side];
    // The pixel of a coordinate, from 0 to side; outside of it where the sample is outside of the window.
    let pixel = |x: f32, axis: usize| ((f64::from(x) - window.centre[axis]) / window.half * 0.5 + 0.5) * side as f64;
    if d == 1 {
        histogram(values.iter().map(|&x| pixel(x, 0)), values.len(), side, &mut ink);
    } else {
        for sample in values.chunks_exact(d) {
            dot(pixel(sample[0], 0), side as f64 - pixel(sample[1], 1), side, &mut ink);
        }
    }
    let shade = |ink: f32, full: f32| (255.0 + (full - 255.0) * ink).round() as u8;
    Ok(ink.into_iter().flat_map(|ink| [shade(ink, INK[0]), shade(ink, INK[1]), shade(ink, INK[2]), 255]).collect())
}

/// Lays a dot of 3 × 3 pixels over what is there.
fn dot(x: f64, y: f64, side: usize, ink: &mut [f32]) {
    if !(x.is_finite() && y.is_finite()) {
        return;
    }
    let (column, row) = (x.floor() as i64, y.floor() as i64);
    for down in -1..=1i64 {
        for right in -1..=1i64 {
            let (row, column) = (row + down, column + right);
            if (0..side as i64).contains(&row) && (0..side as i64).contains(&column) {
                let at = &mut ink[row as usize * side + column as usize];
                *at += (1.0 - *at) * DOT[(down.abs() + right.abs()) as usize];
            }
        }
    }
}

/// Bars four pixels wide; a share of an eighth of all samples in one bar reaches the top.
fn histogram(pixels: impl Iterator<Item = f64>, n: usize, side: usize, ink: &mut [f32]) {
    const WIDTH: usize = 4;
    const TOP: f64 = 0.125;
    let mut counts = vec![0usize; side.div_ceil(WIDTH)];
    for x in pixels.filter(|x| (0.0..side as f64).contains(x)) {
        counts[x as usize / WIDTH] += 1;
    }
    for (bar, count) in counts.into_iter().enumerate() {
        let height = ((count as f64 / n as f64 / TOP).min(1.0) * side as f64).round() as usize;
        for row in side - height..side {
            for column in bar * WIDTH..((bar + 1) * WIDTH - 1).min(side) {
                ink[row * side + column] = 0.8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { centre: [1.0, 0.0], half: 2.0 };

    fn dark(picture: &[u8], side: usize) -> Vec<(usize, usize)> {
        let pixels = picture.chunks_exact(4).enumerate().filter(|(_, rgba)| rgba[0] < 200);
        pixels.map(|(i, _)| (i % side, i / side)).collect()
    }

    #[test]
    fn a_point_is_where_it_is() {
        // x = 2 is three quarters across a window from −1 to 3, y = 1 a quarter down from 2 to −2.
        let picture = picture(&[2.0, 1.0, 9.0], 3, WINDOW, 40).unwrap();
        let dark = dark(&picture, 40);
        assert_eq!(dark, [(30, 9), (29, 10), (30, 10), (31, 10), (30, 11)]);
    }

    #[test]
    fn what_is_outside_is_not_shown() {
        for point in [[7.0, 0.0], [f32::NAN, 0.0], [0.0, f32::INFINITY]] {
            assert!(picture(&point, 2, WINDOW, 16).unwrap().iter().all(|&byte| byte == 255));
        }
        assert!(picture(&[1.0], 2, WINDOW, 16).is_err());
    }

    #[test]
    fn a_bar_is_as_high_as_its_share() {
        // One of 16 samples, half of the eighth that fills the height, in the bar of x = 1.
        let mut values = vec![99.0f32; 15];
        values.push(1.0);
        let dark = dark(&picture(&values, 1, WINDOW, 40).unwrap(), 40);
        assert_eq!(dark.len(), 3 * 20, "three columns, the lower half");
        assert!(dark.iter().all(|&(x, y)| (20..23).contains(&x) && y >= 20));
    }
}
