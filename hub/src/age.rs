//! Files encrypted with a passphrase, in the format of age (C2SP `age.md`, version 1, the recipient `scrypt`): with the
//! passphrase, `age --decrypt` opens them without a hub.
//!
//! ```text
//!   passphrase ──scrypt, salt──▶ opens ──▶ file key ──HKDF──▶ key of the header's sum
//!                                                   └─HKDF, nonce──▶ key of the pieces of 64 KiB, each sealed by itself
//! ```
//!
//! Each piece is numbered and the last one is marked, so a file that was cut off, reordered or changed is refused. No byte of a
//! piece is handed on before the piece was checked.

use std::io::{self, BufRead, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::{hkdf, hmac};

use crate::random::{self, NoRandomness};

const VERSION: &str = "age-encryption.org/v1";
const LABEL: &[u8] = b"age-encryption.org/v1/scrypt";
/// 2^17 blocks of 1 KiB, so 128 MiB for each guess (OWASP's choice for scrypt).
const WORK: u8 = 17;
/// Most work that a file may ask for: 2^20 blocks, 1 GiB of memory.
const MOST_WORK: u8 = 20;
/// Bytes of a piece.
const PIECE: usize = 64 << 10;
/// Bytes that sealing adds to each piece.
const TAG: usize = 16;
/// Longest line of a header that this code reads, in bytes.
const LONGEST_LINE: u64 = 128;

/// Why a file does not open, or cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Nothing is sealed without randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// It is sealed for keys, by a later version, or not at all.
    #[error("is not encrypted with a passphrase in the format of age, version 1")]
    Form,
    /// It needs more memory than this code allows.
    #[error("asks for 2^{0} KiB of memory to check the passphrase; up to 2^20 are taken")]
    Work(u8),
    /// The passphrase is another one.
    #[error("does not open with this passphrase")]
    Passphrase,
    /// A part of it is not what was written.
    #[error("is damaged or cut off")]
    Damaged,
}

type Result<T> = std::result::Result<T, Error>;

/// Whether a file that begins like this is in the format of age.
#[must_use]
pub(crate) fn is_sealed(head: &[u8]) -> bool {
    head.starts_with(VERSION.as_bytes())
}

/// Writes what `from` has to `to`, sealed.
///
/// # Errors
/// What reading and writing say; the operating system has no randomness.
pub(crate) fn seal(passphrase: &str, from: &mut impl Read, to: &mut impl Write) -> Result<()> {
    seal_with(passphrase, WORK, from, to)
}

fn seal_with(passphrase: &str, work: u8, from: &mut impl Read, to: &mut impl Write) -> Result<()> {
    let (salt, file_key, nonce): ([u8; 16], [u8; 16], [u8; 16]) =
        (random::bytes()?, random::bytes()?, random::bytes()?);
    let mut body = file_key.to_vec();
    sealer(&wrap_key(passphrase, &salt, work)?)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key([0; 12]), Aad::empty(), &mut body)
        .map_err(|_| Error::Damaged)?;
    let header = format!("{VERSION}\n-> scrypt {} {work}\n{}\n---", BASE64.encode(salt), BASE64.encode(body));
    let sum = hmac::sign(&header_key(&file_key)?, header.as_bytes());
    to.write_all(format!("{header} {}\n", BASE64.encode(sum)).as_bytes())?;
    to.write_all(&nonce)?;
    let key = sealer(&derived(&nonce, &file_key, b"payload")?)?;
    let mut number = 0;
    let mut piece = read_piece(from, PIECE)?;
    loop {
        let next = read_piece(from, PIECE)?;
        let is_last = next.is_empty();
        key.seal_in_place_append_tag(nonce_of(number, is_last), Aad::empty(), &mut piece)
            .map_err(|_| Error::Damaged)?;
        to.write_all(&piece)?;
        if is_last {
            return Ok(());
        }
        (number, piece) = (number + 1, next);
    }
}

/// A sealed file of which the passphrase is right.
pub(crate) struct Opened<R> {
    from: R,
    key: LessSafeKey,
}

impl<R: BufRead> Opened<R> {
    /// Reads the head of `from`.
    ///
    /// # Errors
    /// It is nothing that a passphrase opens, or this one does not.
    pub(crate) fn new(passphrase: &str, mut from: R) -> Result<Self> {
        let mut header = String::new();
        let mut line = |header: &mut String| -> Result<String> {
            let start = header.len();
            let read = (&mut from).take(LONGEST_LINE).read_line(header).map_err(no_text)?;
            let line = header.get(start..start + read).and_then(|line| line.strip_suffix('\n'));
            line.map(str::to_owned).ok_or(Error::Form)
        };
        if line(&mut header)? != VERSION {
            return Err(Error::Form);
        }
        let stanza = line(&mut header)?;
        let (salt, work) =
            stanza.strip_prefix("-> scrypt ").and_then(|rest| rest.split_once(' ')).ok_or(Error::Form)?;
        let work: u8 = work.parse().map_err(|_| Error::Form)?;
        let salt = decoded::<16>(salt)?;
        let mut body = decoded::<{ 16 + TAG }>(&line(&mut header)?)?;
        let end = header.len() + "---".len();
        let sum = decoded::<32>(line(&mut header)?.strip_prefix("--- ").ok_or(Error::Form)?)?;
        if work == 0 || work > MOST_WORK {
            return Err(Error::Work(work));
        }
        let key = sealer(&wrap_key(passphrase, &salt, work)?)?;
        let file_key = key
            .open_in_place(Nonce::assume_unique_for_key([0; 12]), Aad::empty(), &mut body)
            .map_err(|_| Error::Passphrase)?;
        let header = header.as_bytes().get(..end).ok_or(Error::Form)?;
        hmac::verify(&header_key(file_key)?, header, &sum).map_err(|_| Error::Damaged)?;
        let mut nonce = [0; 16];
        from.read_exact(&mut nonce).map_err(cut_off)?;
        Ok(Self { key: sealer(&derived(&nonce, file_key, b"payload")?)?, from })
    }

