//! What the times of entries refer to.

/// What the time of an entry refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// A clock that clock changes do not move.
    Steady,
    /// The wall clock.
    Wall,
}

impl Base {
    pub(super) const ALL: [Base; 2] = [Base::Steady, Base::Wall];
}
