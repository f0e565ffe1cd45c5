//! Figures as SVG: curves, histograms and point clouds.

use plotters::{
    coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter},
    prelude::*,
};

use crate::{Error, Result};

const SIZE: (u32, u32) = (720, 420);
const PANEL: (u32, u32) = (300, 300);
/// Distinct in grey and to the colour-blind (Okabe & Ito 2008).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
    RGBColor(230, 159, 0),
];

/// One line of a diagram.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Its name in the legend; empty for none.
    pub name: String,
    /// In the order in which they are joined.
    pub points: Vec<(f64, f64)>,
    /// Whether the points are marked.
    pub marked: bool,
}

/// Where the legend stands: where no curve is.
#[derive(Clone, Copy, Debug)]
pub enum Legend {
    /// For curves that rise.
    UpperLeft,
    /// For curves that fall to the right.
    LowerLeft,
    /// For curves with a peak.
    Bottom,
}

/// An axis of a diagram.
#[derive(Clone, Copy, Debug)]
pub struct Axis<'a> {
    /// What it shows, with its unit.
    pub name: &'a str,
    /// Logarithmic; only positive values are shown then.
    pub log: bool,
}

/// Curves over one pair of axes.
///
/// # Errors
/// When there is no point to show.
pub fn curves(title: &str, x: Axis<'_>, y: Axis<'_>, curves: &[Curve], legend: Legend) -> Result<String> {
    let shown = |&(a, b): &(f64, f64)| a.is_finite() && b.is_finite() && !(x.log && a <= 0.0) && !(y.log && b <= 0.0);
    let curves: Vec<Curve> = curves
        .iter()
        .map(|curve| Curve { points: curve.points.iter().copied().filter(shown).collect(), ..curve.clone() })
        .collect();
    let range = |axis: Axis<'_>, value: fn(&(f64, f64)) -> f64| {
        let values = || curves.iter().flat_map(|curve| curve.points.iter().map(value));
        widened(values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max), axis.log)
    };
    let (across, up) = (range(x, |p| p.0)?, range(y, |p| p.1)?);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        match (x.log, y.log) {
            (false, false) => draw(&area, title, (x, across), (y, up), &curves, legend),
            (true, false) => draw(&area, title, (x, across.log_scale()), (y, up), &curves, legend),
            (false, true) => draw(&area, title, (x, across), (y, up.log_scale()), &curves, legend),
            (true, true) => draw(&area, title, (x, across.log_scale()), (y, up.log_scale()), &curves, legend),
        }
        .map_err(|problem| failed(&problem))?;
    }
    Ok(svg)
}

/// A range with a margin, wide enough to be one.
fn widened(low: f64, high: f64, log: bool) -> Result<std::ops::Range<f64>> {
    if low > high {
        return Err(Error::figure("a plot", "it has no points", "give at least one that its axes can show"));
    }
    if log {
        let margin = (high / low).powf(0.05).max(1.1);
        return Ok(low / margin..high * margin);
    }
    let margin = (0.05 * (high - low)).max(1e-9 * high.abs().max(1.0));
    Ok(low - margin..high + margin)
}

fn failed(problem: &dyn std::fmt::Display) -> Error {
    Error::figure("a plot", problem, "report this as a bug")
}

type Drawn = std::result::Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn draw<X, Y>(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    title: &str,
    (x, across): (Axis<'_>, X),
    (y, up): (Axis<'_>, Y),
    curves: &[Curve],
    legend: Legend,
) -> Drawn
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let unadorned = |error| match error {
        DrawingAreaErrorKind::BackendError(_) | DrawingAreaErrorKind::SharingError => {
            DrawingAreaErrorKind::SharingError
        }
        DrawingAreaErrorKind::LayoutError => DrawingAreaErrorKind::LayoutError,
    };
    let body = || -> std::result::Result<(), DrawingAreaErrorKind<_>> {
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(area)
            .caption(title, ("sans-serif", 17))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(across, up)?;
        chart
            .configure_mesh()
            .x_desc(x.name)
            .y_desc(y.name)
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.08))
            .x_label_formatter(&|value| number(*value))
            .y_label_formatter(&|value| number(*value))
            .draw()?;
        for (curve, colour) in curves.iter().zip(COLOURS.iter().cycle()) {
            let style = colour.stroke_width(2);
            let line = chart.draw_series(LineSeries::new(curve.points.iter().copied(), style))?;
            if !curve.name.is_empty() {
                line.label(&curve.name).legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
            }
            if curve.marked {
                chart.draw_series(curve.points.iter().map(|&point| Circle::new(point, 3, colour.filled())))?;
            }
        }
        if curves.iter().any(|curve| !curve.name.is_empty()) {
            let position = match legend {
                Legend::UpperLeft => SeriesLabelPosition::UpperLeft,
                Legend::LowerLeft => SeriesLabelPosition::LowerLeft,
                Legend::Bottom => SeriesLabelPosition::LowerMiddle,
            };
            chart
                .configure_series_labels()
                .position(position)
                .background_style(WHITE.mix(0.85))
                .border_style(BLACK.mix(0.3))
                .draw()?;
        }
        area.present()
    };
    body().map_err(unadorned)
}

