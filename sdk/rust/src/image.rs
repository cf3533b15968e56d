//! The images that this MSB_HOME has.

use crate::call::{invoke, invoke_json, Argument, Call};
use crate::choices::PullPolicy;
use crate::error::{Error, Result};
use crate::json::{Read, ToJson, Value};
use crate::native::Library;
use crate::options::{list, LoadOptions, PullOptions, RemoveOptions};
use std::collections::BTreeMap;
use std::os::raw::c_char;
use std::path::Path;

/// The images that this MSB_HOME has.
pub struct Image;

/// An image that this MSB_HOME has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageHandle {
    /// Its name: "docker.io/library/debian:12".
    pub reference: String,
    /// The digest of its manifest: "sha256:...".
    pub digest: String,
    /// The processor it is for, as OCI names it: "amd64".
    pub architecture: String,
    /// The operating system it is for: "linux".
    pub os: String,
    /// How many layers it has.
    pub layer_count: u32,
    /// Its size in bytes as it is transported, compressed.
    pub size_bytes: u64,
    /// When it came into the cache, as RFC 3339 has it.
    pub created_at: String,
}

/// What an image says of its commands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageConfig {
    /// The digest of the configuration: "sha256:...".
    pub digest: String,
    /// The environment of commands: "KEY=VALUE".
    pub env: Vec<String>,
    /// The words behind the entrypoint.
    pub cmd: Vec<String>,
    /// The words of the command that the image runs.
    pub entrypoint: Vec<String>,
    /// The directory in which commands start.
    pub working_dir: String,
    /// The user of commands: a name or number, with ":group" or not.
    pub user: String,
    /// The image's labels.
    pub labels: BTreeMap<String, String>,
    /// The signal that asks the image's command to end; may be empty.
    pub stop_signal: String,
}

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageLayer {
    /// The digest of the layer, not compressed: "sha256:...".
    pub diff_id: String,
    /// The digest of the layer as it is transported: "sha256:...".
    pub blob_digest: String,
    /// What it is, as the manifest says.
    pub media_type: String,
    /// Its size in bytes as it is transported.
    pub compressed_size_bytes: u64,
    /// The bytes it takes in the cache.
    pub erofs_size_bytes: u64,
    /// Its place among the image's layers, from 0, the lowest first.
    pub position: u32,
}

/// An image with what it says and consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageDetail {
    /// The image.
    pub handle: ImageHandle,
    /// What it says of its commands.
    pub config: ImageConfig,
    /// What it consists of, the lowest layer first.
    pub layers: Vec<ImageLayer>,
}

impl ImageHandle {
    fn of(image: &Value) -> ImageHandle {
        ImageHandle {
            reference: image.text("reference"),
            digest: image.text("digest"),
            architecture: image.text("architecture"),
            os: image.text("os"),
            layer_count: image.number("layer_count").unwrap_or(0),
            size_bytes: image.number("size_bytes").unwrap_or(0),
            created_at: image.text("created_at"),
        }
    }
}

impl ImageDetail {
    fn of(image: &Value) -> ImageDetail {
        let config = &image["config"];
        ImageDetail {
            handle: ImageHandle::of(image),
            config: ImageConfig {
                digest: config.text("digest"),
                env: config.texts("env"),
                cmd: config.texts("cmd"),
                entrypoint: config.texts("entrypoint"),
                working_dir: config.text("working_dir"),
                user: config.text("user"),
                labels: config["labels"].text_map(),
                stop_signal: config.text("stop_signal"),
            },
            layers: image["layers"].items().iter().map(ImageLayer::of).collect(),
        }
    }
}

impl ImageLayer {
    fn of(layer: &Value) -> ImageLayer {
        ImageLayer {
            diff_id: layer.text("diff_id"),
            blob_digest: layer.text("blob_digest"),
            media_type: layer.text("media_type"),
            compressed_size_bytes: layer.number("compressed_size_bytes").unwrap_or(0),
            erofs_size_bytes: layer.number("erofs_size_bytes").unwrap_or(0),
            position: layer.number("position").unwrap_or(0),
        }
    }
}

