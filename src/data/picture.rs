//! Points from a picture, whose dark pixels are the density: a pixel by its darkness, and a place in it.

use super::Points;
use crate::{
    Error, Result,
    noise::{Noise, Purpose},
};

/// The longest side of a picture, in pixels.
const MAX_SIDE: usize = 8192;
/// The picture's longer side lies in [−HALF, HALF].
const HALF: f64 = 4.0;

/// Points `0 … n − 1` of `seed`, point i a pure function of (seed, i): a pixel with a probability proportional to its
/// darkness below the lightest one, and uniform within it. The picture's longer side spans [−4, 4], its middle is the
/// origin, and the second coordinate points up. `file` is named in errors.
///
/// # Shapes
/// `grey`: `[height, width]` flattened, from 0 for black to 255 for white; result: n points in the plane.
///
/// # Errors
/// [`Error::Data`] for a picture of one colour, of no or too many pixels, and for n = 0.
pub fn points_of_picture(file: &str, grey: &[u8], [height, width]: [usize; 2], seed: u64, n: usize) -> Result<Points> {
    let refuse = |problem: String, remedy: &str| Err(Error::data(file, problem, remedy));
    let sides = 1..=MAX_SIDE;
    if !sides.contains(&height) || !sides.contains(&width) || grey.len() != height * width {
        let problem = format!("a picture of {width}×{height} pixels, of which there are {}", grey.len());
        return refuse(problem, "give one of 1 to 8192 pixels a side");
    }
    let white = grey.iter().copied().max().unwrap_or(255);
    // ends[i]: the darkness of the pixels up to and with i.
    let ends: Vec<u64> = grey
        .iter()
        .scan(0, |sum, &pixel| {
            *sum += u64::from(white - pixel);
            Some(*sum)
        })
        .collect();
    let total = ends.last().copied().unwrap_or(0);
    if total == 0 {
        return refuse("a picture of one colour, which has no dark pixels".to_owned(), "draw something dark on it");
    }
    let scale = 2.0 * HALF / width.max(height) as f64;
    let noise = Noise::new(seed);
    let mut uniform = [0.0; 3];
    let mut points = Vec::with_capacity(2 * n);
    for i in 0..n as u64 {
        noise.fill_uniform(i, Purpose::Data, 0, &mut uniform);
        let at = (uniform[0] * total as f64) as u64;
        // The first pixel whose end is beyond; a pixel of no darkness ends where the one before does, and is never that.
        let pixel = ends.partition_point(|&end| end <= at);
        let (row, column) = (pixel / width, pixel % width);
        points.push((scale * (column as f64 + uniform[1] - 0.5 * width as f64)) as f32);
        points.push((scale * (0.5 * height as f64 - row as f64 - uniform[2])) as f32);
    }
    Points::new(points, 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Source;

    fn drawn(grey: &[u8], sides: [usize; 2], n: usize) -> Vec<[f32; 2]> {
        let points = points_of_picture("p.png", grey, sides, 3, n).unwrap();
        let mut out = [0.0; 2];
        (0..points.len())
            .map(|i| {
                points.fill(i, &mut out);
                out
            })
            .collect()
    }

    #[test]
    fn points_are_where_it_is_dark_and_the_right_way_up() {
        const N: usize = 20_000;
        // Two rows of four pixels, each of side 2: [−4, 4] × [−2, 2]. Paper is 200; the darknesses are 200 and 50.
        let points = drawn(&[0, 200, 200, 200, 200, 200, 200, 150], [2, 4], N);
        let (top, bottom): (Vec<_>, Vec<_>) = points.into_iter().partition(|[_, y]| *y > 0.0);
        assert!(top.iter().all(|[x, y]| (-4.0..=-2.0).contains(x) && (0.0..=2.0).contains(y)));
        assert!(bottom.iter().all(|[x, y]| (2.0..=4.0).contains(x) && (-2.0..=0.0).contains(y)));
        // Four standard errors of a share of 0.8, and of a mean of uniforms 2 wide.
        let share = top.len() as f64 / N as f64;
        assert!((share - 0.8).abs() < 4.0 * (0.16 / N as f64).sqrt(), "{share}");
        let mean = top.iter().map(|[x, _]| f64::from(*x)).sum::<f64>() / top.len() as f64;
        assert!((mean + 3.0).abs() < 4.0 * (4.0 / 12.0 / top.len() as f64).sqrt(), "{mean}");
    }

    #[test]
    fn a_longer_sample_begins_with_a_shorter_one() {
        let grey: Vec<u8> = (0..=255).collect();
        assert_eq!(drawn(&grey, [16, 16], 5), drawn(&grey, [16, 16], 50)[..5]);
    }

    #[test]
    fn what_has_no_density_is_refused() {
        let refused = |grey: &[u8], sides| points_of_picture("p.png", grey, sides, 3, 9).unwrap_err().to_string();
        for colour in [0, 128, 255] {
            let said = refused(&[colour; 6], [2, 3]);
            assert!(said.contains("p.png: a picture of one colour") && said.contains("draw something dark"), "{said}");
        }
        assert!(refused(&[], [0, 0]).contains("0×0 pixels"));
        assert!(refused(&[0, 255], [2, 2]).contains("2×2 pixels, of which there are 2"));
    }
}