/// At most three significant digits; powers of ten where the digits would be many.
fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e5).contains(&size) {
        return format!("{value:.0e}");
    }
    let digits = if size >= 100.0 || size == 0.0 { 0 } else { 2 - size.log10().floor() as i32 };
    let text = format!("{value:.*}", digits.clamp(0, 6) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Histograms side by side, each as a density over `range`, with the true density where one is given.
///
/// # Errors
/// When there is no panel.
pub fn histograms(
    title: &str,
    panels: &[(String, Vec<f64>)],
    range: std::ops::Range<f64>,
    bins: usize,
    density: Option<&dyn Fn(f64) -> f64>,
) -> Result<String> {
    let width = (range.end - range.start) / bins as f64;
    let of = |values: &[f64]| -> Vec<(f64, f64)> {
        let mut counts = vec![0usize; bins];
        for value in values.iter().filter(|value| range.contains(value)) {
            counts[(((value - range.start) / width) as usize).min(bins - 1)] += 1;
        }
        let scale = 1.0 / (values.len() as f64 * width);
        counts.iter().enumerate().map(|(i, &count)| (range.start + i as f64 * width, count as f64 * scale)).collect()
    };
    let bars: Vec<_> = panels.iter().map(|(name, values)| (name, of(values))).collect();
    let truth: Vec<(f64, f64)> = density.map_or(vec![], |density| {
        (0..=400)
            .map(|i| range.start + (range.end - range.start) * f64::from(i) / 400.0)
            .map(|x| (x, density(x)))
            .collect()
    });
    let top = bars.iter().flat_map(|(_, bars)| bars).chain(&truth).map(|bar| bar.1).fold(0.0, f64::max);
    panelled(title, bars.len(), |i, area| {
        let (name, bars) = &bars[i];
        let mut chart = ChartBuilder::on(area)
            .caption(name.as_str(), ("sans-serif", 14))
            .margin(8)
            .x_label_area_size(26)
            .y_label_area_size(36)
            .build_cartesian_2d(range.clone(), 0.0..1.05 * top)?;
        chart.configure_mesh().disable_mesh().x_labels(5).y_labels(4).draw()?;
        chart.draw_series(
            bars.iter().map(|&(x, y)| Rectangle::new([(x, 0.0), (x + width, y)], COLOURS[0].mix(0.55).filled())),
        )?;
        chart.draw_series(LineSeries::new(truth.iter().copied(), COLOURS[1].stroke_width(2)))?;
        Ok(())
    })
}

/// Point clouds side by side, over one square |x|, |y| ≤ `half`.
///
/// # Errors
/// When there is no panel.
pub fn clouds(title: &str, panels: &[(String, Vec<(f64, f64)>)], half: f64) -> Result<String> {
    panelled(title, panels.len(), |i, area| {
        let (name, points) = &panels[i];
        let mut chart = ChartBuilder::on(area)
            .caption(name.as_str(), ("sans-serif", 14))
            .margin(8)
            .x_label_area_size(26)
            .y_label_area_size(36)
            .build_cartesian_2d(-half..half, -half..half)?;
        chart.configure_mesh().disable_mesh().x_labels(5).y_labels(5).draw()?;
        let inside = points.iter().filter(|(x, y)| x.abs() <= half && y.abs() <= half);
        chart.draw_series(inside.map(|&point| Circle::new(point, 1, COLOURS[0].mix(0.5).filled())))?;
        Ok(())
    })
}

type Panel<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type PanelResult = std::result::Result<(), DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>>;

fn panelled(title: &str, count: usize, paint: impl Fn(usize, &Panel<'_>) -> PanelResult) -> Result<String> {
    if count == 0 {
        return Err(Error::figure("a plot", "it has no panels", "give at least one"));
    }
    let mut svg = String::new();
    {
        let columns = count.min(4);
        let rows = count.div_ceil(columns);
        let size = (PANEL.0 * columns as u32, PANEL.1 * rows as u32 + 34);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let body = || -> PanelResult {
            area.fill(&WHITE)?;
            let below = area.titled(title, ("sans-serif", 17))?;
            for (i, panel) in below.split_evenly((rows, columns)).iter().take(count).enumerate() {
                paint(i, panel)?;
            }
            area.present()
        };
        body().map_err(|problem| failed(&problem))?;
    }
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short() {
        let labels = [0.0, 1.0, 0.25, 12.5, 150.0, 1e-5, 2e6, -0.5].map(number);
        assert_eq!(labels, ["0", "1", "0.25", "12.5", "150", "1e-5", "2e6", "-0.5"]);
    }

    #[test]
    fn a_histogram_is_a_density() {
        // Four values in bins of width ½: heights count/(4·½), the tallest 1; the true density's top is 2.
        let svg = histograms("t", &[("p".into(), vec![0.1, 0.2, 0.6, 1.4])], 0.0..2.0, 4, Some(&|_| 2.0)).unwrap();
        let bars = svg.matches("<rect").count();
        assert_eq!(bars, 1 + 4, "the ground and four bars");
        assert!(svg.contains("polyline"));
        assert!(histograms("t", &[], 0.0..1.0, 4, None).is_err());
    }

    #[test]
    fn what_a_logarithm_cannot_show_is_left_out() {
        let axis = |log| Axis { name: "a", log };
        let curve = |points: &[(f64, f64)]| Curve { name: "c".into(), points: points.to_vec(), marked: true };
        let svg = curves(
            "t",
            axis(true),
            axis(true),
            &[curve(&[(0.0, 1.0), (1.0, 2.0), (10.0, f64::NAN)])],
            Legend::UpperLeft,
        )
        .unwrap();
        assert_eq!(svg.matches("<circle").count(), 1);
        assert!(curves("t", axis(true), axis(false), &[curve(&[(-1.0, 1.0)])], Legend::UpperLeft).is_err());
    }
}
