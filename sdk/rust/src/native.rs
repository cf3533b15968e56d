//! The functions of libmicrosandbox.so, found by dlopen and dlsym when they are used first.

use crate::error::{Detail, Error, Result};
use crate::tables::{function_table, ABI_VERSION};
use std::ffi::{CStr, CString};
use std::os::raw::{c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

const LIBRARY_NAME: &str = "libmicrosandbox.so";
const RTLD_NOW: c_int = 2;

#[link(name = "dl")]
extern "C" {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, symbol: *const c_char) -> *mut c_void;
    fn dlclose(library: *mut c_void) -> c_int;
    fn dlerror() -> *const c_char;
}

type Str = *const c_char;
type Out<T> = *mut T;
/// NULL, or an error to be released.
type Failure = *mut c_char;

macro_rules! functions {
    ($($name:ident($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// Each member is `msb_` and its name. What this crate does not call is there too: a library without
        /// it is none that fits.
        #[allow(dead_code)]
        pub(crate) struct Library {
            $(pub(crate) $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Library {
            unsafe fn resolve(library: *mut c_void) -> std::result::Result<Library, &'static str> {
                Ok(Library {
                    $($name: {
                        let symbol = concat!("msb_", stringify!($name), "\0");
                        let pointer = dlsym(library, symbol.as_ptr().cast());
                        if pointer.is_null() {
                            return Err(concat!("msb_", stringify!($name)));
                        }
                        std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) $(-> $result)?>(pointer)
                    },)*
                })
            }
        }
    };
}

function_table!(functions);

static LOADED: Mutex<Option<&'static Library>> = Mutex::new(None);

/// The library. A failure is not remembered: the next call tries again.
pub(crate) fn library() -> Result<&'static Library> {
    let mut loaded = LOADED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(library) = *loaded {
        return Ok(library);
    }
    let mut problems = Vec::new();
    for path in candidates() {
        match load(&path) {
            Ok(library) => {
                let library: &'static Library = Box::leak(Box::new(library));
                *loaded = Some(library);
                return Ok(library);
            }
            Err(problem) => problems.push(problem),
        }
    }
    Err(Error::LibraryNotLoaded(Detail {
        message: format!("cannot load {LIBRARY_NAME}: {}", problems.join("; ")),
        hint: Some("install microsandbox, or set MICROSANDBOX_LIBRARY to the library's path".into()),
        ..Detail::default()
    }))
}

fn load(path: &Path) -> std::result::Result<Library, String> {
    let name = CString::new(path.as_os_str().as_bytes()).map_err(|_| "a path with a NUL byte")?;
    // SAFETY: the strings end in NUL; a function is only called when its library is of our version.
    unsafe {
        let handle = dlopen(name.as_ptr(), RTLD_NOW);
        if handle.is_null() {
            return Err(CStr::from_ptr(dlerror()).to_string_lossy().into_owned());
        }
        let version = dlsym(handle, b"msb_abi_version\0".as_ptr().cast());
        let problem = if version.is_null() {
            "it has no function msb_abi_version".to_owned()
        } else {
            let version = std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> u32>(version)();
            match Library::resolve(handle) {
                _ if version != ABI_VERSION => format!("its interface is version {version}, not {ABI_VERSION}"),
                Ok(library) => return Ok(library),
                Err(missing) => format!("it has no function {missing}"),
            }
        };
        dlclose(handle);
        Err(format!("{}: {problem}", path.display()))
    }
}

/// Where the library may be, best first. One that was named is the only one.
fn candidates() -> Vec<PathBuf> {
    if let Some(path) = std::env::var_os("MICROSANDBOX_LIBRARY").filter(|path| !path.is_empty()) {
        return vec![path.into()];
    }
    let named = std::env::var_os("MSB_PATH").filter(|path| !path.is_empty()).map(PathBuf::from);
    let msb = named.or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|directory| directory.join("msb")).find(|path| path.is_file())
    });
    let beside_msb = msb
        .and_then(|path| path.canonicalize().ok())
        .and_then(|path| Some(path.parent()?.parent()?.join("lib").join(LIBRARY_NAME)));
    let build_tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../build/lib").join(LIBRARY_NAME);
    let mut candidates: Vec<PathBuf> =
        beside_msb.into_iter().chain([build_tree]).filter(|path| path.exists()).collect();
    candidates.push(format!("{LIBRARY_NAME}.1").into());
    candidates
}

/// Text of the library.
pub(crate) struct Text(pub(crate) *mut c_char);

impl Text {
    pub(crate) const NONE: Text = Text(std::ptr::null_mut());

    pub(crate) fn get(&self) -> Option<String> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY: the library's text ends in NUL and is ours until it is released.
        Some(unsafe { CStr::from_ptr(self.0) }.to_string_lossy().into_owned())
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        if let (false, Ok(library)) = (self.0.is_null(), library()) {
            // SAFETY: it is the library's and used by nobody else.
            unsafe { (library.free_string)(self.0) };
        }
    }
}

/// Bytes of the library.
pub(crate) struct Bytes {
    pub(crate) data: *mut u8,
    pub(crate) size: usize,
}

impl Bytes {
    pub(crate) const NONE: Bytes = Bytes { data: std::ptr::null_mut(), size: 0 };

    pub(crate) fn get(&self) -> Vec<u8> {
        if self.data.is_null() {
            return Vec::new();
        }
        // SAFETY: the library gave that many bytes.
        unsafe { std::slice::from_raw_parts(self.data, self.size) }.to_vec()
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        if let (false, Ok(library)) = (self.data.is_null(), library()) {
            // SAFETY: they are the library's and used by nobody else.
            unsafe { (library.free_bytes)(self.data) };
        }
    }
}
