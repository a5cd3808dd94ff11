//! The macro that makes types of the rows of the table.

/// A parameter of a fault, of the key in a scenario.
pub(super) trait Parameter<Key> {
    fn of(key: Option<Key>) -> Self;
}

/// One that the scenario must give, so that it is there.
impl<T: Default> Parameter<T> for T {
    fn of(key: Option<T>) -> T {
        key.unwrap_or_default()
    }
}

/// One that it may give.
impl<T> Parameter<T> for Option<T> {
    fn of(key: Option<T>) -> Option<T> {
        key
    }
}

/// Makes [`FaultKind`](super::FaultKind), [`FaultName`] and the table of rows.
macro_rules! faults {
    ($(
        $(#[doc = $paragraph:literal])+
        $kind:ident $({ $($(#[$attribute:meta])* $field:ident: $type:ty),+ })? => {
            $($row:tt)+
        }
    )+) => {
        /// What goes wrong, with its parameters. Where a trigger names a byte, "the byte" is that byte on
        /// the wire, and "what comes before it" is everything written on the data connection before it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
        pub enum FaultKind {
            $(
                $(#[doc = $paragraph])+
                $kind $({ $($(#[$attribute])* $field: $type),+ })?,
            )+
        }

        /// A kind of fault by its name alone, as scenarios list them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum FaultName {
            $(
                #[doc = concat!("[`FaultKind::", stringify!($kind), "`], whatever its parameters.")]
                $kind,
            )+
        }

        /// The rows stand in the order of [`FaultName`], so that a name is an index.
        pub(super) const ROWS: &[About] = &[$(
            About {
                kind: FaultName::$kind,
                paragraph: concat!($($paragraph, "\n"),+),
                $($row)+
            },
        )+];

        impl FaultName {
            /// The fault with its parameters.
            pub fn with(self, given: Given) -> FaultKind {
                match self {
                    $(Self::$kind => FaultKind::$kind $({ $($field: Parameter::of(given.$field)),+ })?,)+
                }
            }
        }

        impl FaultKind {
            /// Leaves out the parameters.
            pub fn without(&self) -> FaultName {
                match self {
                    $(Self::$kind { .. } => FaultName::$kind,)+
                }
            }
        }
    };
}

pub(super) use faults;
