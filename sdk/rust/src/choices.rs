//! Words of the library's options and answers as enumerations.

use crate::json::{ToJson, Value};
use crate::tables::{choice_table, event_table};

macro_rules! choices {
    ($($(#[$doc:meta])* $openness:ident $name:ident { $($(#[$about:meta])* $word:literal $variant:ident,)* })*) => {
        $(choice! { $openness $(#[$doc])* $name { $($(#[$about])* $word $variant,)* } })*
    };
}

macro_rules! choice {
    // Those that this crate takes as text too.
    (open $(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $word:literal $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$about])* $variant,)*
            /// Another word; the library says whether it knows it.
            Other(String),
        }

        impl $name {
            /// The library's word for it.
            pub fn as_str(&self) -> &str {
                match self {
                    $($name::$variant => $word,)*
                    $name::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> $name {
                match word {
                    $($word => $name::$variant,)*
                    other => $name::Other(other.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> $name {
                $name::from(word.as_str())
            }
        }

        impl From<&String> for $name {
            fn from(word: &String) -> $name {
                $name::from(word.as_str())
            }
        }

        impl ToJson for $name {
            fn to_json(&self) -> Value {
                self.as_str().into()
            }
        }
    };
    (closed $(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $word:literal $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$about])* $variant,)*
        }

        impl $name {
            /// The library's word for it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }
        }

        impl ToJson for $name {
            fn to_json(&self) -> Value {
                self.as_str().into()
            }
        }
    };
}
choice_table!(choices);

macro_rules! events {
    ($($name:ident { $($word:literal $variant:ident,)* })*) => {
        $(
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub(crate) enum $name {
                $($variant,)*
            }

            impl $name {
                pub(crate) fn parse(word: &str) -> Option<$name> {
                    match word {
                        $($word => Some($name::$variant),)*
                        _ => None,
                    }
                }
            }
        )*
    };
}
event_table!(events);
