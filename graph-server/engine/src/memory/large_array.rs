//! Arrays of numbers in memory, of which the large ones stand in large pages.
//!
//! A processor caches the places of some thousand pages. An array of a gigabyte that is read at
//! random has 300,000 pages of 4 KiB, so most reads also search the tables of pages; in a virtual
//! machine, those of the host besides. Of 2 MiB pages it has 600. (Bench group `large-pages`.)
//!
//! An array of 2 MiB or more gets an anonymous map of its own, aligned to 2 MiB. The map's whole
//! multiples of 2 MiB request large pages (`MADV_HUGEPAGE`, madvise(2)), so that its end takes no
//! more memory than it needs. Smaller arrays come from the allocator. Where the system has no large
//! pages, or none free, it provides small ones.
//!
//! The memory is zeroed, and the system provides each page at the first write.
//!
//! A table of the process's maps tells what each is for: [`large_maps`]. The system counts large
//! pages by map, so this is how they are attributed.
#![expect(
    unsafe_code,
    reason = "a typed slice in an anonymous map cannot be expressed in safe code"
)]

use std::{
    collections::BTreeMap,
    fmt, io,
    ops::{Deref, DerefMut},
    ptr::NonNull,
    sync::{Mutex, MutexGuard, PoisonError},
};

use memmap2::{MmapMut, MmapOptions};
use zerocopy::FromZeros;

/// The size of a large page, and of the smallest array that stands in such pages.
pub const LARGE_PAGE_BYTES: usize = 2 << 20;
/// The size of an ordinary page.
const PAGE_BYTES: usize = 4 << 10;

/// The purpose of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// The arrays of a base, and the look-up of its members.
    Graph,
    /// The changes since a base.
    Overlay,
    /// The sets of members of views and answers.
    Views,
    /// The working memory of requests.
    Scratch,
    /// The tables of a build.
    Build,
}

/// A map that stands in large pages, as far as the system has any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LargeMap {
    /// Its purpose.
    pub purpose: Purpose,
    /// The address of its first byte. The system lists the map under this address.
    pub start: usize,
    /// Its length in bytes, a multiple of [`LARGE_PAGE_BYTES`].
    pub bytes: usize,
}

/// The process's maps by address.
static MAPS: Mutex<BTreeMap<usize, LargeMap>> = Mutex::new(BTreeMap::new());

fn maps() -> MutexGuard<'static, BTreeMap<usize, LargeMap>> {
    MAPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the maps of this process that stand in large pages, by address.
#[must_use]
pub fn large_maps() -> Vec<LargeMap> {
    maps().values().copied().collect()
}

/// An array of numbers that begins zeroed.
pub struct LargeArray<T> {
    start: NonNull<T>,
    length: usize,
    /// The map that holds the array; absent if the allocator does.
    map: Option<AlignedMap>,
}

impl<T: FromZeros> LargeArray<T> {
    /// Allocates an array of zeros. If no map can be made, it comes from the allocator.
    ///
    /// # Panics
    /// If there is no memory.
    #[must_use]
    pub fn zeroed(purpose: Purpose, length: usize) -> Self {
        if is_large::<T>(length)
            && let Ok(array) = Self::mapped(purpose, length)
        {
            return array;
        }
        match <[T]>::new_box_zeroed_with_elems(length) {
            Ok(numbers) => numbers.into(),
            Err(_) => panic!("cannot allocate {length} times {} bytes", size_of::<T>()),
        }
    }

    /// Allocates an array of zeros in a map, whatever its size. It is aligned to a large page.
    ///
    /// # Errors
    /// The system's error if there is no memory for a map.
    pub fn mapped(purpose: Purpose, length: usize) -> io::Result<Self> {
        let bytes = length.checked_mul(size_of::<T>());
        let map = AlignedMap::new(purpose, bytes.ok_or(io::ErrorKind::OutOfMemory)?)?;
        Ok(Self {
            start: map.start().cast(),
            length,
            map: Some(map),
        })
    }
}

