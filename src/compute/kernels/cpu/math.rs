//! Elementary functions without branches or calls, so that the compiler can vectorise the loops around them.

/// a·b + c, fused where the processor can: unfused code must not pay for a call into a maths library.
#[inline(always)]
pub fn fma<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// eˣ to two units in the last place, for x in [−87, 88] and the value at the nearer end outside.
///
/// x = n·ln 2 + r, |r| ≤ ½·ln 2; the polynomial for eʳ and the split of ln 2 (355/512 and the rest, so that n times the
/// first is exact) are those of the Cephes library.
#[inline(always)]
pub fn exp<const FMA: bool>(x: f32) -> f32 {
    // Adding 1.5·2²³ leaves the nearest integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = fma::<FMA>(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = fma::<FMA>(n, 2.121_944_4e-4, fma::<FMA>(n, -355.0 / 512.0, x));
    let mut p = 1.987_569_2e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = fma::<FMA>(p, r, coefficient);
    }
    let power = fma::<FMA>(p, r * r, r) + 1.0;
    power * f32::from_bits(shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23)
}

/// σ(x) = 1/(1 + e⁻ˣ).
#[inline(always)]
pub fn sigmoid<const FMA: bool>(x: f32) -> f32 {
    1.0 / (1.0 + exp::<FMA>(-x))
}

/// [cos x, sin x] to 10⁻⁷, for |x| below 10⁷: the rest of x to a multiple n of π/2, in f64, and the Cephes library's
/// polynomials for |r| ≤ π/4.
#[inline(always)]
pub fn cos_sin<const FMA: bool>(x: f32) -> [f32; 2] {
    // Adding 1.5·2⁵² leaves the nearest integer in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let x = f64::from(x);
    let shifted = x * std::f64::consts::FRAC_2_PI + ROUND;
    let r = (x - (shifted - ROUND) * std::f64::consts::FRAC_PI_2) as f32;
    let quarter = shifted.to_bits() as u32;
    let square = r * r;
    let sin = fma::<FMA>(-1.951_529_6e-4, square, 8.332_161e-3);
    let sin = fma::<FMA>(fma::<FMA>(sin, square, -1.666_665_5e-1), square * r, r);
    let cos = fma::<FMA>(2.443_315_7e-5, square, -1.388_731_6e-3);
    let cos = fma::<FMA>(fma::<FMA>(cos, square, 4.166_664_6e-2), square * square, fma::<FMA>(-0.5, square, 1.0));
    // Each quarter turn exchanges the two, and every second one changes a sign.
    let (a, b) = if quarter & 1 == 0 { (cos, sin) } else { (sin, cos) };
    let signed = |value: f32, negative: u32| f32::from_bits(value.to_bits() ^ ((negative & 2) << 30));
    [signed(a, quarter + 1), signed(b, quarter)]
}
