//! Changes to the files of a new sandbox.

use crate::options::{push, CreateOptions, PatchOptions};

/// Changes to the image's files, in their order: [`crate::SandboxBuilder::patch`]. Paths of the guest are
/// absolute. `mode`: permissions; without it 0644, of directories 0755, and of copies their own. `replace`:
/// what is there already is replaced; otherwise that is [`crate::Error::PatchFailed`].
#[derive(Debug, Clone)]
pub struct PatchBuilder {
    pub(crate) options: CreateOptions,
}

impl PatchBuilder {
    /// A file with this content.
    pub fn text(self, path: impl Into<String>, content: impl Into<String>, mode: Option<u32>, replace: bool) -> Self {
        self.add("text", |patch| {
            patch.path = Some(path.into());
            patch.content = Some(content.into());
            patch.mode = mode;
            patch.replace = Some(replace);
        })
    }

    /// A file with these bytes.
    pub fn file(self, path: impl Into<String>, content: impl AsRef<[u8]>, mode: Option<u32>, replace: bool) -> Self {
        self.add("file", |patch| {
            patch.path = Some(path.into());
            patch.content_base64 = Some(base64(content.as_ref()));
            patch.mode = mode;
            patch.replace = Some(replace);
        })
    }

    /// Content at the end of a file that there is.
    pub fn append(self, path: impl Into<String>, content: impl Into<String>) -> Self {
        self.add("append", |patch| {
            patch.path = Some(path.into());
            patch.content = Some(content.into());
        })
    }

    /// A directory, with those above it. One that there is stays as it is.
    pub fn mkdir(self, path: impl Into<String>, mode: Option<u32>) -> Self {
        self.add("mkdir", |patch| {
            patch.path = Some(path.into());
            patch.mode = mode;
        })
    }

    /// Takes away what is there, if anything is.
    pub fn remove(self, path: impl Into<String>) -> Self {
        self.add("remove", |patch| patch.path = Some(path.into()))
    }

    /// A symbolic link that leads to `target`.
    pub fn symlink(self, target: impl Into<String>, link: impl Into<String>, replace: bool) -> Self {
        self.add("symlink", |patch| {
            patch.target = Some(target.into());
            patch.link = Some(link.into());
            patch.replace = Some(replace);
        })
    }

    /// A file of the host; a relative `src` is below the working directory.
    pub fn copy_file(self, src: impl Into<String>, dst: impl Into<String>, mode: Option<u32>, replace: bool) -> Self {
        self.add("copy_file", |patch| {
            patch.src = Some(src.into());
            patch.dst = Some(dst.into());
            patch.mode = mode;
            patch.replace = Some(replace);
        })
    }

    /// A directory of the host with everything below; a relative `src` is below the working directory.
    pub fn copy_dir(self, src: impl Into<String>, dst: impl Into<String>, replace: bool) -> Self {
        self.add("copy_dir", |patch| {
            patch.src = Some(src.into());
            patch.dst = Some(dst.into());
            patch.replace = Some(replace);
        })
    }

    fn add(mut self, kind: &str, fill: impl FnOnce(&mut PatchOptions)) -> Self {
        let mut patch = PatchOptions { kind: Some(kind.to_owned()), ..PatchOptions::default() };
        fill(&mut patch);
        push(&mut self.options.patches, patch);
        self
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().enumerate().fold(0, |bits, (i, byte)| bits | u32::from(*byte) << (16 - 8 * i));
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i)) as usize & 63];
            text.push(if i <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_as_of_rfc_4648() {
        let cases = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (bytes, text) in cases {
            assert_eq!(super::base64(bytes.as_bytes()), text);
        }
        assert_eq!(super::base64(&[0xff, 0xfb, 0x00]), "//sA");
    }
}