impl<T: FromZeros + Copy> LargeArray<T> {
    /// Copies a slice.
    pub(crate) fn copied(purpose: Purpose, numbers: &[T]) -> Self {
        if !is_large::<T>(numbers.len()) {
            return Box::<[T]>::from(numbers).into();
        }
        let mut array = Self::zeroed(purpose, numbers.len());
        array.copy_from_slice(numbers);
        array
    }

    /// Takes over a list. A small one is not copied.
    #[must_use]
    pub fn of(purpose: Purpose, numbers: Vec<T>) -> Self {
        if is_large::<T>(numbers.len()) {
            Self::copied(purpose, &numbers)
        } else {
            numbers.into_boxed_slice().into()
        }
    }

    /// Makes the array longer, if it is shorter. What is added is zeroed.
    pub(crate) fn grow(&mut self, purpose: Purpose, length: usize) {
        if self.length < length {
            let mut longer = Self::zeroed(purpose, length);
            longer[..self.length].copy_from_slice(self);
            *self = longer;
        }
    }
}

impl<T> LargeArray<T> {
    /// Returns the length in bytes. The system provides memory for the parts that are written.
    #[must_use]
    pub fn bytes(&self) -> usize {
        std::mem::size_of_val::<[T]>(self)
    }

    /// Returns the size of the pages in which the system provides the memory.
    pub(crate) fn page_bytes(&self) -> usize {
        match &self.map {
            Some(_) => LARGE_PAGE_BYTES,
            None => PAGE_BYTES,
        }
    }
}

fn is_large<T>(length: usize) -> bool {
    length.saturating_mul(size_of::<T>()) >= LARGE_PAGE_BYTES
}

/// An anonymous map that begins at a multiple of the size of a large page.
struct AlignedMap {
    map: MmapMut,
    /// The bytes of the map before its aligned part.
    before: usize,
    purpose: Purpose,
}

impl AlignedMap {
    fn new(purpose: Purpose, bytes: usize) -> io::Result<Self> {
        // One page more: the system may begin a map at any ordinary page.
        let length = bytes.checked_add(LARGE_PAGE_BYTES);
        let length = length.ok_or(io::ErrorKind::OutOfMemory)?;
        // Growing arrays reserve what they may never use.
        let map = MmapOptions::new()
            .len(length)
            .no_reserve_swap()
            .map_anon()?;
        let before = map.as_ptr().align_offset(LARGE_PAGE_BYTES);
        let map = Self {
            map,
            before,
            purpose,
        };
        let whole = bytes - bytes % LARGE_PAGE_BYTES;
        #[cfg(target_os = "linux")]
        // A system without large pages returns an error, and provides small ones.
        map.map
            .advise_range(memmap2::Advice::HugePage, before, whole)
            .unwrap_or_default();
        let start = map.start().as_ptr() as usize;
        let entry = LargeMap {
            purpose,
            start,
            bytes: whole,
        };
        maps().insert(start, entry);
        Ok(map)
    }

    fn start(&self) -> NonNull<u8> {
        // SAFETY: the map is at least one large page longer than what is used of it, so the place
        // is in the map.
        unsafe { NonNull::new_unchecked(self.map.as_ptr().cast_mut().add(self.before)) }
    }
}

impl Drop for AlignedMap {
    fn drop(&mut self) {
        // Removed before the map is: its address may be given to another one at once.
        maps().remove(&(self.start().as_ptr() as usize));
    }
}

impl<T> From<Box<[T]>> for LargeArray<T> {
    fn from(numbers: Box<[T]>) -> Self {
        let length = numbers.len();
        let start = NonNull::from(Box::leak(numbers)).cast();
        Self {
            start,
            length,
            map: None,
        }
    }
}

impl<T> Drop for LargeArray<T> {
    fn drop(&mut self) {
        if self.map.is_none() {
            let numbers = std::ptr::slice_from_raw_parts_mut(self.start.as_ptr(), self.length);
            // SAFETY: without a map, start and length are those of a box that was given up.
            drop(unsafe { Box::from_raw(numbers) });
        }
    }
}

impl<T> Deref for LargeArray<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: so many numbers stand there, in a box or in the map. Both begin zeroed, which is
        // a value of every `T: FromZeros`, and only this array has them.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl<T> DerefMut for LargeArray<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as for `deref`; the map may be written.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
}

