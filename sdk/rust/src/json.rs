//! JSON of the library: reading members, and writing options.

use std::collections::BTreeMap;

use serde_json::de::from_str;
pub(crate) use serde_json::Value;

pub(crate) fn parse(text: &str) -> Option<Value> {
    from_str(text).ok()
}

/// Members of an object, leniently: one that is missing or of another type is nothing. The library may
/// be newer or older than this crate.
pub(crate) trait Read {
    fn optional_text(&self, key: &str) -> Option<String>;
    fn number<T: Number>(&self, key: &str) -> Option<T>;
    fn flag(&self, key: &str) -> bool;
    fn texts(&self, key: &str) -> Vec<String>;
    fn items(&self) -> &[Value];
    /// An object of text.
    fn text_map(&self) -> BTreeMap<String, String>;

    fn text(&self, key: &str) -> String {
        self.optional_text(key).unwrap_or_default()
    }
}

impl Read for Value {
    fn optional_text(&self, key: &str) -> Option<String> {
        self[key].as_str().map(str::to_owned)
    }

    fn number<T: Number>(&self, key: &str) -> Option<T> {
        T::of(&self[key])
    }

    fn flag(&self, key: &str) -> bool {
        self[key].as_bool().unwrap_or(false)
    }

    fn texts(&self, key: &str) -> Vec<String> {
        self[key].items().iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }

    fn items(&self) -> &[Value] {
        self.as_array().map_or(&[], Vec::as_slice)
    }

    fn text_map(&self) -> BTreeMap<String, String> {
        let members = self.as_object().into_iter().flatten();
        members.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
    }
}

/// What a JSON number can be read as, if it is in range.
pub(crate) trait Number: Sized {
    fn of(value: &Value) -> Option<Self>;
}

macro_rules! numbers {
    ($($type:ty: $read:ident,)*) => {
        $(impl Number for $type {
            fn of(value: &Value) -> Option<$type> {
                value.$read()?.try_into().ok()
            }
        })*
    };
}
numbers! { i32: as_i64, u16: as_u64, u32: as_u64, u64: as_u64, usize: as_u64, }

impl Number for f64 {
    fn of(value: &Value) -> Option<f64> {
        value.as_f64()
    }
}

/// What an option can be.
pub(crate) trait ToJson {
    fn to_json(&self) -> Value;
}

macro_rules! plain {
    ($($type:ty)*) => {
        $(impl ToJson for $type {
            fn to_json(&self) -> Value {
                Value::from(self.clone())
            }
        })*
    };
}
plain! { String bool u16 u32 u64 }

impl<T: ToJson> ToJson for Vec<T> {
    fn to_json(&self) -> Value {
        self.iter().map(T::to_json).collect()
    }
}

impl<T: ToJson> ToJson for BTreeMap<String, T> {
    fn to_json(&self) -> Value {
        Value::Object(self.iter().map(|(key, value)| (key.clone(), value.to_json())).collect())
    }
}

/// An option that is an object, or text for one.
#[derive(Debug, Clone)]
pub(crate) enum Spelled<T> {
    Text(String),
    Object(T),
}

impl<T: ToJson> ToJson for Spelled<T> {
    fn to_json(&self) -> Value {
        match self {
            Spelled::Text(text) => text.to_json(),
            Spelled::Object(value) => value.to_json(),
        }
    }
}

/// An option that can also be `false`.
#[derive(Debug, Clone)]
pub(crate) enum Switch<T> {
    Off,
    On(T),
}

impl<T: ToJson> ToJson for Switch<T> {
    fn to_json(&self) -> Value {
        match self {
            Switch::Off => Value::Bool(false),
            Switch::On(value) => value.to_json(),
        }
    }
}