    /// Writes what is in it to `to`.
    ///
    /// # Errors
    /// It is damaged or cut off: what was written so far is its beginning. Or what reading and writing say.
    pub(crate) fn write_to(mut self, to: &mut impl Write) -> Result<()> {
        let mut number = 0;
        let mut piece = read_piece(&mut self.from, PIECE + TAG)?;
        loop {
            let next = read_piece(&mut self.from, PIECE + TAG)?;
            let is_last = next.is_empty();
            let open = self
                .key
                .open_in_place(nonce_of(number, is_last), Aad::empty(), &mut piece)
                .map_err(|_| Error::Damaged)?;
            // Only a file of nothing ends with a piece of nothing.
            if open.is_empty() && number > 0 {
                return Err(Error::Damaged);
            }
            to.write_all(open)?;
            if is_last {
                return Ok(());
            }
            (number, piece) = (number + 1, next);
        }
    }
}

fn decoded<const N: usize>(text: &str) -> Result<[u8; N]> {
    BASE64.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(Error::Form)
}

fn no_text(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::InvalidData { Error::Form } else { Error::Io(error) }
}

fn cut_off(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::UnexpectedEof { Error::Damaged } else { Error::Io(error) }
}

/// As many bytes as there are, up to `most`.
fn read_piece(from: &mut impl Read, most: usize) -> io::Result<Vec<u8>> {
    // Room for the tag that sealing appends.
    let mut piece = Vec::with_capacity(most + TAG);
    from.take(most as u64).read_to_end(&mut piece)?;
    Ok(piece)
}

fn wrap_key(passphrase: &str, salt: &[u8; 16], work: u8) -> Result<[u8; 32]> {
    let params = scrypt::Params::new(work, 8, 1).map_err(|_| Error::Work(work))?;
    let mut key = [0; 32];
    scrypt::scrypt(passphrase.as_bytes(), &[LABEL, salt].concat(), &params, &mut key).map_err(|_| Error::Work(work))?;
    Ok(key)
}

fn header_key(file_key: &[u8]) -> Result<hmac::Key> {
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &derived(&[], file_key, b"header")?))
}

fn derived(salt: &[u8], key: &[u8], info: &[u8]) -> Result<[u8; 32]> {
    let mut out = [0; 32];
    let key = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(key);
    let info = [info];
    let okm = key.expand(&info, hkdf::HKDF_SHA256).map_err(|_| Error::Form)?;
    okm.fill(&mut out).map_err(|_| Error::Form)?;
    Ok(out)
}

fn sealer(key: &[u8; 32]) -> Result<LessSafeKey> {
    UnboundKey::new(&CHACHA20_POLY1305, key).map(LessSafeKey::new).map_err(|_| Error::Form)
}

/// Eleven bytes count, the twelfth says whether it is the last (STREAM).
fn nonce_of(number: u64, is_last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&number.to_be_bytes());
    nonce[11] = u8::from(is_last);
    Nonce::assume_unique_for_key(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Little work: a test opens many.
    fn sealed(text: &[u8]) -> Vec<u8> {
        let mut to = Vec::new();
        seal_with("correct horse", 4, &mut &text[..], &mut to).unwrap();
        to
    }

    fn opened(passphrase: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let mut to = Vec::new();
        Opened::new(passphrase, sealed)?.write_to(&mut to)?;
        Ok(to)
    }

    #[test]
    fn what_is_sealed_opens_whatever_its_length() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
            let text: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            assert!(opened("correct horse", &sealed(&text)).unwrap() == text, "{length}");
        }
        assert!(is_sealed(&sealed(b"x")) && !is_sealed(b"SQLite format 3\0"));
    }

    #[test]
    fn another_passphrase_and_any_change_are_refused() {
        let whole = sealed(&vec![7; PIECE + 5]);
        assert!(matches!(opened("correct hors", &whole), Err(Error::Passphrase)));
        let header = whole.iter().position(|byte| *byte == b'-').unwrap();
        for at in (0..header + 160).chain((header + 160..whole.len()).step_by(997)) {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(opened("correct horse", &changed).is_err(), "byte {at}");
        }
        // Cut anywhere, between two pieces too, or with something behind it.
        for length in [0, 10, 100, 200, whole.len() - 5 - TAG, whole.len() - 1] {
            assert!(opened("correct horse", &whole[..length]).is_err(), "{length}");
        }
        assert!(matches!(opened("correct horse", &[&whole[..], b"x"].concat()), Err(Error::Damaged)));
    }

    #[test]
    fn more_work_than_a_machine_has_memory_for_is_refused_before_it_is_begun() {
        let text = String::from_utf8_lossy(&sealed(b"x")).into_owned();
        let greedy = text.replacen(" 4\n", " 40\n", 1);
        assert!(matches!(opened("correct horse", greedy.as_bytes()), Err(Error::Work(40))));
    }
}
