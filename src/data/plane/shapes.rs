//! Distributions in the plane that are drawn, each by at most four uniforms and two normals. Sizes are those of the
//! experiments on continuous normalising flows (Grathwohl et al. 2019, <https://arxiv.org/abs/1810.01367>, and the code
//! of it), most of them within [−4, 4]², so that plots compare; only the moons are moved up by 0.3 less, so that their
//! mean is 0.

use std::f64::consts::{PI, TAU};

/// What one point is drawn by.
#[derive(Debug, Default)]
pub(super) struct Draw {
    /// Uniform in [0, 1).
    pub uniform: [f64; 4],
    /// Standard normal.
    pub normal: [f32; 2],
}

/// A distribution by its draw, with its first moments.
pub(super) struct Shape {
    /// One point.
    pub point: fn(&Draw) -> [f64; 2],
    /// E x.
    pub mean: [f64; 2],
    /// E |x|².
    pub square: f64,
}

impl Draw {
    /// (x, y) + s·z.
    fn blurred(&self, [x, y]: [f64; 2], s: f64) -> [f64; 2] {
        [x + s * f64::from(self.normal[0]), y + s * f64::from(self.normal[1])]
    }

    /// A whole number from 0 to n − 1, by the first uniform.
    fn choice(&self, n: usize) -> usize {
        ((self.uniform[0] * n as f64) as usize).min(n - 1)
    }
}

/// One moon is (2·cos θ − 1, 2·sin θ − ½), of |x|² = 5¼ − 4·cos θ − 2·sin θ, and the other its mirror image in the
/// origin. E cos θ = 0 and E sin θ = 2/π; blurring adds 2·(2·0.1)².
pub(super) const TWO_MOONS: Shape = Shape { point: two_moons, mean: [0.0; 2], square: 5.25 - 4.0 / PI + 0.08 };

/// On (cos θ, sin θ) or (1 − cos θ, ½ − sin θ), θ uniform in [0, π]; blurred by 0.1, centred and doubled.
fn two_moons(draw: &Draw) -> [f64; 2] {
    let (sin, cos) = libm::sincos(PI * draw.uniform[1]);
    let moon = if draw.choice(2) == 0 { [cos, sin] } else { [1.0 - cos, 0.5 - sin] };
    let [x, y] = draw.blurred(moon, 0.1);
    [2.0 * x - 1.0, 2.0 * y - 0.5]
}

/// With t uniform in [a, 3a], a = 1½π: E t² = 13a²/3, E t·cos t = 2 and E t·sin t = 2/(3π).
pub(super) const SWISS_ROLL: Shape = Shape {
    point: swiss_roll,
    mean: [2.0 / 5.0, 2.0 / (15.0 * PI)],
    square: (13.0 / 3.0 * 2.25 * PI * PI + 2.0) / 25.0,
};

/// On t·(cos t, sin t), t uniform in [1½π, 4½π]; blurred by 1 and divided by 5.
fn swiss_roll(draw: &Draw) -> [f64; 2] {
    let t = 1.5 * PI * (1.0 + 2.0 * draw.uniform[0]);
    let (sin, cos) = libm::sincos(t);
    draw.blurred([t * cos, t * sin], 1.0).map(|x| x / 5.0)
}

/// Each coordinate is uniform on [−4, 4).
pub(super) const CHECKERBOARD: Shape = Shape { point: checkerboard, mean: [0.0; 2], square: 2.0 * 64.0 / 12.0 };

/// Uniform on the eight dark squares, of side 2, of the board [−4, 4]².
fn checkerboard(draw: &Draw) -> [f64; 2] {
    let square = draw.choice(8);
    let (row, column) = (square / 2, 2 * (square % 2) + (square / 2) % 2);
    [2.0 * (column as f64 + draw.uniform[1]) - 4.0, 2.0 * (row as f64 + draw.uniform[2]) - 4.0]
}

/// Turning keeps the norm: 4·(1 + 0.3² + 0.1²).
pub(super) const PINWHEEL: Shape = Shape { point: pinwheel, mean: [0.0; 2], square: 4.4 };

/// (1 + 0.3·z₁, 0.1·z₂) turned by 2πk/5 + ¼·e^(1 + 0.3·z₁) for a uniform arm k, and doubled.
fn pinwheel(draw: &Draw) -> [f64; 2] {
    let (along, across) = (1.0 + 0.3 * f64::from(draw.normal[0]), 0.1 * f64::from(draw.normal[1]));
    let (sin, cos) = libm::sincos(TAU * draw.choice(5) as f64 / 5.0 + 0.25 * libm::exp(along));
    [2.0 * (along * cos - across * sin), 2.0 * (along * sin + across * cos)]
}

/// ¾²·(1 + 4 + 9 + 16)/4, and 2·0.08² of the blur.
pub(super) const RINGS: Shape = Shape { point: rings, mean: [0.0; 2], square: 0.5625 * 7.5 + 2.0 * 0.0064 };

/// On circles of radius ¾, 1½, 2¼ and 3, each as likely as another; blurred by 0.08.
fn rings(draw: &Draw) -> [f64; 2] {
    let radius = 0.75 * (1.0 + draw.choice(4) as f64);
    let (sin, cos) = libm::sincos(TAU * draw.uniform[1]);
    draw.blurred([radius * cos, radius * sin], 0.08)
}
