//! Points of a file, by the end of its name.

use std::{io::Read as _, path::Path};

use super::{Points, picture::points_of_picture, plane, points_of_csv, points_of_npy};
use crate::{Error, Result};

/// The largest file that is read.
const MAX_BYTES: u64 = 1 << 30;
/// The seed of a picture's points.
const SEED: u64 = 0;

/// The points of a text (`.csv`, `.tsv`, `.txt`), an array (`.npy`), or a picture (`.png`), of whose dark pixels as many
/// points are drawn as a distribution in the plane has.
///
/// # Errors
/// When the file is missing, or is not what its name says; the error names it, and in a text the line.
pub fn open_points(path: &Path) -> Result<Points> {
    let name = path.display().to_string();
    let refuse = |problem: String, remedy: &str| Err(Error::data(&name, problem, remedy));
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    if !["csv", "tsv", "txt", "npy", "png"].contains(&ending.as_str()) {
        return refuse(
            "not a file of points by its name".to_owned(),
            "give a text (.csv), an array (.npy) or a picture (.png)",
        );
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(Error::io(path))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(Error::io(path))?;
    if bytes.len() as u64 > MAX_BYTES {
        return refuse(format!("longer than {MAX_BYTES} bytes"), "give fewer points");
    }
    match ending.as_str() {
        "npy" => points_of_npy(&name, &bytes),
        "png" => picture(&name, &bytes),
        _ => match std::str::from_utf8(&bytes) {
            Ok(text) => points_of_csv(&name, text),
            Err(_) => refuse("not UTF-8 text".to_owned(), "save it as a text of numbers, or as an NPY file"),
        },
    }
}

/// Of a picture, on white where it is transparent.
fn picture(name: &str, bytes: &[u8]) -> Result<Points> {
    let mut reader = image::ImageReader::with_format(std::io::Cursor::new(bytes), image::ImageFormat::Png);
    // 8-bit grey with alpha of the largest picture that is taken takes a quarter of it.
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    let decoded = reader.decode().map_err(|error| {
        Error::data(name, format!("a PNG picture that cannot be read ({error})"), "save it anew, or give another")
    })?;
    let picture = decoded.to_luma_alpha8();
    let [width, height] = [picture.width(), picture.height()].map(|side| side as usize);
    let on_white = |[grey, alpha]: [u8; 2]| {
        let (grey, alpha) = (u32::from(grey), u32::from(alpha));
        ((grey * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    let grey: Vec<u8> = picture.pixels().map(|pixel| on_white(pixel.0)).collect();
    points_of_picture(name, &grey, [height, width], SEED, plane::TRAIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::{Distribution, Source, Spread, npy::encode},
        space::Space,
    };

    fn open(name: &str, bytes: &[u8]) -> Result<Points> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), bytes).unwrap();
        open_points(&folder.path().join(name))
    }

    #[test]
    fn a_text_and_an_array_of_the_same_points_are_the_same() {
        let values = Distribution::Rings.draw(1, 0, 50);
        let text: String = values.chunks(2).map(|point| format!("{},{}\n", point[0], point[1])).collect();
        let array = open("p.NPY", &encode(&[50, 2], &values)).unwrap();
        assert_eq!(array, Points::new(values, 2).unwrap());
        // Rust prints the fewest digits that are read as the same number.
        assert_eq!(open("p.csv", text.as_bytes()).unwrap(), array);
    }

    #[test]
    fn a_picture_is_dark_where_it_is_not_transparent() {
        let mut picture = image::GrayAlphaImage::from_pixel(40, 20, image::LumaA([0, 0]));
        picture.put_pixel(30, 5, image::LumaA([0, 255]));
        let mut png = std::io::Cursor::new(vec![]);
        picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
        let points = open("dot.png", png.get_ref()).unwrap();
        assert_eq!((points.len(), points.space()), (plane::TRAIN, Space::Points(2)));
        let mut out = [0.0; 2];
        points.fill(77, &mut out);
        // A pixel has side 0.2 and the 31st column begins 10 of them right of the middle, the 6th row ends 4 above it.
        assert!((2.0..=2.2).contains(&out[0]) && (0.8..=1.0).contains(&out[1]), "{out:?}");
        // Uniform within the pixel: a standard deviation of 0.2/√12, to 1 % for a relative error of 1/√(2·65,536).
        let std = Spread::of(&points).std;
        assert!((std / (0.2 / 12f64.sqrt()) - 1.0).abs() < 0.01, "{std}");
    }

    #[test]
    fn what_is_no_file_of_points_is_refused_by_name() {
        let refused = |name: &str, bytes: &[u8]| open(name, bytes).unwrap_err().to_string();
        assert!(refused("p.xlsx", b"PK").contains("p.xlsx: not a file of points by its name; give a text (.csv)"));
        assert!(refused("p.csv", b"\xff\xfe1").contains("p.csv: not UTF-8 text"));
        assert!(refused("p.csv", b"a poem\nof two lines").contains("p.csv: line 2: \"of\" is no number"));
        assert!(refused("p.npy", b"PK\x03\x04").contains("p.npy: an archive of arrays (.npz)"));
        assert!(refused("p.png", b"\x89PNG\r\n\x1a\n").contains("p.png: a PNG picture that cannot be read"));
        let missing = open_points(Path::new("no/such.csv")).unwrap_err().to_string();
        assert!(missing.contains("no/such.csv") && missing.contains("check the path"), "{missing}");
    }
}
