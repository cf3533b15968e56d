//! Options of the library's functions, as their table has them.

use crate::choices::*;
use crate::json::{Spelled, Switch, ToJson, Value};
use crate::tables::option_table;
use std::collections::BTreeMap;

macro_rules! options {
    ($($table:ident { $($member:ident: $type:ty,)* })*) => {
        $(
            #[derive(Debug, Clone, Default)]
            pub(crate) struct $table {
                $(pub(crate) $member: Option<$type>,)*
            }

            impl ToJson for $table {
                /// What was given.
                fn to_json(&self) -> Value {
                    let mut object = serde_json::Map::new();
                    $(if let Some(value) = &self.$member {
                        object.insert(stringify!($member).into(), value.to_json());
                    })*
                    Value::Object(object)
                }
            }
        )*
    };
}
option_table!(options);

/// Texts of a caller's own kind.
pub(crate) fn list<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Vec<String> {
    words.into_iter().map(Into::into).collect()
}

/// Adds to an option that is a list.
pub(crate) fn push<T>(list: &mut Option<Vec<T>>, item: T) {
    list.get_or_insert_with(Vec::new).push(item);
}

/// Sets a member of an option that is a map.
pub(crate) fn insert<T>(map: &mut Option<BTreeMap<String, T>>, key: &str, value: T) {
    map.get_or_insert_with(BTreeMap::new).insert(key.to_owned(), value);
}

pub(crate) fn rlimit(resource: &str, soft: u64, hard: u64) -> RlimitOptions {
    RlimitOptions { resource: Some(resource.to_owned()), soft: Some(soft), hard: Some(hard) }
}
