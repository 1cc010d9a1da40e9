//! Shared arrays of numbers, in a file's memory map or in memory, which are read the same way.
//!
//! Files of a snapshot are written once and renamed into place. They are never truncated and never
//! written through a map, so what was verified at open stays valid. Numbers in files are
//! little-endian, and so must the machine be.
#![expect(
    unsafe_code,
    reason = "mapping a file, and slices into the map, cannot be expressed in safe code"
)]

use std::{
    fs::File,
    io,
    ops::{Deref, Range},
    sync::Arc,
};

use memmap2::Mmap;
use zerocopy::{FromBytes, Immutable};

use crate::memory::large_array::{LargeArray, Purpose};

#[cfg(target_endian = "big")]
compile_error!("snapshot files hold little-endian numbers and are read in place");

/// A file's bytes, mapped for reading or copied into memory. A clone is the same bytes.
#[derive(Clone)]
pub(crate) enum FileBytes {
    Map(Arc<Mmap>),
    Memory(Arc<LargeArray<u8>>),
}

impl From<LargeArray<u8>> for FileBytes {
    fn from(bytes: LargeArray<u8>) -> Self {
        Self::Memory(Arc::new(bytes))
    }
}

impl FileBytes {
    /// Maps the whole file.
    pub(crate) fn open(file: &File) -> io::Result<Self> {
        // SAFETY: the map is only read, and snapshot files are write-once: they are renamed into
        // place when complete, and never truncated or written again while a process may have them
        // open.
        let map = unsafe { Mmap::map(file)? };
        // Bytes that are not in the cache yet arrive in large pages, where the system supports it
        // (`direct.rs`). Elsewhere the call fails without any effect.
        #[cfg(target_os = "linux")]
        map.advise(memmap2::Advice::HugePage).unwrap_or_default();
        Ok(Self::Map(Arc::new(map)))
    }

    /// Returns whether the bytes are those of a map.
    pub(crate) fn is_mapped(&self) -> bool {
        matches!(self, Self::Map(_))
    }

    /// Returns the numbers in `bytes` of the file. `None` when the range is not in the file, not
    /// aligned, or not a whole number of them.
    pub(crate) fn array<T: FromBytes + Immutable>(&self, bytes: Range<usize>) -> Option<Array<T>> {
        let slice: &[T] = <[T]>::ref_from_bytes(self.get(bytes)?).ok()?;
        Some(Array {
            start: slice.as_ptr(),
            length: slice.len(),
            owner: Owner::File(self.clone()),
        })
    }
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Map(map) => map,
            Self::Memory(bytes) => bytes,
        }
    }
}

/// An immutable array, in a map or in memory. A clone is the same array.
#[derive(Clone)]
pub(crate) struct Array<T> {
    start: *const T,
    length: usize,
    owner: Owner<T>,
}

#[derive(Clone)]
enum Owner<T> {
    File(FileBytes),
    Memory { _alive: Arc<LargeArray<T>> },
}

impl<T: FromBytes + Copy> From<Vec<T>> for Array<T> {
    fn from(numbers: Vec<T>) -> Self {
        LargeArray::of(Purpose::Graph, numbers).into()
    }
}

impl<T> From<LargeArray<T>> for Array<T> {
    fn from(numbers: LargeArray<T>) -> Self {
        let owner = Arc::new(numbers);
        Self {
            start: owner.as_ptr(),
            length: owner.len(),
            owner: Owner::Memory { _alive: owner },
        }
    }
}

impl<T> Array<T> {
    /// Returns the length in bytes, in memory or in the map.
    pub(crate) fn bytes(&self) -> u64 {
        std::mem::size_of_val::<[T]>(self) as u64
    }

    /// Returns whether the array lies in a file's map.
    pub(crate) fn is_mapped(&self) -> bool {
        matches!(&self.owner, Owner::File(bytes) if bytes.is_mapped())
    }
}

impl<T> Deref for Array<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: `start` and `length` come from a slice that `owner` keeps alive, in place and
        // unchanged. It is a shared array in memory, or it is in the bytes of a write-once file.
        // There, zerocopy checked range and alignment.
        unsafe { std::slice::from_raw_parts(self.start, self.length) }
    }
}

// SAFETY: an `Array` is a shared, immutable slice and a shared owner of it. Sharing or sending it
// is sharing `&[T]`.
unsafe impl<T: Send + Sync> Send for Array<T> {}
// SAFETY: sharing an `Array` is sharing `&[T]`, as for `Send`.
unsafe impl<T: Send + Sync> Sync for Array<T> {}
