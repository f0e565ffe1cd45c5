//! Points as text: a point a line, its coordinates apart by commas, semicolons, tabs or spaces.
//!
//! Blank lines and those that begin with # are left out, and so is a first line that has no number: names of columns.

use super::Points;
use crate::{Error, Result};

/// The points of a text; `file` is named in errors, which name the line, too.
///
/// # Errors
/// [`Error::Data`] when a line has something that is no number or is not finite, or another number of coordinates than
/// the first; and those of [`Points::given`].
pub fn points_of_csv(file: &str, text: &str) -> Result<Points> {
    let mut values = Vec::new();
    let mut first: Option<(usize, usize)> = None;
    let mut named = false;
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fields = fields(line);
        if first.is_none() && !named && fields.iter().all(|field| field.parse::<f32>().is_err()) {
            named = true;
            continue;
        }
        let refuse =
            |problem: String, remedy: &str| Err(Error::data(file, format!("line {number}: {problem}"), remedy));
        for field in &fields {
            match field.parse::<f32>() {
                Ok(value) if value.is_finite() => values.push(value),
                Ok(_) => return refuse(format!("{field} is not finite"), "leave such points out"),
                Err(_) if field.is_empty() => {
                    return refuse("a coordinate is missing".to_owned(), "fill it in, or leave that point out");
                }
                Err(_) => {
                    let field = crate::error::brief(field, 40);
                    return refuse(format!("\"{field}\" is no number"), "give lines of numbers such as 0.5,-1.25");
                }
            }
        }
        let (_, dim) = *first.get_or_insert((number, fields.len()));
        if fields.len() != dim {
            let (line, _) = first.unwrap_or_default();
            let problem = format!("{} numbers, where line {line} has {dim}", fields.len());
            return refuse(problem, "give every point as many coordinates");
        }
    }
    let Some((_, dim)) = first else {
        return Err(Error::data(file, "no points", "give a point a line, such as 0.5,-1.25"));
    };
    Points::given(file, values, dim)
}

/// The fields of a line, without quotes.
fn fields(line: &str) -> Vec<&str> {
    let clean = |field| str::trim(field).trim_matches('"');
    match [';', ',', '\t'].into_iter().find(|&separator| line.contains(separator)) {
        Some(separator) => line.split(separator).map(clean).collect(),
        None => line.split_whitespace().map(clean).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{data::Source, space::Space};

    fn read(text: &str) -> Vec<Vec<f32>> {
        let points = points_of_csv("p.csv", text).unwrap();
        let mut out = vec![0.0; points.space().dim()];
        (0..points.len())
            .map(|i| {
                points.fill(i, &mut out);
                out.clone()
            })
            .collect()
    }

    /// Eight points, of which the first is (0, 0.5).
    const EIGHT: &str = "0,0.5\n1,-2\n2,3e-1\n3,1\n4,1\n5,1\n6,1\n7,1\n";

    fn refused(text: &str) -> String {
        let said = points_of_csv("p.csv", text).unwrap_err().to_string();
        said.strip_prefix("data set p.csv: ").expect("the file is named").to_owned()
    }

    #[test]
    fn separators_names_comments_and_blank_lines_make_no_difference() {
        let points = read(EIGHT);
        assert_eq!(points[..3], [vec![0.0, 0.5], vec![1.0, -2.0], vec![2.0, 0.3]]);
        for separator in [";", "\t", " ", " , ", "   "] {
            assert_eq!(read(&EIGHT.replace(',', separator)), points, "{separator:?}");
        }
        let headed = format!("\u{feff}\"x\",\"y\"\r\n# by hand\r\n\r\n{}\r\n\r\n", EIGHT.replace('\n', "\r\n"));
        assert_eq!(read(&headed), points);
        let quoted = EIGHT.replace(',', "\",\"").replace('\n', "\"\n\"");
        assert_eq!(read(&format!("\"{}", quoted.trim_end_matches('"'))), points);
        // Numbers alone, and three dimensions.
        assert_eq!(read("1\n2\n3\n4\n5\n6\n7\n8").len(), 8);
        let spatial = points_of_csv("p.csv", &EIGHT.replace('\n', ",9\n")).unwrap();
        assert_eq!(spatial.space(), Space::Points(3));
    }

    #[test]
    fn what_is_no_point_is_named_by_its_line() {
        let after = |line: &str| refused(&format!("x,y\n{EIGHT}\n{line}\n"));
        for (line, said) in [
            ("8,banana", "line 11: \"banana\" is no number; give lines of numbers"),
            ("8,nan", "line 11: nan is not finite; leave such points out"),
            ("8,1e99", "line 11: 1e99 is not finite"),
            ("8", "line 11: 1 numbers, where line 2 has 2; give every point as many"),
            ("8,1,2", "line 11: 3 numbers, where line 2 has 2"),
            ("8,", "line 11: a coordinate is missing"),
            ("x,y", "line 11: \"x\" is no number"),
        ] {
            assert!(after(line).contains(said), "{}", after(line));
        }
        // A decimal comma.
        assert!(refused("1,5;2,5\n3,5;4,5\n").starts_with("line 2: \"3,5\" is no number"));
        assert!(refused("a text\nwithout numbers").starts_with("line 2: \"without\" is no number"));
        for empty in ["", "\n\n", "x,y\n", "# nothing"] {
            assert!(refused(empty).starts_with("no points; give a point a line"), "{empty:?}");
        }
        assert!(refused("0,1\n1,2\n3,4").contains("3 points: there must be at least 8"));
    }
}