impl<T: FromZeros + Copy> Clone for LargeArray<T> {
    /// Copies the array. The copy is for the same purpose.
    fn clone(&self) -> Self {
        let purpose = self.map.as_ref().map(|map| map.purpose);
        Self::copied(purpose.unwrap_or(Purpose::Scratch), self)
    }
}

impl<T: PartialEq> PartialEq for LargeArray<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq> Eq for LargeArray<T> {}

impl<T: fmt::Debug> fmt::Debug for LargeArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

// SAFETY: an array owns its numbers, in a box or in a map of its own.
unsafe impl<T: Send> Send for LargeArray<T> {}
// SAFETY: a shared array gives out `&[T]` only.
unsafe impl<T: Sync> Sync for LargeArray<T> {}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn listed(array: &LargeArray<u32>) -> Option<LargeMap> {
        let start = array.as_ptr() as usize;
        large_maps().into_iter().find(|map| map.start == start)
    }

    #[test]
    fn arrays_of_every_size_are_zeroed_and_keep_what_is_written() {
        let large = LARGE_PAGE_BYTES / 4;
        for length in [0, 1, 1_000, large - 1, large, large + 1, 3 * large + 77] {
            let mut array = LargeArray::<u32>::zeroed(Purpose::Views, length);
            assert!(array.iter().all(|&number| number == 0));
            for (place, number) in array.iter_mut().enumerate() {
                *number = place as u32 * 7;
            }
            assert_eq!(array.len(), length);
            let numbers: Vec<u32> = (0..length as u32).map(|place| place * 7).collect();
            assert!(*array == *numbers);
            assert!(array == LargeArray::of(Purpose::Views, numbers));
            let copy = array.clone();
            array.grow(Purpose::Views, length / 2);
            assert!(copy == array);
            array.grow(Purpose::Views, 2 * length + 1);
            assert!(array[..length] == *copy && array[length..].iter().all(|&number| number == 0));
            assert_eq!(array.bytes(), 4 * (2 * length + 1));
        }
    }

    #[test]
    fn large_arrays_are_aligned_and_listed_as_long_as_they_live() {
        let small = LargeArray::<u32>::zeroed(Purpose::Overlay, LARGE_PAGE_BYTES / 4 - 1);
        assert_eq!(listed(&small), None);
        let arrays: Vec<_> = (0..5)
            .map(|pages| LARGE_PAGE_BYTES / 4 * (pages + 1) + 1_000)
            .map(|length| LargeArray::<u32>::zeroed(Purpose::Build, length))
            .collect();
        for (number, array) in arrays.iter().enumerate() {
            let map = listed(array).expect("a map");
            assert_eq!(map.start % LARGE_PAGE_BYTES, 0);
            assert_eq!(map.bytes, (number + 1) * LARGE_PAGE_BYTES);
            assert_eq!(map.purpose, Purpose::Build);
        }
        // Other tests make maps meanwhile, of other purposes.
        let listed = || {
            let maps = large_maps().into_iter();
            maps.filter(|map| map.purpose == Purpose::Build).count()
        };
        assert_eq!(listed(), arrays.len());
        drop(arrays);
        assert_eq!(listed(), 0);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        for length in [usize::MAX, usize::MAX / 8, 1 << 58] {
            assert!(LargeArray::<u64>::mapped(Purpose::Graph, length).is_err());
        }
        let small = LargeArray::<u64>::mapped(Purpose::Graph, 5).expect("memory");
        assert_eq!(*small, [0; 5]);
    }

    #[test]
    fn threads_share_an_array_of_atomics() {
        let array = LargeArray::<AtomicU64>::zeroed(Purpose::Overlay, 1 << 18);
        std::thread::scope(|scope| {
            for first in 0..4 {
                let array = &array;
                scope.spawn(move || {
                    for place in (first..array.len()).step_by(4) {
                        array[place].store(place as u64, Ordering::Relaxed);
                    }
                });
            }
        });
        let numbers = (0..).zip(&*array);
        assert!(
            numbers
                .clone()
                .all(|(place, found)| found.load(Ordering::Relaxed) == place)
        );
    }
}
