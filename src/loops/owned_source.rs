//! The methods that the adapters for a user's own type share.

/// Gives an adapter that owns a user's type in its field `source` the methods for that type.
macro_rules! owned_source {
    ($adapter:ident) => {
        impl<P> $adapter<P> {
            /// Returns the source.
            pub fn get_ref(&self) -> &P {
                &self.source
            }

            /// Returns the source, to change it.
            ///
            /// If you assign another source, the adapter still waits for the descriptor of the old
            /// one. So do not replace a [`TimerSet`](crate::TimerSet).
            /// [Clear](crate::TimerSet::clear) it instead.
            pub fn get_mut(&mut self) -> &mut P {
                &mut self.source
            }

            /// Deregisters the handle and returns the source.
            pub fn into_inner(self) -> P {
                self.source
            }
        }
    };
}

pub(super) use owned_source;
