//! The segments of the main program, from the auxiliary vector of the process.

use std::mem::{size_of, MaybeUninit};

/// Whether the address lies in the main program.
///
/// The loader is not asked, because it would take its lock, which a thread holds while it runs the
/// initializers of a library. If a program was started through the loader as a command, the
/// segments are those of the loader.
pub(super) fn contains(address: *const libc::c_void) -> bool {
    let mut description = MaybeUninit::<libc::dl_phdr_info>::zeroed();
    // SAFETY: all fields of the type are numbers and pointers, and zero is valid for each of them.
    let description = unsafe { description.assume_init_mut() };
    // This field has the type of the program headers, which depends on the word size.
    description.dlpi_phdr = value(libc::AT_PHDR) as *const _;
    let table = description.dlpi_phdr;
    if table.is_null() || value(libc::AT_PHENT) != size_of_pointee(table) {
        return false;
    }
    // SAFETY: the kernel has provided the address and the length of this table, and the program
    // never changes it.
    let headers = unsafe { std::slice::from_raw_parts(table, value(libc::AT_PHNUM)) };
    // The table contains its own unrelocated address, which gives the relocation of the program.
    let Some(itself) = headers.iter().find(|header| header.p_type == libc::PT_PHDR) else { return false };
    let relocation = (table as usize).wrapping_sub(itself.p_vaddr as usize);
    let at = (address as usize).wrapping_sub(relocation);
    let mut segments = headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
    segments.any(|segment| at.wrapping_sub(segment.p_vaddr as usize) < segment.p_memsz as usize)
}

fn size_of_pointee<T>(_: *const T) -> usize {
    size_of::<T>()
}

/// Returns a value of the auxiliary vector, or 0 if it has no such value.
fn value(name: libc::c_ulong) -> usize {
    // SAFETY: the call reads a number that the kernel has provided.
    unsafe { libc::getauxval(name) as usize }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU8;

    /// A static program has no loader, and its table may have no entry for itself.
    fn has_loader(inside: *const u8) -> bool {
        let mut object = MaybeUninit::<libc::Dl_info>::uninit();
        // SAFETY: the call only compares the address, and `object` is valid for writes of the
        // result.
        unsafe { libc::dladdr(inside.cast(), object.as_mut_ptr()) != 0 }
    }

    #[test]
    fn the_main_program_contains_its_statics_but_not_stack_or_heap() {
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
