//! The masks of changes. The rows of a table have the same, so a sorted row names its mask by a
//! number.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cloud_profile::{Fields, InvalidValue, Mask};
use prost::Message;
use prost_types::FieldMask;

use crate::{job::error::Error, snapshot::sort::sorted_rows::Row};

/// The bytes of a mask's number before an encoded message.
const NUMBER_BYTES: usize = 4;

/// All masks that occurred, each once.
#[derive(Debug, Default)]
pub(crate) struct Masks {
    masks: Mutex<Vec<Option<FieldMask>>>,
}

impl Masks {
    /// Returns the number of a mask.
    pub(crate) fn number(&self, mask: Option<FieldMask>) -> u32 {
        let mut masks = self.lock();
        let place = masks.iter().position(|known| *known == mask);
        let place = place.unwrap_or_else(|| {
            masks.push(mask);
            masks.len() - 1
        });
        place as u32
    }

    /// Appends a message, with the number of its mask before it.
    pub(crate) fn encode<M: Message>(number: u32, message: &M, buffer: &mut Vec<u8>) {
        buffer.extend(number.to_le_bytes());
        message.encode_raw(buffer);
    }

    /// Returns the message of a row and its mask.
    pub(crate) fn decode<M: Fields + Message + Default>(
        &self,
        row: &Row,
    ) -> Result<(M, Mask<M>), Error> {
        let (number, message) = row
            .message
            .split_first_chunk::<NUMBER_BYTES>()
            .unwrap_or((&[0; NUMBER_BYTES], &[]));
        let mut message = M::decode(message).map_err(Error::Sorting)?;
        let masks = self.lock();
        let mask = masks.get(u32::from_le_bytes(*number) as usize);
        let mask = Mask::of_change(mask.and_then(Option::as_ref), &mut message)
            .map_err(|invalid: InvalidValue| Error::Mask(invalid.to_string()))?;
        Ok((message, mask))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Option<FieldMask>>> {
        self.masks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
