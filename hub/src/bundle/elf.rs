//! Reads from the header of a program for which kind of machine it is. PURE.

use super::Target;

/// A machine by the header of one of its programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Machine {
    /// One that agents are built for.
    Known(Target),
    /// Another, by its number in the ELF standard.
    Other(u16),
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Known(target) => target.fmt(f),
            Self::Other(3) => f.write_str("x86 with 32 bits"),
            Self::Other(8) => f.write_str("MIPS"),
            Self::Other(243) => f.write_str("RISC-V"),
            Self::Other(number) => write!(f, "machine {number} of the ELF standard"),
        }
    }
}

/// Bytes of a header that are looked at.
pub(super) const HEADER: usize = 20;

const X86_64: u16 = 62;
const AARCH64: u16 = 183;
const ARM: u16 = 40;
const PROGRAM_INTERPRETER: u32 = 3;

/// The machine; `None` when it is no ELF file.
pub(super) fn machine(bytes: &[u8]) -> Option<Machine> {
    let header = bytes.first_chunk::<HEADER>()?;
    let &[0x7f, b'E', b'L', b'F', class, order, ..] = header else { return None };
    let number = [header[18], header[19]];
    let number = if order == 2 { u16::from_be_bytes(number) } else { u16::from_le_bytes(number) };
    Some(match (class, order, number) {
        (2, 1, X86_64) => Machine::Known(Target::X86_64),
        (2, 1, AARCH64) => Machine::Known(Target::Aarch64),
        (1, 1, ARM) => Machine::Known(Target::Armhf),
        _ => Machine::Other(number),
    })
}

/// Whether a program of a known machine needs a loader and libraries of the device.
pub(super) fn is_dynamic(program: &[u8]) -> bool {
    let wide = program.get(4) == Some(&2);
    let number = |at: usize, bytes: usize| {
        let field = program.get(at..at.checked_add(bytes)?)?;
        Some(field.iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte)) as usize)
    };
    let (table, size, count) = if wide { ((32, 8), 54, 56) } else { ((28, 4), 42, 44) };
    let (Some(table), Some(size), Some(count)) = (number(table.0, table.1), number(size, 2), number(count, 2)) else {
        return false;
    };
    (0..count).any(|nth| {
        let entry = size.checked_mul(nth).and_then(|offset| offset.checked_add(table));
        entry.and_then(|entry| number(entry, 4)) == Some(PROGRAM_INTERPRETER as usize)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn this_very_program_is_known_and_dynamic() {
        let program = std::fs::read("/proc/self/exe").unwrap();
        assert!(matches!(machine(&program), Some(Machine::Known(_))));
        assert!(is_dynamic(&program));
        assert_eq!(machine(b"#!/bin/sh\necho no program at all\n"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_quietly(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let bytes = [&b"\x7fELF\x02\x01"[..], &bytes].concat();
            let _ = (machine(&bytes), is_dynamic(&bytes));
        }
    }
}
