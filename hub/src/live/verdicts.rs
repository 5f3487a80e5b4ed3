//! What a filter said of each series, so that it is asked once. PURE.

use crate::model::reading::SeriesId;

/// Two bits a series: asked, wanted. At the cap of 100,000 series 25 kB a subscription.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    bits: Vec<u8>,
}

impl Verdicts {
    /// Bytes of all answers.
    pub(super) const fn bytes(&self) -> usize {
        self.bits.len()
    }

    /// Whether a series is wanted: the answer that was given before, or that of `ask`.
    pub(super) fn get_or(&mut self, series: SeriesId, ask: impl FnOnce() -> bool) -> bool {
        let (byte, shift) = (series.0 as usize / 4, series.0 % 4 * 2);
        if self.bits.len() <= byte {
            self.bits.resize(byte + 1, 0);
        }
        match self.bits[byte] >> shift & 0b11 {
            0 => {
                let wanted = ask();
                self.bits[byte] |= (if wanted { 0b11 } else { 0b01 }) << shift;
                wanted
            }
            known => known == 0b11,
        }
    }
}
