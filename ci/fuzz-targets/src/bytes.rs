//! What scripts are made of, out of the fuzzer's bytes.

use libfuzzer_sys::arbitrary::{Result, Unstructured};

/// Nanoseconds of any magnitude between two powers of two.
pub fn nanos(bytes: &mut Unstructured<'_>, least: u32, most: u32) -> Result<u64> {
    let bits = bytes.int_in_range(least..=most)?;
    Ok((1 << bits) | (bytes.arbitrary::<u64>()? & ((1 << bits) - 1)))
}

/// The same, forwards or backwards.
pub fn offset(bytes: &mut Unstructured<'_>, least: u32, most: u32) -> Result<i64> {
    let nanos = nanos(bytes, least, most)? as i64;
    Ok(if bytes.arbitrary()? { -nanos } else { nanos })
}

/// As many things as the bytes are good for, but not more than fifty.
pub fn many<T>(bytes: &mut Unstructured<'_>, one: fn(&mut Unstructured<'_>) -> Result<T>) -> Vec<T> {
    std::iter::from_fn(|| if bytes.is_empty() { None } else { one(bytes).ok() }).take(50).collect()
}
