//! Makes a list of cases, each with the name of its function. The type `Case` is that of the
//! program, unless the list names another.

#[macro_export]
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        $crate::cases!($crate::Case: $($case),*);
    };
    ($kind:ty: $($case:ident),* $(,)?) => {
        pub const CASES: &[$kind] = &[$((stringify!($case), $case)),*];
    };
}
