//! The build of the server program from `ferretdb/main.go`.
//!
//! The build replaces one expression in a copy of FerretDB's source. `createIndexes` removes the existing indexes
//! from its list of new ones by their positions in the command, which are wrong after the first removal. With several
//! existing indexes FerretDB 1.24.2 panics, or skips an index that is missing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;
use std::{fs, io};

use serde_json::Value;

use crate::process::{require_on_path, run_silently, target_folder};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ferretdb");
/// Files whose change requires a new build.
const INPUTS: [&str; 4] = ["main.go", "go.mod", "go.sum", "../src/ferretdb/program.rs"];

const FERRETDB_MODULE: &str = "github.com/FerretDB/FerretDB";
const PATCHED_FILE: &str = "internal/handler/msg_createindexes.go";
const FAULTY_CODE: &str = "slices.Delete(filteredToCreate, i, i+1)";
const CORRECT_CODE: &str = "slices.DeleteFunc(filteredToCreate, \
     func(index backends.IndexInfo) bool { return index.Name == newIdx.Name })";

/// Returns the program, which is built if it is missing or older than its inputs.
pub(super) fn find_or_build() -> Result<PathBuf, String> {
    let folder = target_folder()?.join("ferretdb");
    let program = folder.join("ferretdb");
    if !is_up_to_date(&program) {
        require_on_path("go")?;
        build(&folder, &program)?;
    }
    Ok(program)
}

fn build(folder: &Path, program: &Path) -> Result<(), String> {
    let failure = |error: io::Error| format!("failed to prepare the build in {}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(failure)?;
    let build = tempfile::tempdir_in(folder).map_err(failure)?;
    let ferretdb = build.path().join("FerretDB");
    copy_folder(&find_or_download_source()?, &ferretdb).map_err(failure)?;
    patch(&ferretdb.join(PATCHED_FILE))?;
    let modfile = write_modfile(build.path(), &ferretdb).map_err(failure)?;

    let output = build.path().join("ferretdb");
    let mut go = go();
    go.args(["build", "-ldflags=-s -w", "-modfile"]).arg(modfile).arg("-o").arg(&output).arg(".");
    // A rename, so that a program with this name is always complete.
    if run_silently(&mut go) && fs::rename(&output, program).is_ok() {
        return Ok(());
    }
    Err(format!("go failed to build {SOURCE}; `go build` there prints the reason"))
}

fn patch(file: &Path) -> Result<(), String> {
    let code = fs::read_to_string(file).unwrap_or_default();
    if !code.contains(FAULTY_CODE) {
        return Err(format!("the patch of {PATCHED_FILE} does not match this version of FerretDB"));
    }
    let write = fs::write(file, code.replace(FAULTY_CODE, CORRECT_CODE));
    write.map_err(|error| format!("failed to patch {PATCHED_FILE}: {error}"))
}

/// Writes a `go.mod` in which FerretDB's source is the patched copy, with its `go.sum` beside it.
fn write_modfile(folder: &Path, ferretdb: &Path) -> io::Result<PathBuf> {
    let source = Path::new(SOURCE);
    let replace = format!("replace {FERRETDB_MODULE} => {}\n", ferretdb.display());
    let modfile = folder.join("go.mod");
    fs::write(&modfile, fs::read_to_string(source.join("go.mod"))? + &replace)?;
    fs::copy(source.join("go.sum"), folder.join("go.sum"))?;
    Ok(modfile)
}

/// Returns the folder with FerretDB's source, which go downloads if it is missing.
fn find_or_download_source() -> Result<PathBuf, String> {
    let output = go().args(["mod", "download", "-json", FERRETDB_MODULE]).stderr(Stdio::null()).output();
    let module: Option<Value> = output.ok().and_then(|output| serde_json::from_slice(&output.stdout).ok());
    let folder = module.as_ref().and_then(|module| module["Dir"].as_str());
    folder.map(PathBuf::from).ok_or_else(|| format!("go failed to download {FERRETDB_MODULE}"))
}

/// Copies a folder. The copies are writable, unlike the files of go's module cache.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let copy = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &copy)?;
        } else {
            fs::write(copy, fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

fn go() -> Command {
    let mut go = Command::new("go");
    go.current_dir(SOURCE).env("CGO_ENABLED", "0").stdin(Stdio::null());
    go
}

fn is_up_to_date(program: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let inputs = INPUTS.map(|name| changed(&Path::new(SOURCE).join(name)));
    let newest = inputs.into_iter().flatten().max().unwrap_or(SystemTime::UNIX_EPOCH);
    changed(program).is_some_and(|built| built > newest)
}
