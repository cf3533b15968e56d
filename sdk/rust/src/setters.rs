//! Methods that several builders have, whose options are in `self.options`.

/// One argument and several.
macro_rules! arguments {
    () => {
        /// One more argument.
        pub fn arg(mut self, word: impl Into<String>) -> Self {
            crate::options::push(&mut self.options.args, word.into());
            self
        }

        /// More arguments.
        pub fn args<W: Into<String>>(self, words: impl IntoIterator<Item = W>) -> Self {
            words.into_iter().fold(self, Self::arg)
        }
    };
}
pub(crate) use arguments;

/// One member of an option that is a map, and several.
macro_rules! members {
    ($option:ident: $what:literal $one:ident, $whats:literal $several:ident) => {
        #[doc = $what]
        pub fn $one(mut self, key: impl AsRef<str>, value: impl Into<String>) -> Self {
            crate::options::insert(&mut self.options.$option, key.as_ref(), value.into());
            self
        }

        #[doc = $whats]
        pub fn $several<K: AsRef<str>, V: Into<String>>(self, all: impl IntoIterator<Item = (K, V)>) -> Self {
            all.into_iter().fold(self, |builder, (key, value)| builder.$one(key, value))
        }
    };
}
pub(crate) use members;

/// Limits of commands.
macro_rules! limits {
    () => {
        /// One more limit of commands, by its name: "nofile", "cpu", ... It is soft and hard limit.
        pub fn rlimit(self, resource: &str, limit: u64) -> Self {
            self.rlimit_range(resource, limit, limit)
        }

        /// One more limit of commands, by its name: "nofile", "cpu", ... `hard` is how far it may be raised.
        pub fn rlimit_range(mut self, resource: &str, soft: u64, hard: u64) -> Self {
            crate::options::push(&mut self.options.rlimits, crate::options::rlimit(resource, soft, hard));
            self
        }
    };
}
pub(crate) use limits;
