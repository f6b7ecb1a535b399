//! The segments of the main program, as the kernel described them to the process.

use std::mem::{size_of, MaybeUninit};

/// Whether the address lies in the main program.
///
/// The loader could answer this too, but only under its lock, which a thread holds while it runs
/// the initializers of a library. In a program that was started by the loader's name, this finds
/// the loader instead.
pub(super) fn contains(address: *const libc::c_void) -> bool {
    let mut description = MaybeUninit::<libc::dl_phdr_info>::zeroed();
    // SAFETY: all fields of the type are numbers and pointers, and zero is a value of each.
    let description = unsafe { description.assume_init_mut() };
    // The field has the program headers' type, which differs between word sizes.
    description.dlpi_phdr = value(libc::AT_PHDR) as *const _;
    let table = description.dlpi_phdr;
    if table.is_null() || value(libc::AT_PHENT) != size_of_pointee(table) {
        return false;
    }
    // SAFETY: the kernel gave the address and the length of this table, which the program never
    // changes.
    let headers = unsafe { std::slice::from_raw_parts(table, value(libc::AT_PHNUM)) };
    // The table describes itself: the difference is how far the program was moved.
    let Some(itself) = headers.iter().find(|header| header.p_type == libc::PT_PHDR) else { return false };
    let moved_by = (table as usize).wrapping_sub(itself.p_vaddr as usize);
    let at = (address as usize).wrapping_sub(moved_by);
    let mut segments = headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
    segments.any(|segment| at.wrapping_sub(segment.p_vaddr as usize) < segment.p_memsz as usize)
}

fn size_of_pointee<T>(_: *const T) -> usize {
    size_of::<T>()
}

/// A value of the auxiliary vector, or 0.
fn value(name: libc::c_ulong) -> usize {
    // SAFETY: this reads a number that the kernel gave the process.
    unsafe { libc::getauxval(name) as usize }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU8;

    /// A static program has no loader, and may have no entry for the table itself.
    fn has_loader(inside: *const u8) -> bool {
        let mut object = MaybeUninit::<libc::Dl_info>::uninit();
        // SAFETY: the call only compares the address, and `object` is a valid place for the result.
        unsafe { libc::dladdr(inside.cast(), object.as_mut_ptr()) != 0 }
    }

    #[test]
    fn the_main_program_contains_its_own_data_and_nothing_else() {
        static INITIALIZED: u8 = 1;
        static ZERO: AtomicU8 = AtomicU8::new(0);
        let local = 0u8;
        let contains = |address: *const u8| contains(address.cast());
        if has_loader(&INITIALIZED) {
            assert!(contains(&INITIALIZED) && contains(ZERO.as_ptr()));
        }
        assert!(!contains(&local) && !contains(std::ptr::null()) && !contains(Box::new(0u8).as_ref()));
    }
}
