//! 3×3 convolution by Winograd's minimal filtering F(2×2, 3×3): Lavin and Gray, 2015 (arXiv:1509.09308).
//!
//! Each 2×2 tile of the result is Y = Aᵀ[(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]A of the kernel g and the 4×4 pixels d around it: 16
//! multiplications where the definition has 36. Over all tiles and channels, each of the 16 places is a matrix product,
//! M = V·U of V = Bᵀ·d·B (tiles by channels) and U = G·g·Gᵀ (channels in by channels out), whose sums are as long as the
//! channels are many: the numbers are as exact as those of the definition, but not the same.
//!
//! The kernel's gradient is the adjoint, ∂U = Vᵀ·(A·∂Y·Aᵀ), ∂g = Gᵀ·∂U·G, with as few multiplications.
//!
//! A task is a run of rows of tiles, whose V and M stay in a core's second-level cache.

use crate::compute::{
    buffer,
    buffer::Buffer,
    parallel::{map_chunks, map_parts},
};

use super::{
    product::{Matrix, Start, product},
    shape::Shape,
    simd::multiversion,
};
use std::{cell::RefCell, f32::consts::FRAC_1_SQRT_2, ops::Range};

/// Places of a transformed tile.
const PLACES: usize = 16;
/// Values of a task's V and M together: three quarters of a megabyte.
const TASK: usize = 192 * 1024;
/// Tasks that a convolution is cut into where there are the rows, so as to feed that many cores.
const PARTS: usize = if cfg!(target_family = "wasm") { 1 } else { 4 };
/// Parts of the kernel's gradient, each with sums of its own.
const SUMS: usize = 8;

