//! Output of commands: results to stdout, the log to stderr. If the reader of a pipe has gone away, that is neither an
//! error nor a panic.

use std::fmt::Display;
use std::io::{self, Write};

/// Exit code that a shell reports for a program ended by a closed pipe: 128 plus the number of SIGPIPE.
const CLOSED_PIPE: i32 = 141;

/// Prints a result. When nobody reads any more the program ends quietly, as `head` wants it.
pub(super) fn print(line: impl Display) {
    write(&format!("{line}\n"));
}

/// Prints a result as it is. See [`print`].
pub(super) fn write(text: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        ended(&error);
    }
}

/// What becomes of a command whose results cannot be written.
pub(super) fn ended(error: &io::Error) -> ! {
    if error.kind() == io::ErrorKind::BrokenPipe {
        std::process::exit(CLOSED_PIPE);
    }
    tell(format_args!("writing to stdout: {error}"));
    std::process::exit(1);
}

/// Prints for a program that goes on, whoever reads.
pub(super) fn announce(line: impl Display) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Says something to the person at the terminal, beside the result.
pub(super) fn tell(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Where the log goes: to stderr as long as somebody reads it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Who writes here would panic over an error, or write about it to the same closed pipe.
        let _ = io::stderr().lock().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
