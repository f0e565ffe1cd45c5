//! Files that are written: what would fail at the end is found before the work, and a file is whole or not there at all.
//!
//! A path may name a file, a symbolic link to one, or a stream: a device, a pipe, standard output. Links are written
//! through. A file is replaced in one step, by a rename; a stream, which a rename would replace by a file, is written to.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{Error, Result};

/// Links that are followed from one to the next, as many as Linux follows.
const MOST_LINKS: usize = 40;

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file, which need not be there yet: where it is, behind all links.
    File(PathBuf),
    /// This process's standard output.
    Stdout,
    /// A device or a named pipe.
    Stream(PathBuf),
}

impl Target {
    /// What `path` names, with nothing opened.
    ///
    /// # Errors
    /// [`Error::File`] when it names a folder, or the folder that it names is missing; [`Error::Io`] when the path
    /// cannot be followed.
    pub fn of(path: &Path) -> Result<Self> {
        // As shells' tools have it; a file of that name is ./-.
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Self::File(absent(path)?)),
            Err(cause) => return Err(Error::io(path)(cause)),
        };
        if metadata.is_dir() {
            let remedy = format!("give a file in it, such as {}", path.join("NAME").display());
            return Err(Error::file(path, "a folder, not a file", remedy));
        }
        if is_stdout(path, &metadata) {
            return Ok(Self::Stdout);
        }
        match metadata.is_file() {
            true => Ok(Self::File(fs::canonicalize(path).map_err(Error::io(path))?)),
            false => Ok(Self::Stream(path.to_path_buf())),
        }
    }

    /// Whether what is written to both would be mixed, or lost: all but devices, such as `/dev/null`.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Stream(a), Self::Stream(b)) => a == b && !is_device(a),
            (a, b) => a == b,
        }
    }
}

/// Where a file that is not there will be: the end of a chain of links, in a folder that is there.
fn absent(path: &Path) -> Result<PathBuf> {
    let mut place = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        let Ok(next) = fs::read_link(&place) else { break };
        place = parent(&place).join(next);
    }
    let folder = parent(&place);
    let Some(name) = place.file_name().filter(|_| !ends_in_separator(&place)) else {
        return Err(Error::file(path, "the path of a folder, not of a file", "add a file's name to it"));
    };
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => Ok(fs::canonicalize(folder).map_err(Error::io(path))?.join(name)),
        Ok(_) => Err(Error::file(path, format!("{} is not a folder", folder.display()), "give another path")),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Err(Error::file(
            path,
            format!("there is no folder {}", folder.display()),
            format!("make it first: mkdir -p '{}'", folder.display()),
        )),
        Err(cause) => Err(Error::io(folder)(cause)),
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `Path` does not tell `x/` from `x`.
fn ends_in_separator(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().last().is_some_and(|&byte| std::path::is_separator(byte.into()))
}

/// `/dev/stdout` and its kin. Opened by its name, a file that standard output is sent to would begin anew.
#[cfg(unix)]
fn is_stdout(path: &Path, metadata: &fs::Metadata) -> bool {
    use std::os::{fd::AsFd as _, unix::fs::MetadataExt as _};
    let kin =
        |path: &Path| path.starts_with("/dev/fd") || path.starts_with("/proc") || path == Path::new("/dev/stdout");
    let named = kin(path) || fs::read_link(path).is_ok_and(|next| kin(&next));
    let own = io::stdout().as_fd().try_clone_to_owned().and_then(|fd| fs::File::from(fd).metadata());
    named && own.is_ok_and(|own| (own.dev(), own.ino()) == (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn is_stdout(_: &Path, _: &fs::Metadata) -> bool {
    false
}

#[cfg(unix)]
fn is_device(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_char_device())
}

#[cfg(not(unix))]
fn is_device(_: &Path) -> bool {
    false
}

/// Finds, before the work, what [`write()`] would fail by: a folder in the file's place, none to put it into, no permission.
/// Nothing is changed.
///
/// # Errors
/// Those of [`Target::of`], and [`Error::Io`] when the place cannot be written.
pub fn check(path: &Path) -> Result<Target> {
    let target = Target::of(path)?;
    match &target {
        Target::File(file) if file.exists() => {
            fs::OpenOptions::new().write(true).open(file).map_err(Error::io(path))?;
        }
        Target::File(file) => check_folder(parent(file))?,
        // To open a pipe is to wait for its reader, and to close it to end it.
        Target::Stream(_) | Target::Stdout => {}
    }
    Ok(target)
}

/// Finds whether files can be made in a folder, which need not be there yet: then, whether it can be made.
///
/// # Errors
/// [`Error::File`] when something else has its name, [`Error::Io`] when it cannot be written.
pub fn check_folder(folder: &Path) -> Result<()> {
    match fs::metadata(folder) {
        Ok(metadata) if !metadata.is_dir() => {
            return Err(Error::file(folder, "a file, not a folder", "give a folder, or a name that is not taken"));
        }
        Err(cause) if cause.kind() == io::ErrorKind::NotFound && parent(folder) != folder => {
            return check_folder(parent(folder));
        }
        Err(cause) => return Err(Error::io(folder)(cause)),
        Ok(_) => {}
    }
    // The kind alone: the message would name the temporary file.
    let failed = |cause: io::Error| Error::io(folder)(cause.kind().into());
    tempfile::tempfile_in(folder).map(drop).map_err(failed)
}

/// Writes a file so that a crash leaves the old one or the new one, never half of one: into a temporary file of the same
/// folder, flushed to the disk, then renamed. Streams are written to, through links.
///
/// # Errors
/// Those of [`Target::of`], and [`Error::Io`] when it cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = match Target::of(path)? {
        Target::File(file) => replace(&file, bytes),
        Target::Stdout => {
            let mut out = io::stdout().lock();
            out.write_all(bytes).and_then(|()| out.flush())
        }
        Target::Stream(stream) => {
            fs::OpenOptions::new().write(true).open(stream).and_then(|mut stream| stream.write_all(bytes))
        }
    };
    written.map_err(Error::io(path))
}

fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let Err(cause) = rename_over(file, bytes) else { return Ok(()) };
    // A file that may be written in a folder that may not, or one that is mounted by itself, as containers do.
    let in_place = matches!(cause.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ResourceBusy);
    if !(in_place && file.exists()) {
        return Err(cause);
    }
    let mut file = fs::OpenOptions::new().write(true).truncate(true).open(file)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn rename_over(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = parent(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".scorefield-").suffix(".part");
    // tempfile's own mode is 0600; a result should be readable as the umask says.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    // The kind alone: the message would name the temporary file.
    let mut file = builder.tempfile_in(folder).map_err(|cause| io::Error::from(cause.kind()))?;
    file.write_all(bytes)?;
    if let Ok(before) = fs::metadata(path) {
        file.as_file().set_permissions(before.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|refused| refused.error)?;
    // The rename itself lasts once the folder is flushed.
    #[cfg(unix)]
    fs::File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn files_are_written_whole_through_links_and_keep_their_mode() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write(&at("one"), b"1").unwrap();
        fs::set_permissions(at("one"), fs::Permissions::from_mode(0o640)).unwrap();
        // A link to a link to a file, and a link to nothing yet; relative, as `ln -s` makes them.
        for (to, link) in [("one", "second"), ("second", "first"), ("new", "dangling")] {
            symlink(to, at(link)).unwrap();
        }
        for link in ["first", "dangling"] {
            check(&at(link)).unwrap();
            write(&at(link), b"22").unwrap();
            assert!(at(link).is_symlink(), "{link}");
        }
        assert_eq!([fs::read(at("one")).unwrap(), fs::read(at("new")).unwrap()], [b"22", b"22"]);
        assert_eq!(fs::metadata(at("one")).unwrap().mode() & 0o777, 0o640);
        // Nothing else is left there.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
    }

    #[test]
    fn what_cannot_be_written_is_found_before_and_said_the_same_way() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write(&at("file"), b"").unwrap();
        symlink("round", at("round")).unwrap();
        let cases = [
            (".", "a folder, not a file"),
            ("missing/x", "make it first: mkdir -p"),
            ("missing/", "the path of a folder"),
            ("file/x", "Not a directory"),
            ("round", ""),
        ];
        for (name, said) in cases {
            let [before, after] = [check(&at(name)).unwrap_err(), write(&at(name), b"x").unwrap_err()];
            assert!(before.to_string().contains(said), "{name}: {before}");
            assert_eq!(before.to_string(), after.to_string());
        }
        let long = check(&at(&"x".repeat(300))).unwrap_err().to_string();
        assert!(long.contains("too long"), "{long}");
        for name in ["file", "file/a"] {
            assert!(check_folder(&at(name)).is_err(), "{name}");
        }
        check_folder(&at("a/b")).unwrap();
        assert!(!at("a").exists(), "nothing is made");
    }

    #[test]
    fn one_place_is_one_place_by_any_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("d")).unwrap();
        symlink("x", at("link")).unwrap();
        let target = |name: &str| Target::of(&at(name)).unwrap();
        for name in ["link", "d/../x", "./x"] {
            assert!(target("x").is_same(&target(name)), "{name}");
        }
        assert!(!target("x").is_same(&target("y")));
        let null = Target::of(Path::new("/dev/null")).unwrap();
        assert_eq!(null, Target::Stream("/dev/null".into()));
        assert!(!null.is_same(&null));
        assert_eq!(Target::of(Path::new("-")).unwrap(), Target::Stdout);
    }

    #[test]
    fn pipes_stay_pipes_and_a_full_device_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        check(&pipe).unwrap();
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        write(&pipe, b"through").unwrap();
        assert_eq!(reader.join().unwrap(), b"through");
        assert!(fs::metadata(&pipe).is_ok_and(|metadata| !metadata.is_file()));
        if Path::new("/dev/full").exists() {
            let error = write(Path::new("/dev/full"), b"x").unwrap_err().to_string();
            assert!(error.contains("make room"), "{error}");
        }
    }
}
