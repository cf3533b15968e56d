use crate::json::{self, Read, Value};
use crate::tables::{error_table, exec_failure_table};
use std::fmt;
use std::time::Duration;

/// What the functions of this crate return.
pub type MicrosandboxResult<T> = std::result::Result<T, Error>;
pub(crate) type Result<T> = MicrosandboxResult<T>;

/// What is known of a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detail {
    /// What went wrong, in a sentence for people.
    pub message: String,
    /// What to do about it, if anything is known.
    pub hint: Option<String>,
    /// The name of the sandbox, or the reference of the image, that it is about.
    pub name: Option<String>,
    /// The errno of the system call that failed, in the guest or on the host.
    pub errno: Option<i32>,
}

macro_rules! exec_failures {
    ($($(#[$doc:meta])* $word:literal $variant:ident,)*) => {
        /// Why a command could not start.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum ExecFailureKind {
            $($(#[$doc])* $variant,)*
        }

        impl ExecFailureKind {
            pub(crate) fn parse(word: &str) -> ExecFailureKind {
                match word {
                    $($word => ExecFailureKind::$variant,)*
                    _ => ExecFailureKind::Other,
                }
            }

            /// The library's word for it: "not_found".
            pub fn as_str(self) -> &'static str {
                match self {
                    $(ExecFailureKind::$variant => $word,)*
                }
            }
        }
    };
}
exec_failure_table!(exec_failures);

macro_rules! errors {
    ($($(#[$doc:meta])* $kind:literal $variant:ident,)*) => {
        /// What a call of this crate fails with. Each variant is a kind that a program can branch on.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Error {
            /// The sandbox did not start.
            BootStart {
                /// The sandbox's name.
                name: String,
                /// What failed: "mount", "build_vm", "config", "network", "image" or "other".
                stage: String,
                /// The errno of the system call that failed.
                errno: Option<i32>,
                /// What went wrong, in a sentence for people.
                message: String,
                /// What to do about it, if anything is known.
                hint: Option<String>,
            },
            /// The command could not start. (One that ran and ended in failure is a result.)
            ExecFailed {
                /// Why.
                kind: ExecFailureKind,
                /// The errno of the system call that failed in the guest.
                errno: Option<i32>,
                /// The errno's name: "ENOENT".
                errno_name: Option<String>,
                /// Which step of starting it failed.
                stage: Option<String>,
                /// What went wrong, in a sentence for people.
                message: String,
            },
            /// The command ran longer than it was given, and was killed with all it had started.
            ExecTimeout {
                /// The time that it was given.
                timeout: Option<Duration>,
                /// What went wrong, in a sentence for people.
                message: String,
            },
            /// Log entries were lost before they were read; the next call goes on behind them.
            MissedRotation {
                /// Where the log goes on.
                cursor: Option<String>,
                /// What went wrong, in a sentence for people.
                message: String,
            },
            $($(#[$doc])* $variant(Detail),)*
        }

        impl Error {
            /// The library's name of the kind: "sandbox_not_found".
            pub fn kind(&self) -> &'static str {
                match self {
                    Error::BootStart { .. } => "boot_start",
                    Error::ExecFailed { .. } => "exec_failed",
                    Error::ExecTimeout { .. } => "exec_timeout",
                    Error::MissedRotation { .. } => "missed_rotation",
                    $(Error::$variant(_) => $kind,)*
                }
            }

            fn detail(&self) -> Option<&Detail> {
                match self {
                    $(Error::$variant(detail) => Some(detail),)*
                    _ => None,
                }
            }

            fn simple(kind: &str, detail: Detail) -> Error {
                match kind {
                    $($kind => Error::$variant(detail),)*
                    _ => Error::Internal(detail),
                }
            }
        }
    };
}

error_table!(errors);

impl Error {
    /// What went wrong, in a sentence for people.
    pub fn message(&self) -> &str {
        match self {
            Error::BootStart { message, .. }
            | Error::ExecFailed { message, .. }
            | Error::ExecTimeout { message, .. }
            | Error::MissedRotation { message, .. } => message,
            other => other.detail().map_or("", |detail| &detail.message),
        }
    }

    /// What to do about it, if anything is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Error::BootStart { hint, .. } => hint.as_deref(),
            other => other.detail().and_then(|detail| detail.hint.as_deref()),
        }
    }

    pub(crate) fn invalid_argument(message: impl Into<String>) -> Error {
        Error::InvalidArgument(Detail { message: message.into(), ..Detail::default() })
    }

    pub(crate) fn internal(message: impl Into<String>) -> Error {
        Error::Internal(Detail { message: message.into(), ..Detail::default() })
    }

    pub(crate) fn exec_failed(value: &Value) -> Error {
        Error::ExecFailed {
            kind: ExecFailureKind::parse(&value.text("exec_kind")),
            errno: value.number("errno"),
            errno_name: value.optional_text("errno_name"),
            stage: value.optional_text("stage"),
            message: value.text("message"),
        }
    }

    /// An error as the library writes them.
    pub(crate) fn parse(text: &str) -> Error {
        let value = match json::parse(text) {
            Some(value) => value,
            None => return Error::internal(text),
        };
        let message = value.text("message");
        match value.text("kind").as_str() {
            "boot_start" => Error::BootStart {
                name: value.text("name"),
                stage: value.text("stage"),
                errno: value.number("errno"),
                message,
                hint: value.optional_text("hint"),
            },
            "exec_failed" => Error::exec_failed(&value),
            "exec_timeout" => {
                Error::ExecTimeout { timeout: value.number("timeout_ms").map(Duration::from_millis), message }
            }
            "missed_rotation" => Error::MissedRotation { cursor: value.optional_text("cursor"), message },
            kind => Error::simple(
                kind,
                Detail {
                    message,
                    hint: value.optional_text("hint"),
                    name: value.optional_text("name"),
                    errno: value.number("errno"),
                },
            ),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.kind(), self.message())?;
        match self.hint() {
            Some(hint) => write!(out, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
