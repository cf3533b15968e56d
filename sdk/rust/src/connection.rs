//! Handles of the library, closed with the last that uses them.

use crate::native::{library, Library};

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident: $close:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub(crate) struct $name {
                pub(crate) handle: u64,
            }

            impl Drop for $name {
                fn drop(&mut self) {
                    close(self.handle, |library| library.$close);
                }
            }
        )*
    };
}

handles! {
    /// A connection to a sandbox. One that is owned stops.
    Connection: sandbox_release;
    /// A command that runs. It ends.
    Command: exec_close;
    /// A file that is read or written piece by piece.
    FileStream: fs_stream_close;
    /// A log that is read entry by entry.
    LogReader: log_stream_close;
    /// Clients of SSH that are served. Their connections end.
    ServedSsh: ssh_server_close;
    /// Metrics that are read sample by sample.
    MetricsReader: metrics_stream_close;
    /// Reports of a pull.
    ProgressQueue: progress_free;
}

impl ServedSsh {
    /// Before it is dropped; calls that serve hold it.
    pub(crate) fn close(&self) {
        close(self.handle, |library| library.ssh_server_close);
    }
}

fn close(handle: u64, function: fn(&Library) -> unsafe extern "C" fn(u64)) {
    if let Ok(library) = library() {
        // SAFETY: any number is fine.
        unsafe { function(library)(handle) };
    }
}
