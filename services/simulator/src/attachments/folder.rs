//! The bytes of files beside a snapshot: one file each in a folder, written once, since they never change.

use std::{
    collections::HashSet,
    ffi::OsString,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::files::{File, Files};

/// The folder that belongs to a snapshot: its name with `.attachments`.
pub fn of(snapshot: &Path) -> PathBuf {
    let mut name = OsString::from(snapshot);
    name.push(".attachments");
    name.into()
}

/// Writes what the folder does not have yet; to be done before the snapshot names it.
pub fn write(folder: &Path, files: &Files) -> io::Result<()> {
    for (id, kept) in files.kept() {
        let place = folder.join(id);
        if place.exists() {
            continue;
        }
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&kept.bytes)?;
        file.as_file().sync_all()?;
        file.persist(place)?;
    }
    Ok(())
}

/// Removes what is not among these files any more; to be done after the snapshot has stopped naming it.
pub fn tidy(folder: &Path, files: &Files) -> io::Result<()> {
    let named: HashSet<OsString> = files.kept().map(|(id, _)| id.into()).collect();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if !named.contains(&entry.file_name()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Reads the bytes of all files that a snapshot names.
pub fn read(folder: &Path, files: &mut Files) -> io::Result<()> {
    for (id, file) in files.kept_mut() {
        match (fs::read(folder.join(id)), &mut *file) {
            (Ok(bytes), File::Kept(kept)) => kept.bytes = bytes.into(),
            (Err(error), _) if error.kind() == io::ErrorKind::NotFound => {
                *file =
                    File::Missing { why: "its bytes were not beside the snapshot".to_owned(), tried: None };
            }
            (Err(error), _) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
