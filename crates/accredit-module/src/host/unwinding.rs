//! `_dl_find_object` for the unwinder, so that the module also runs with glibc 2.34, which does not have it.
//!
//! The unwinder that is linked into the module (`build.rs`) looks up the unwind tables of a code address by this function of
//! glibc 2.35. The module has its own, by `dl_iterate_phdr`. It is not exported. Only panics need it.

#![cfg(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

use std::arch::global_asm;
use std::ffi::{c_int, c_void};
use std::ptr;
use std::slice;

/// glibc's `struct dl_find_object` on the architectures below.
#[repr(C)]
struct FoundObject {
    flags: u64,
    map_start: *mut c_void,
    map_end: *mut c_void,
    link_map: *mut c_void,
    /// The object's `PT_GNU_EH_FRAME`.
    eh_frame: *mut c_void,
    reserved: [u64; 7],
}

/// A code address, and the object that contains it once it was found.
struct ObjectSearch {
    address: usize,
    found: Option<FoundObject>,
}

#[cfg(target_arch = "x86_64")]
global_asm!(
    ".pushsection .text._dl_find_object,\"ax\",@progbits",
    ".globl _dl_find_object",
    ".hidden _dl_find_object",
    ".type _dl_find_object,@function",
    "_dl_find_object:",
    "jmp {find}",
    ".size _dl_find_object, . - _dl_find_object",
    ".popsection",
    find = sym find_object,
);

#[cfg(target_arch = "aarch64")]
global_asm!(
    ".pushsection .text._dl_find_object,\"ax\",@progbits",
    ".globl _dl_find_object",
    ".hidden _dl_find_object",
    ".type _dl_find_object,@function",
    "_dl_find_object:",
    "b {find}",
    ".size _dl_find_object, . - _dl_find_object",
    ".popsection",
    find = sym find_object,
);

/// Returns 0 and writes the object that contains the address, or returns -1.
///
/// # Safety
/// `result` points to a `struct dl_find_object`.
unsafe extern "C" fn find_object(address: *mut c_void, result: *mut FoundObject) -> c_int {
    let mut search = ObjectSearch {
        address: address.addr(),
        found: None,
    };
    // SAFETY: `look_at` gets the search, which outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(look_at), ptr::from_mut(&mut search).cast()) };
    match search.found {
        Some(found) => {
            // SAFETY: by the contract of this function.
            unsafe { result.write(found) };
            0
        }
        None => -1,
    }
}

/// Looks at one loaded object. Any value but 0 ends the search.
///
/// # Safety
/// As `dl_iterate_phdr` calls it, with an [`ObjectSearch`].
unsafe extern "C" fn look_at(
    object: *mut libc::dl_phdr_info,
    _size: usize,
    search: *mut c_void,
) -> c_int {
    // SAFETY: by the contract of this function.
    let (object, search) = unsafe { (&*object, &mut *search.cast::<ObjectSearch>()) };
    // SAFETY: the loader's table of this object's headers.
    let headers = unsafe { slice::from_raw_parts(object.dlpi_phdr, object.dlpi_phnum.into()) };
    let base = object.dlpi_addr as usize;
    let range = |header: &libc::Elf64_Phdr| {
        let start = base.wrapping_add(header.p_vaddr as usize);
        start..start.wrapping_add(header.p_memsz as usize)
    };
    let of_type = |kind: u32| headers.iter().filter(move |header| header.p_type == kind);
    let code = of_type(libc::PT_LOAD).map(range);
    let Some(code) = code
        .into_iter()
        .find(|range| range.contains(&search.address))
    else {
        return 0;
    };
    let Some(frames) = of_type(libc::PT_GNU_EH_FRAME).map(range).next() else {
        return 1;
    };
    search.found = Some(FoundObject {
        flags: 0,
        map_start: ptr::with_exposed_provenance_mut(code.start),
        map_end: ptr::with_exposed_provenance_mut(code.end),
        link_map: ptr::null_mut(),
        eh_frame: ptr::with_exposed_provenance_mut(frames.start),
        reserved: [0; 7],
    });
    1
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;
    use std::ptr;

    use super::find_object;

    #[test]
    fn the_object_of_a_function_has_unwind_tables_and_other_addresses_have_no_object() {
        let function = find_object as *mut std::ffi::c_void;
        let mut found = MaybeUninit::uninit();
        // SAFETY: `found` is large enough, and is read only if it was written.
        let object = unsafe {
            assert_eq!(find_object(function, found.as_mut_ptr()), 0);
            found.assume_init_ref()
        };
        assert!((object.map_start..object.map_end).contains(&function));
        assert!(!object.eh_frame.is_null());
        // SAFETY: nothing is written for an address that belongs to no object.
        let nowhere = unsafe { find_object(ptr::null_mut(), ptr::null_mut()) };
        assert_eq!(nowhere, -1);
    }
}
