//! Makes the parts of scripts from the fuzzer's bytes.

use libfuzzer_sys::arbitrary::{Result, Unstructured};

/// Returns nanoseconds of any magnitude between two powers of two.
pub fn nanos(bytes: &mut Unstructured<'_>, least: u32, most: u32) -> Result<u64> {
    let bits = bytes.int_in_range(least..=most)?;
    Ok((1 << bits) | (bytes.arbitrary::<u64>()? & ((1 << bits) - 1)))
}

/// Returns nanoseconds as [`nanos`] does, positive or negative.
pub fn offset(bytes: &mut Unstructured<'_>, least: u32, most: u32) -> Result<i64> {
    let nanos = nanos(bytes, least, most)? as i64;
    Ok(if bytes.arbitrary()? { -nanos } else { nanos })
}

/// Returns as many values as the bytes suffice for, at most fifty.
pub fn many<T>(bytes: &mut Unstructured<'_>, one: fn(&mut Unstructured<'_>) -> Result<T>) -> Vec<T> {
    std::iter::from_fn(|| if bytes.is_empty() { None } else { one(bytes).ok() }).take(50).collect()
}
