//! A payload as a Debian package, byte for byte the same each time. PURE.
//!
//! ```text
//!   ar: debian-binary │ control.tar.gz: control, md5sums, preinst, postinst, prerm, postrm │ data.tar.gz: the files
//! ```
//!
//! The files lie where packages put theirs: the program in `/usr/bin` and the unit in `/usr/lib/systemd/system`, for
//! `/usr/local` and `/etc/systemd/system` are the administrator's. The configuration lies in `/usr/share`. The scripts copy it to
//! `/etc` if there is none, or if the one there is unchanged from an earlier package: the installation asks nothing, and a
//! configuration that somebody edited stays. An agent that `flash` or `device-agent install` put there is replaced; a service
//! that somebody changed is not.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;

use md5::{Digest as _, Md5};

use super::archive::{TIME, gzip, put_file, put_folder};
use super::{File, PROGRAM, Payload, SYSTEMD, Target};

const PACKAGED_PROGRAM: &str = "usr/bin/device-agent";
const PACKAGED_UNIT: &str = "usr/lib/systemd/system/device-agent.service";
/// The file that the scripts copy to [`super::CONFIG`].
const PACKAGED_CONFIG: &str = "usr/share/device-agent/device-agent.toml";
const SCRIPTS: [(&str, &str); 4] = [
    ("preinst", include_str!("../../../device-agent/dist/deb/preinst")),
    ("postinst", include_str!("../../../device-agent/dist/deb/postinst")),
    ("prerm", include_str!("../../../device-agent/dist/deb/prerm")),
    ("postrm", include_str!("../../../device-agent/dist/deb/postrm")),
];

/// The package.
///
/// # Errors
/// None in memory but what the writers may say in principle.
pub(crate) fn package(payload: &Payload) -> io::Result<Vec<u8>> {
    let unit = SYSTEMD.replace(&format!("/{PROGRAM}"), &format!("/{PACKAGED_PROGRAM}"));
    let files = [
        File { path: PACKAGED_PROGRAM, mode: 0o755, bytes: Cow::Borrowed(&payload.program) },
        File { path: PACKAGED_UNIT, mode: 0o644, bytes: Cow::Owned(unit.into_bytes()) },
        // There may be a join token in it.
        File { path: PACKAGED_CONFIG, mode: 0o600, bytes: Cow::Owned(payload.settings.toml().into_bytes()) },
    ];
    let members = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", control(payload.target, &files)?),
        ("data.tar.gz", data(&files)?),
    ];
    let mut package = b"!<arch>\n".to_vec();
    for (name, bytes) in members {
        package.extend(format!("{name:<16}{TIME:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 100_644, bytes.len()).bytes());
        package.extend(&bytes);
        // Members begin at even offsets.
        package.extend((bytes.len() % 2 == 1).then_some(b'\n'));
    }
    Ok(package)
}

const fn architecture(target: Target) -> &'static str {
    match target {
        Target::X86_64 => "amd64",
        Target::Aarch64 => "arm64",
        Target::Armhf => "armhf",
    }
}

fn control(target: Target, files: &[File<'_>]) -> io::Result<Vec<u8>> {
    let size: usize = files.iter().map(|file| file.bytes.len().div_ceil(1_024)).sum();
    let control = format!(
        "Package: device-agent\nVersion: {}\nArchitecture: {}\nMaintainer: telemetry-hub <root@localhost>\n\
         Installed-Size: {size}\nDepends: passwd\nSection: net\nPriority: optional\n\
         Description: sends this machine's sensors to a telemetry hub\n \
         Made by a hub for its own devices: the configuration names it, and may hold\n \
         a join token that lets devices in. Keep the package to yourself.\n",
        env!("CARGO_PKG_VERSION"),
        architecture(target),
    );
    let mut sums = String::new();
    for file in files {
        let _ = writeln!(sums, "{}  {}", crate::access::hex(&Md5::digest(&file.bytes)), file.path);
    }
    let mut tar = tar::Builder::new(Vec::new());
    put_folder(&mut tar, "./")?;
    put_text(&mut tar, "control", &control, 0o644)?;
    put_text(&mut tar, "md5sums", &sums, 0o644)?;
    for (name, text) in SCRIPTS {
        put_text(&mut tar, name, text, 0o755)?;
    }
    gzip(&tar.into_inner()?)
}

fn put_text(tar: &mut tar::Builder<Vec<u8>>, name: &str, text: &str, mode: u32) -> io::Result<()> {
    put_file(tar, &format!("./{name}"), &File { path: "", mode, bytes: Cow::Borrowed(text.as_bytes()) })
}

/// The files, each after the folders it lies in.
fn data(files: &[File<'_>]) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut known = BTreeSet::new();
    put_folder(&mut tar, "./")?;
    for file in files {
        for (end, _) in file.path.match_indices('/') {
            let folder = &file.path[..=end];
            if known.insert(folder) {
                put_folder(&mut tar, &format!("./{folder}"))?;
            }
        }
        put_file(&mut tar, &format!("./{}", file.path), file)?;
    }
    gzip(&tar.into_inner()?)
}
