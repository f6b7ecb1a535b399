//! A list of cases, each named as its function. The program says what a `Case` is, or else the list.

#[macro_export]
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        $crate::cases!($crate::Case: $($case),*);
    };
    ($kind:ty: $($case:ident),* $(,)?) => {
        pub const CASES: &[$kind] = &[$((stringify!($case), $case)),*];
    };
}
