//! The disk between a program and its files: `disk.c`, compiled here, preloaded there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where a program's files are, and what happens to them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    /// Its data directory.
    pub(crate) root: PathBuf,
    /// Where every change is noted down.
    pub(crate) log: Option<PathBuf>,
    /// `N:WHAT`, see `disk.c`.
    pub(crate) fail: Option<String>,
    /// Milliseconds that each sync takes longer.
    pub(crate) slow_ms: u32,
}

impl Disk {
    /// What a program under it needs in its environment.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let mut all =
            vec![("LD_PRELOAD".to_owned(), text(library())), ("FAULTY_DISK_ROOT".to_owned(), text(&self.root))];
        all.extend(self.log.as_deref().map(|log| ("FAULTY_DISK_LOG".to_owned(), text(log))));
        all.extend(self.fail.clone().map(|fail| ("FAULTY_DISK_FAIL".to_owned(), fail)));
        if self.slow_ms > 0 {
            all.push(("FAULTY_DISK_SLOW".to_owned(), self.slow_ms.to_string()));
        }
        all
    }
}

/// The compiled library.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/disk.c");
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libfaultydisk.so");
        let fresh = library.with_extension(format!("{}.so", std::process::id()));
        let compiled = Command::new("cc")
            .args(["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-pthread", "-o"])
            .args([&fresh, &source])
            .arg("-ldl")
            .status()
            .expect("a C compiler, which SQLite needs as well");
        assert!(compiled.success(), "{} does not compile", source.display());
        std::fs::rename(&fresh, &library).unwrap();
        library
    })
}