thread_local! {
    /// V and M, kept from one task to the next.
    static SCRATCH: RefCell<[Vec<f32>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

/// How an image is cut into tiles.
#[derive(Clone, Copy)]
struct Tiles {
    shape: Shape,
    /// Tiles that an image is high.
    high: usize,
    wide: usize,
    /// Rows of tiles, of all images.
    rows: usize,
}

impl Tiles {
    fn new(shape: Shape) -> Self {
        let (high, wide) = (shape.h.div_ceil(2), shape.w.div_ceil(2));
        Self { shape, high, wide, rows: shape.n * high }
    }

    /// The pixels before row `row` of tiles.
    fn pixels(&self, row: usize) -> usize {
        let Shape { h, w, .. } = self.shape;
        (row / self.high * h + row % self.high * 2) * w
    }

    /// Rows of tiles per task.
    fn task(&self, parts: usize) -> usize {
        let row = PLACES * self.wide * (self.shape.c + self.shape.o);
        (TASK / row).min(self.rows.div_ceil(parts)).max(1)
    }
}

/// U of a kernel `[3, 3, c, o]`: `[16, c, o]`.
pub fn transform_weight(weight: &[f32], u: &mut [f32]) {
    let plane = weight.len() / 9;
    for at in 0..plane {
        let g = |i: usize, j: usize| weight[(3 * i + j) * plane + at];
        // G·g, one column after the other, then (G·g)·Gᵀ.
        let columns = [0, 1, 2].map(|j| expand([g(0, j), g(1, j), g(2, j)]));
        for i in 0..4 {
            for (j, value) in expand([columns[0][i], columns[1][i], columns[2][i]]).into_iter().enumerate() {
                u[(4 * i + j) * plane + at] = value;
            }
        }
    }
}

/// G·g.
#[inline(always)]
fn expand([a, b, c]: [f32; 3]) -> [f32; 4] {
    let (even, odd) = (0.5 * (a + c), 0.5 * b);
    [a, even + odd, even - odd, c]
}

/// ∂g = Gᵀ·∂U·G.
fn weight_from(du: &[f32], dw: &mut [f32]) {
    let plane = du.len() / PLACES;
    for at in 0..plane {
        let u = |i: usize, j: usize| du[(4 * i + j) * plane + at];
        let columns = [0, 1, 2, 3].map(|j| reduce([u(0, j), u(1, j), u(2, j), u(3, j)]));
        for i in 0..3 {
            let row = [columns[0][i], columns[1][i], columns[2][i], columns[3][i]];
            for (j, value) in reduce(row).into_iter().enumerate() {
                dw[(3 * i + j) * plane + at] = value;
            }
        }
    }
}

/// Gᵀ·u.
#[inline(always)]
fn reduce([a, b, c, d]: [f32; 4]) -> [f32; 3] {
    let even = 0.5 * (b + c);
    [a + even, 0.5 * (b - c), even + d]
}

/// conv(x, g) + bias, or (residual + conv(x, g) + bias)/√2, given U of g.
pub fn forward(x: &[f32], u: &[f32], bias: &[f32], residual: Option<&[f32]>, shape: Shape) -> Buffer {
    let Shape { n, h, w, c, o, .. } = shape;
    let tiles = Tiles::new(shape);
    let mut y = buffer::take(n * h * w * o);
    let rows = tiles.task(PARTS);
    map_parts(
        y.as_mut_slice(),
        tiles.rows.div_ceil(rows),
        |i| tiles.pixels((i * rows).min(tiles.rows)) * o,
        |i, y| {
            let range = i * rows..((i + 1) * rows).min(tiles.rows);
            let count = range.len() * tiles.wide;
            with_scratch([count * c, count * o], |[v, m]| {
                transform_input(x, &tiles, range.clone(), v);
                for place in 0..PLACES {
                    let v = Matrix::new(&v[place * count * c..][..count * c], c);
                    let u = Matrix::new(&u[place * c * o..][..c * o], o);
                    product(&mut m[place * count * o..][..count * o], v, u, Start::Zero);
                }
                let residual = residual.map(|residual| &residual[tiles.pixels(range.start) * o..][..y.len()]);
                transform_output(m, bias, residual, &tiles, range.clone(), y);
            });
        },
    );
    y
}

/// The gradients of [`forward`]'s kernel and bias, given its result's.
pub fn weight_gradient(x: &[f32], grad: &[f32], shape: Shape) -> (Vec<f32>, Vec<f32>) {
    let Shape { c, o, .. } = shape;
    let tiles = Tiles::new(shape);
    let rows = tiles.task(SUMS);
    // Whole tasks per part.
    let rows_a_part = rows * tiles.rows.div_ceil(rows * SUMS).max(1);
    let mut parts = vec![(); tiles.rows.div_ceil(rows_a_part)];
    let sums = map_parts(
        &mut parts,
        tiles.rows.div_ceil(rows_a_part),
        |i| i,
        |part, _| {
            let (mut dw, mut db) = (buffer::take(9 * c * o), vec![0.0; o]);
            let mut du = buffer::take(PLACES * c * o);
            let du = du.as_mut_slice();
            du.fill(0.0);
            let end = ((part + 1) * rows_a_part).min(tiles.rows);
            for start in (part * rows_a_part..end).step_by(rows) {
                let range = start..(start + rows).min(end);
                let count = range.len() * tiles.wide;
                with_scratch([count * c, count * o], |[v, m]| {
                    transform_input(x, &tiles, range.clone(), v);
                    transform_gradient(grad, &tiles, range.clone(), m);
                    for place in 0..PLACES {
                        let v = Matrix::new(&v[place * count * c..][..count * c], c);
                        let m = Matrix::new(&m[place * count * o..][..count * o], o);
                        product(&mut du[place * c * o..][..c * o], v.transposed(), m, Start::Add);
                    }
                });
                for g in grad[tiles.pixels(range.start) * o..tiles.pixels(range.end) * o].chunks_exact(o) {
                    db.iter_mut().zip(g).for_each(|(sum, value)| *sum += value);
                }
            }
            weight_from(du, dw.as_mut_slice());
            (dw, db)
        },
    );
    let mut dw = vec![0.0; 9 * c * o];
    map_chunks(&mut dw, c * o, |tap, dw| {
        for (part, _) in &sums {
            dw.iter_mut().zip(&part.as_slice()[tap * c * o..]).for_each(|(sum, value)| *sum += value);
        }
    });
    let mut db = vec![0.0; o];
    for (_, part) in &sums {
        db.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
    }
    (dw, db)
}

/// V and M, of 16 places of so many values each.
fn with_scratch(places: [usize; 2], f: impl FnOnce([&mut [f32]; 2])) {
    SCRATCH.with_borrow_mut(|buffers| {
        let mut places = places.into_iter();
        f(buffers.each_mut().map(|buffer| {
            let len = PLACES * places.next().expect("as many as buffers");
            if buffer.len() < len {
                buffer.resize(len, 0.0);
            }
            &mut buffer[..len]
        }));
    });
}

multiversion! {
    /// V of some rows of tiles.
    fn transform_input<FMA, LANES>(x: &[f32], tiles: &Tiles, range: Range<usize>, v: &mut [f32]) -> () = transform_input_body;
    /// A·∂Y·Aᵀ of some rows of tiles.
    fn transform_gradient<FMA, LANES>(grad: &[f32], tiles: &Tiles, range: Range<usize>, m: &mut [f32]) -> () = transform_gradient_body;
    /// Aᵀ·M·A + bias, and the residual's sum.
    fn transform_output<FMA, LANES>(
        m: &[f32], bias: &[f32], residual: Option<&[f32]>, tiles: &Tiles, range: Range<usize>, y: &mut [f32]
    ) -> () = transform_output_body;
}

// Of L channels. In loops, since what takes a closure may be compiled apart, for the target's own instructions.

#[inline(always)]
fn load<const L: usize>(values: &[f32], at: usize) -> [f32; L] {
    *values[at..at + L].first_chunk().expect("a slice of this length")
}

#[inline(always)]
fn store<const L: usize>(values: &mut [f32], at: usize, chunk: [f32; L]) {
    *values[at..at + L].first_chunk_mut().expect("a slice of this length") = chunk;
}

#[inline(always)]
fn add<const L: usize>(a: [f32; L], b: [f32; L]) -> [f32; L] {
    let mut sum = [0.0; L];
    for l in 0..L {
        sum[l] = a[l] + b[l];
    }
    sum
}

#[inline(always)]
fn sub<const L: usize>(a: [f32; L], b: [f32; L]) -> [f32; L] {
    let mut difference = [0.0; L];
    for l in 0..L {
        difference[l] = a[l] - b[l];
    }
    difference
}

/// The channels from `at` of pixel `j` of some rows of `c` channels per pixel, zero outside.
#[inline(always)]
fn column<const L: usize, const R: usize>(rows: &[Option<&[f32]>; R], c: usize, j: usize, at: usize) -> [[f32; L]; R] {
    let mut values = [[0.0; L]; R];
    for r in 0..R {
        if let Some(row) = rows[r]
            && (j + 1) * c <= row.len()
        {
            values[r] = load(row, j * c + at);
        }
    }
    values
}

/// Bᵀ·d.
#[inline(always)]
fn input<const L: usize>(d: [[f32; L]; 4]) -> [[f32; L]; 4] {
    [sub(d[0], d[2]), add(d[1], d[2]), sub(d[2], d[1]), sub(d[1], d[3])]
}

/// Aᵀ·m.
#[inline(always)]
fn output<const L: usize>([a, b, c, d]: [[f32; L]; 4]) -> [[f32; L]; 2] {
    let (even, odd) = (add(b, c), sub(b, c));
    [add(a, even), sub(odd, d)]
}

/// A·g.
#[inline(always)]
fn gradient<const L: usize>([p, q]: [[f32; L]; 2]) -> [[f32; L]; 4] {
    [p, add(p, q), sub(p, q), sub([0.0; L], q)]
}

/// `f::<L>(at)` for blocks of LANES channels from `at`, then for single ones.
macro_rules! over_channels {
    ($c:expr, $f:ident($($arg:expr),*)) => {{
        let mut at = 0;
        while at + LANES <= $c {
            $f::<LANES>(at, $($arg),*);
            at += LANES;
        }
        while at < $c {
            $f::<1>(at, $($arg),*);
            at += 1;
        }
    }};
}

#[inline(always)]
fn transform_input_body<const FMA: bool, const LANES: usize>(
    x: &[f32],
    tiles: &Tiles,
    range: Range<usize>,
    v: &mut [f32],
) {
    let Shape { h, w, c, .. } = tiles.shape;
    let count = range.len() * tiles.wide;
    for (i, row) in range.enumerate() {
        let (image, top) = (row / tiles.high, row % tiles.high * 2);
        let image = &x[image * h * w * c..][..h * w * c];
        let rows = [0, 1, 2, 3].map(|r| {
            let row = (top + r).checked_sub(1).filter(|row| *row < h);
            row.map(|row| &image[row * w * c..][..w * c])
        });
        let v = &mut v[i * tiles.wide * c..];
        over_channels!(c, input_lanes(rows, c, tiles.wide, count * c, v));
    }
}

/// One row of tiles, L channels: Bᵀ down the columns, each of which two tiles share, then B along the rows.
#[inline(always)]
fn input_lanes<const L: usize>(
    at: usize,
    rows: [Option<&[f32]>; 4],
    c: usize,
    wide: usize,
    place: usize,
    v: &mut [f32],
) {
    let (mut p, mut q) = ([[0.0; L]; 4], input(column(&rows, c, 0, at)));
    for tile in 0..wide {
        let r = input(column(&rows, c, 2 * tile + 1, at));
        let s = input(column(&rows, c, 2 * tile + 2, at));
        for i in 0..4 {
            let places = input([p[i], q[i], r[i], s[i]]);
            for j in 0..4 {
                store(v, (4 * i + j) * place + tile * c + at, places[j]);
            }
        }
        (p, q) = (r, s);
    }
}

#[inline(always)]
fn transform_gradient_body<const FMA: bool, const LANES: usize>(
    grad: &[f32],
    tiles: &Tiles,
    range: Range<usize>,
    m: &mut [f32],
) {
    let Shape { h, w, o, .. } = tiles.shape;
    let count = range.len() * tiles.wide;
    for (i, row) in range.enumerate() {
        let (image, top) = (row / tiles.high, row % tiles.high * 2);
        let image = &grad[image * h * w * o..][..h * w * o];
        let rows = [0, 1].map(|r| (top + r < h).then(|| &image[(top + r) * w * o..][..w * o]));
        let m = &mut m[i * tiles.wide * o..];
        over_channels!(o, gradient_lanes(rows, o, tiles.wide, count * o, m));
    }
}

#[inline(always)]
fn gradient_lanes<const L: usize>(
    at: usize,
    rows: [Option<&[f32]>; 2],
    o: usize,
    wide: usize,
    place: usize,
    m: &mut [f32],
) {
    for tile in 0..wide {
        let p = gradient::<L>(column(&rows, o, 2 * tile, at));
        let q = gradient::<L>(column(&rows, o, 2 * tile + 1, at));
        for i in 0..4 {
            let places = gradient([p[i], q[i]]);
            for j in 0..4 {
                store(m, (4 * i + j) * place + tile * o + at, places[j]);
            }
        }
    }
}

#[inline(always)]
fn transform_output_body<const FMA: bool, const LANES: usize>(
    m: &[f32],
    bias: &[f32],
    residual: Option<&[f32]>,
    tiles: &Tiles,
    range: Range<usize>,
    y: &mut [f32],
) {
    let Shape { h, w, o, .. } = tiles.shape;
    let count = range.len() * tiles.wide;
    let first = tiles.pixels(range.start);
    for (i, row) in range.enumerate() {
        let at = (tiles.pixels(row) - first) * o;
        let high = (h - row % tiles.high * 2).min(2);
        let y = &mut y[at..at + high * w * o];
        let residual = residual.map(|residual| &residual[at..at + high * w * o]);
        let m = &m[i * tiles.wide * o..];
        over_channels!(o, output_lanes(m, bias, residual, [high, w, o], count * o, y));
    }
}

#[inline(always)]
fn output_lanes<const L: usize>(
    at: usize,
    m: &[f32],
    bias: &[f32],
    residual: Option<&[f32]>,
    [high, w, o]: [usize; 3],
    place: usize,
    y: &mut [f32],
) {
    let bias = load::<L>(bias, at);
    for tile in 0..w.div_ceil(2) {
        let mut columns = [[[0.0; L]; 2]; 4];
        for j in 0..4 {
            let place = |i: usize| load::<L>(m, (4 * i + j) * place + tile * o + at);
            columns[j] = output([place(0), place(1), place(2), place(3)]);
        }
        for i in 0..high {
            let row = output([columns[0][i], columns[1][i], columns[2][i], columns[3][i]]);
            for j in 0..(w - 2 * tile).min(2) {
                let at = (i * w + 2 * tile + j) * o + at;
                let mut value = add(row[j], bias);
                if let Some(residual) = residual {
                    value = add(value, load(residual, at));
                    for l in 0..L {
                        value[l] *= FRAC_1_SQRT_2;
                    }
                }
                store(y, at, value);
            }
        }
    }
}
