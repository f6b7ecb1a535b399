//! Makes a list of cases, each with the name of its function. The type `Case` is that of the
//! program, unless the list names another.
//!
//! `cases_in_each` makes such a list for each type with a trait, as the constant `In<L>::CASES`. The
//! types `In<L>` and `Case` are those of the module.

#[macro_export]
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        $crate::cases!($crate::Case: $($case),*);
    };
    ($kind:ty: $($case:ident),* $(,)?) => {
        pub const CASES: &[$kind] = &[$((stringify!($case), $case)),*];
    };
}

#[macro_export]
macro_rules! cases_in_each {
    ($bound:path: $($case:ident),* $(,)?) => {
        impl<L: $bound> In<L> {
            pub const CASES: &'static [Case] = &[$((stringify!($case), $case::<L>)),*];
        }
    };
}
