//! The loss curve as a small SVG: log–log axes, the logged means as a line.

use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
const MARGIN: f64 = 56.0;

/// Draws (step, loss) points; steps and losses are positive.
#[must_use]
pub fn loss_curve(points: &[(f64, f64)], title: &str) -> String {
    let points: Vec<_> = points.iter().filter(|(step, loss)| *step > 0.0 && *loss > 0.0).collect();
    let range = |value: fn(&(f64, f64)) -> f64| {
        let values = || points.iter().map(|p| value(p).log10());
        let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        if low < high { (low, high) } else { (low.min(0.0), high.max(low.min(0.0) + 1.0)) }
    };
    let (x0, x1) = range(|p| p.0);
    let (y0, y1) = range(|p| p.1);
    let x = |step: f64| MARGIN + (step.log10() - x0) / (x1 - x0) * (WIDTH - 1.5 * MARGIN);
    let y = |loss: f64| HEIGHT - MARGIN - (loss.log10() - y0) / (y1 - y0) * (HEIGHT - 2.0 * MARGIN);
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/><text x="{MARGIN}" y="28" font-size="15">{title}</text>
"##
    );
    if let (Some(first), Some(last)) = (points.first(), points.last()) {
        for (_, loss) in [first, last] {
            writeln!(svg, r##"<text x="6" y="{:.1}">{loss:.4}</text>"##, y(*loss) + 4.0).expect("a string takes all");
        }
        for (step, _) in [first, last] {
            let (x, y) = (x(*step), HEIGHT - MARGIN + 20.0);
            writeln!(svg, r##"<text x="{x:.1}" y="{y}" text-anchor="middle">{step}</text>"##)
                .expect("a string takes all");
        }
    }
    let line: Vec<String> = points.iter().map(|(s, l)| format!("{:.1},{:.1}", x(*s), y(*l))).collect();
    writeln!(
        svg,
        r##"<polyline fill="none" stroke="#2a6fbb" stroke-width="1.5" points="{}"/>
<text x="{}" y="{}" text-anchor="middle">step</text></svg>"##,
        line.join(" "),
        WIDTH / 2.0,
        HEIGHT - 8.0
    )
    .expect("a string takes all");
    svg
}
