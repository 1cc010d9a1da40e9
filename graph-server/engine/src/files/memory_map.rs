//! Arrays of numbers that lie in a file's memory map, or in memory, and are read the same way.
//!
//! Files of a snapshot are written once and renamed into place, never truncated and never written through a map, so what
//! was verified at open stays as it was. Numbers in files are little-endian, and so must the machine be.
#![expect(
    unsafe_code,
    reason = "mapping a file, and slices into the map, cannot be expressed in safe code"
)]

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::sync::Arc;

use memmap2::Mmap;
use zerocopy::{FromBytes, Immutable};

#[cfg(target_endian = "big")]
compile_error!("snapshot files hold little-endian numbers and are read in place");

/// A file's bytes, mapped for reading.
#[derive(Clone, Debug)]
pub(crate) struct FileMap(Arc<Mmap>);

impl FileMap {
    /// Maps the whole file.
    pub(crate) fn open(file: &File) -> io::Result<Self> {
        // SAFETY: the map is only read, and snapshot files are write-once: they are renamed into place when complete and
        // never truncated or written again while a process may have them open.
        let map = unsafe { Mmap::map(file)? };
        // What is not in the cache yet comes in large pages, where the system can: see `direct.rs`. A system that
        // cannot says so, and that changes nothing.
        #[cfg(target_os = "linux")]
        map.advise(memmap2::Advice::HugePage).unwrap_or_default();
        Ok(Self(Arc::new(map)))
    }

    /// The numbers that lie in `bytes` of the file; `None` when the range is not in the file, not aligned, or no whole
    /// number of them.
    pub(crate) fn array<T: FromBytes + Immutable>(&self, bytes: Range<usize>) -> Option<Array<T>> {
        let slice: &[T] = <[T]>::ref_from_bytes(self.0.get(bytes)?).ok()?;
        Some(Array {
            start: slice.as_ptr(),
            length: slice.len(),
            owner: Owner::Map {
                _alive: self.clone(),
            },
        })
    }
}

impl Deref for FileMap {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// An immutable array, in a map or in memory.
pub(crate) struct Array<T> {
    start: *const T,
    length: usize,
    owner: Owner<T>,
}

enum Owner<T> {
    Map { _alive: FileMap },
    Memory { _alive: Arc<[T]> },
}

impl<T> From<Vec<T>> for Array<T> {
    fn from(numbers: Vec<T>) -> Self {
        let owner: Arc<[T]> = numbers.into();
        Self {
            start: owner.as_ptr(),
            length: owner.len(),
            owner: Owner::Memory { _alive: owner },
        }
    }
}

impl<T> Array<T> {
    /// Bytes in memory or in the map.
    pub(crate) fn bytes(&self) -> u64 {
        std::mem::size_of_val::<[T]>(self) as u64
    }

    /// Whether the array lies in a file.
    pub(crate) fn is_mapped(&self) -> bool {
        matches!(self.owner, Owner::Map { .. })
    }
}

impl<T> Deref for Array<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: `start` and `length` come from a slice that `owner` keeps alive, in place and unchanged: a shared map
        // of a write-once file, whose range and alignment zerocopy checked, or a shared slice on the heap.
        unsafe { std::slice::from_raw_parts(self.start, self.length) }
    }
}

// SAFETY: an `Array` is a shared, immutable slice and a shared owner of it; sharing or sending it is sharing `&[T]`.
unsafe impl<T: Send + Sync> Send for Array<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Array<T> {}
