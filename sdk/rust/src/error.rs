use crate::json::Value;
use std::fmt;
use std::time::Duration;

/// What the functions of this crate return.
pub type MicrosandboxResult<T> = std::result::Result<T, Error>;
pub(crate) type Result<T> = MicrosandboxResult<T>;

/// What is known of a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detail {
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Of the sandbox or image concerned.
    pub name: Option<String>,
    /// Of the system call that failed.
    pub errno: Option<i32>,
}

/// Why a command could not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExecFailureKind {
    NotFound,
    PermissionDenied,
    NotExecutable,
    BadCwd,
    BadArgs,
    ResourceLimit,
    UserSetupFailed,
    OutOfMemory,
    PtySetupFailed,
    Other,
}

impl ExecFailureKind {
    pub(crate) fn parse(name: &str) -> ExecFailureKind {
        match name {
            "not_found" => ExecFailureKind::NotFound,
            "permission_denied" => ExecFailureKind::PermissionDenied,
            "not_executable" => ExecFailureKind::NotExecutable,
            "bad_cwd" => ExecFailureKind::BadCwd,
            "bad_args" => ExecFailureKind::BadArgs,
            "resource_limit" => ExecFailureKind::ResourceLimit,
            "user_setup_failed" => ExecFailureKind::UserSetupFailed,
            "out_of_memory" => ExecFailureKind::OutOfMemory,
            "pty_setup_failed" => ExecFailureKind::PtySetupFailed,
            _ => ExecFailureKind::Other,
        }
    }
}

macro_rules! errors {
    ($($(#[$doc:meta])* $kind:literal $variant:ident,)*) => {
        /// What a program can branch on.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Error {
            /// The sandbox did not come up.
            BootStart { name: String, stage: String, errno: Option<i32>, message: String, hint: Option<String> },
            /// The command could not start.
            ExecFailed { kind: ExecFailureKind, errno: Option<i32>, errno_name: Option<String>, stage: Option<String>, message: String },
            /// The command ran longer than it was given, and was killed with all it had started.
            ExecTimeout { timeout: Option<Duration>, message: String },
            /// The log lost what follows the cursor; it goes on at this one.
            MissedRotation { cursor: Option<String>, message: String },
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

errors! {
    /// The call itself is wrong.
    "invalid_argument" InvalidArgument,
    /// Closed, or never was.
    "invalid_handle" InvalidHandle,
    /// A sandbox cannot be like that.
    "invalid_config" InvalidConfig,
    "cancelled" Cancelled,
    "timed_out" TimedOut,
    "sandbox_not_found" SandboxNotFound,
    "already_exists" SandboxAlreadyExists,
    "still_running" SandboxStillRunning,
    "not_running" SandboxNotRunning,
    "no_default_command" NoDefaultCommand,
    /// The sandbox ended before the command, or the connection broke.
    "session_lost" SessionLost,
    "image_not_found" ImageNotFound,
    "image_in_use" ImageInUse,
    "image_pull_failed" ImagePullFailed,
    /// In the guest.
    "path_not_found" PathNotFound,
    /// Another failed file operation in the guest.
    "filesystem" Filesystem,
    "invalid_cursor" InvalidCursor,
    "limit_exceeded" LimitExceeded,
    "permission_denied" PermissionDenied,
    "no_space" NoSpace,
    "unsupported" Unsupported,
    "unreachable" Unreachable,
    "protocol" Protocol,
    "corrupt" Corrupt,
    "io" Io,
    "internal" Internal,
    /// There is no libmicrosandbox.so, or one that does not fit.
    "library_not_loaded" LibraryNotLoaded,
}

impl Error {
    pub fn message(&self) -> &str {
        match self {
            Error::BootStart { message, .. }
            | Error::ExecFailed { message, .. }
            | Error::ExecTimeout { message, .. }
            | Error::MissedRotation { message, .. } => message,
            other => other.detail().map_or("", |detail| &detail.message),
        }
    }

    /// What to do about it.
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
        let value = match Value::parse(text) {
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
