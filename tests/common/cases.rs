//! A list of cases, each named as its function. The program says what a `Case` is.

#[macro_export]
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        pub const CASES: &[$crate::Case] = &[$((stringify!($case), $case)),*];
    };
}