type Source = unsafe extern "C" fn(u64, u64, *const c_char, *const c_char, *mut *mut c_char) -> *mut c_char;

/// A call that brings images here.
fn bring<T: Send + 'static>(
    what: String,
    options: impl ToJson + Send + 'static,
    function: fn(&Library) -> Source,
    read: fn(&Value) -> T,
) -> Call<T> {
    Call::new(move |cancel| {
        let (what, options) = (Argument::text("source", &what)?, Argument::options(&options)?);
        // SAFETY: the pointers are valid during the call.
        let answer = invoke_json(|library, result| unsafe {
            function(library)(cancel, 0, what.pointer(), options.pointer(), result)
        })?;
        Ok(read(&answer))
    })
}

impl Image {
    /// All images in the cache, newest first.
    pub fn list() -> Call<Vec<ImageHandle>> {
        Call::short(|| {
            // SAFETY: the pointer is valid during the call.
            let images = invoke_json(|library, result| unsafe { (library.image_list)(result) })?;
            Ok(images.items().iter().map(ImageHandle::of).collect())
        })
    }

    /// An image, with what it says and consists of. [`Error::ImageNotFound`] if it is not here.
    pub fn inspect(reference: &str) -> Call<ImageDetail> {
        let reference = reference.to_owned();
        Call::short(move || {
            let reference = Argument::text("reference", &reference)?;
            // SAFETY: the pointers are valid during the call.
            let image: Result<Value> =
                invoke_json(|library, result| unsafe { (library.image_inspect)(reference.pointer(), result) });
            Ok(ImageDetail::of(&image?))
        })
    }

    /// An image. [`Error::ImageNotFound`] if it is not here.
    pub async fn get(reference: &str) -> Result<ImageHandle> {
        Ok(Image::inspect(reference).await?.handle)
    }

    /// Fetches an image from its registry. Fails with [`Error::ImageNotFound`] or [`Error::ImagePullFailed`].
    pub fn pull(reference: &str, policy: PullPolicy) -> Call<ImageHandle> {
        let options = PullOptions { pull_policy: Some(policy), ..PullOptions::default() };
        bring(reference.to_owned(), options, |library| library.image_pull, ImageHandle::of)
    }

    /// Takes images from a docker-archive or OCI-layout tar on the host; tags are more names of the first.
    pub fn load<W: Into<String>>(path: impl AsRef<Path>, tags: impl IntoIterator<Item = W>) -> Call<Vec<ImageHandle>> {
        let options = LoadOptions { tags: Some(list(tags)) };
        match path.as_ref().to_str() {
            Some(path) => bring(
                path.to_owned(),
                options,
                |library| library.image_load,
                |images| images.items().iter().map(ImageHandle::of).collect(),
            ),
            None => Call::short(|| Err(Error::invalid_argument("the path is not UTF-8"))),
        }
    }

    /// Deletes an image. [`Error::ImageInUse`] if a sandbox was made from it, unless it is forced.
    pub fn remove(reference: &str, force: bool) -> Call<()> {
        let reference = reference.to_owned();
        Call::short(move || {
            let options = RemoveOptions { force: Some(force) };
            let (reference, options) = (Argument::text("reference", &reference)?, Argument::options(&options)?);
            // SAFETY: the pointers are valid during the call.
            invoke(|library| unsafe { (library.image_remove)(reference.pointer(), options.pointer()) })
        })
    }

    /// Deletes what neither a reference nor a sandbox needs; the result is how many bytes that were.
    pub fn prune() -> Call<u64> {
        Call::short(|| {
            // SAFETY: the pointer is valid during the call.
            let pruned = invoke_json(|library, result| unsafe { (library.image_prune)(result) })?;
            Ok(pruned.number("bytes_reclaimed").unwrap_or(0))
        })
    }
}
