//! JSON as the library reads and writes it.

use std::fmt::Write;
use std::str::FromStr;

/// How deep values may be nested; the library's are a few levels.
const DEEPEST: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// As it is written: whole numbers of 64 bits keep their value.
    Number(String),
    Text(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

impl Value {
    pub(crate) fn parse(text: &str) -> Option<Value> {
        let mut parser = Parser { text, at: 0 };
        let value = parser.value(0)?;
        parser.skip_space();
        (parser.at == text.len()).then_some(value)
    }

    /// A member of an object; null if there is none.
    pub(crate) fn get(&self, key: &str) -> &Value {
        match self {
            Value::Object(members) => {
                members.iter().find(|(name, _)| name == key).map_or(&Value::Null, |(_, value)| value)
            }
            _ => &Value::Null,
        }
    }

    pub(crate) fn items(&self) -> &[Value] {
        match self {
            Value::Array(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn optional_text(&self, key: &str) -> Option<String> {
        self.get(key).as_text().map(str::to_owned)
    }

    pub(crate) fn text(&self, key: &str) -> String {
        self.optional_text(key).unwrap_or_default()
    }

    pub(crate) fn texts(&self, key: &str) -> Vec<String> {
        self.get(key).items().iter().filter_map(|item| item.as_text().map(str::to_owned)).collect()
    }

    pub(crate) fn number<T: FromStr>(&self, key: &str) -> Option<T> {
        match self.get(key) {
            Value::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        self.get(key) == &Value::Bool(true)
    }

    /// Sets a member of an object.
    pub(crate) fn set(&mut self, key: &str, value: impl Into<Value>) {
        *self.entry(key) = value.into();
    }

    /// A member of an object, which becomes null if it was not there.
    pub(crate) fn entry(&mut self, key: &str) -> &mut Value {
        if !matches!(self, Value::Object(_)) {
            *self = Value::object();
        }
        let members = match self {
            Value::Object(members) => members,
            _ => unreachable!("it is an object now"),
        };
        let index = members.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
            members.push((key.to_owned(), Value::Null));
            members.len() - 1
        });
        &mut members[index].1
    }

    /// Adds to an array, which null becomes.
    pub(crate) fn push(&mut self, value: impl Into<Value>) {
        match self {
            Value::Array(items) => items.push(value.into()),
            _ => *self = Value::Array(vec![value.into()]),
        }
    }

    pub(crate) fn object() -> Value {
        Value::Object(Vec::new())
    }

    fn write(&self, out: &mut String) {
        match self {
            Value::Null => out.push_str("null"),
            Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Value::Number(digits) => out.push_str(digits),
            Value::Text(text) => write_text(text, out),
            Value::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    item.write(out);
                }
                out.push(']');
            }
            Value::Object(members) => {
                out.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    write_text(name, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        self.write(&mut text);
        out.write_str(&text)
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(value.to_owned())
    }
}

impl From<Vec<Value>> for Value {
    fn from(value: Vec<Value>) -> Value {
        Value::Array(value)
    }
}

macro_rules! from_numbers {
    ($($number:ty)*) => {
        $(impl From<$number> for Value {
            fn from(value: $number) -> Value {
                Value::Number(value.to_string())
            }
        })*
    };
}
from_numbers! { u16 u32 u64 }

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Whether the next that is no space is this; then it is behind us.
    fn eat(&mut self, token: &str) -> bool {
        self.skip_space();
        let found = self.text[self.at..].starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEEPEST {
            return None;
        }
        self.skip_space();
        match self.peek()? {
            b'{' => self.members(depth),
            b'[' => self.array(depth),
            b'"' => self.string().map(Value::Text),
            b't' => self.eat("true").then_some(Value::Bool(true)),
            b'f' => self.eat("false").then_some(Value::Bool(false)),
            b'n' => self.eat("null").then_some(Value::Null),
            _ => self.digits(),
        }
    }

    fn digits(&mut self) -> Option<Value> {
        let begin = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')) {
            self.at += 1;
        }
        let digits = &self.text[begin..self.at];
        digits.parse::<f64>().ok()?;
        Some(Value::Number(digits.to_owned()))
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        self.eat("[");
        let mut items = Vec::new();
        if self.eat("]") {
            return Some(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if !self.eat(",") {
                return self.eat("]").then_some(Value::Array(items));
            }
        }
    }

    fn members(&mut self, depth: usize) -> Option<Value> {
        self.eat("{");
        let mut members = Vec::new();
        if self.eat("}") {
            return Some(Value::Object(members));
        }
        loop {
            self.skip_space();
            let name = self.string()?;
            if !self.eat(":") {
                return None;
            }
            members.push((name, self.value(depth + 1)?));
            if !self.eat(",") {
                return self.eat("}").then_some(Value::Object(members));
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        if self.peek()? != b'"' {
            return None;
        }
        self.at += 1;
        let mut result = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(|c| c == '"' || c == '\\' || c < ' ')?;
            result.push_str(&rest[..plain]);
            self.at += plain + 1;
            match rest.as_bytes()[plain] {
                b'"' => return Some(result),
                b'\\' => result.push(self.escaped()?),
                _ => return None,
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += 1;
        Some(match letter {
            b'"' | b'\\' | b'/' => letter as char,
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = self.hex()?;
                if !(0xd800..0xdc00).contains(&high) {
                    return char::from_u32(high);
                }
                if !self.text[self.at..].starts_with("\\u") {
                    return None;
                }
                self.at += 2;
                let low = self.hex().filter(|low| (0xdc00..0xe000).contains(low))?;
                return char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
            }
            _ => return None,
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut value = Value::object();
        value.set("text", "a \"b\" \\ \n \u{1} \u{1f600} é");
        value.set("number", u64::MAX);
        value.set("flag", true);
        value.entry("list").push("x");
        value.entry("list").push(vec![Value::Null]);
        value.entry("map").set("k", 1u16);
        value.set("flag", false);
        assert_eq!(Value::parse(&value.to_string()), Some(value.clone()));
        assert_eq!(value.number::<u64>("number"), Some(u64::MAX));
        assert_eq!(value.get("map").number::<u16>("k"), Some(1));
        assert!(!value.flag("flag"));
    }

    #[test]
    fn all_of_json_is_read() {
        let value =
            Value::parse(" {\"a\" : [ 1 , -2.5e3,true,null , {} , [] ] , \"b\":\"\\u00e9\\ud83d\\ude00\\/\\n\"} ")
                .unwrap();
        assert_eq!(value.get("a").items().len(), 6);
        assert_eq!(value.text("b"), "é\u{1f600}/\n");
        assert_eq!(value.get("a").items()[1], Value::Number("-2.5e3".into()));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let deep = "[".repeat(100_000);
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\"}",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\\u+123\"",
            "\"é",
            "1 2",
            "nul",
            "--",
            "\"\n\"",
            &deep,
        ] {
            assert_eq!(Value::parse(text), None, "{text}");
        }
    }
}
