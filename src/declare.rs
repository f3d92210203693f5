//! What is declared of a file: its name and its type, and whether they match what was signed.

use std::ffi::OsStr;

use crate::call::Call;
use crate::content_type;
use crate::error::{Error, ErrorKind};
use crate::presign::Presigned;
use crate::source::{Opened, check_size};

/// A file's name and type, as declared to Linq.
pub(crate) struct Declared {
    pub(crate) filename: String,
    pub(crate) content_type: &'static str,
}

/// Checks the name, and decides the type from the caller's, the bytes and the name.
pub(crate) fn declare(
    content_type: Option<&str>,
    filename: String,
    head: &[u8],
    further: &[u8],
    allow_webp_svg: bool,
) -> Result<Declared, Error> {
    check_name(&filename)?;
    let found = content_type::decide(content_type, &filename, head, further, allow_webp_svg);
    let found = found.map_err(|message| Error::new(ErrorKind::Unsupported, message))?;
    Ok(Declared { filename, content_type: found.name() })
}

/// The size and the type are signed: a source that differs would be refused after all its bytes were sent.
pub(crate) fn check_signed(
    call: &Call,
    presigned: &Presigned,
    body: &mut Opened<'_>,
    filename: &str,
    content_type: Option<&str>,
) -> Result<(), Error> {
    let refuse = |message: String| Err(Error::new(ErrorKind::Unsupported, message));
    let size = body.size();
    check_size(filename, size)?;
    if let Some(signed) = presigned.size_bytes.filter(|signed| *signed != size) {
        return refuse(format!("{filename} has {size} bytes, but the place was reserved for {signed}"));
    }
    // A type that this version does not know is left to the server.
    let known = |signed: &&str| content_type::table::by_name(signed).is_some();
    let Some(signed) = presigned.content_type.as_deref().filter(known) else { return Ok(()) };
    if let Some(declared) = content_type.filter(|declared| !is_same_type(declared, signed)) {
        return refuse(format!(
            "{filename} is declared as {declared}, but the place was reserved for {signed}"
        ));
    }
    let (head, further) = body.peek(|| call.check())?;
    match content_type::decide(Some(signed), filename, &head, &further, true) {
        Ok(_) => Ok(()),
        Err(why) => refuse(format!("the place was reserved for {signed}, but: {why}")),
    }
}

/// The place that replaces an expired one must be for the same size, and for the same name and type if these are known.
pub(crate) fn check_renewed(
    place: &Presigned,
    size: u64,
    filename: Option<&str>,
    content_type: Option<&str>,
) -> Result<(), Error> {
    let refuse = |message: String| Err(Error::new(ErrorKind::Unsupported, message));
    if let Some(signed) = place.size_bytes.filter(|signed| *signed != size) {
        return refuse(format!(
            "the source has {size} bytes, but the renewed place was reserved for {signed}"
        ));
    }
    let types = content_type.zip(place.content_type.as_deref());
    if let Some((known, signed)) = types.filter(|(known, signed)| !is_same_type(known, signed)) {
        return refuse(format!("the source is {known}, but the renewed place was reserved for {signed}"));
    }
    check_signed_name(place, filename)
}

/// Whether `a` is a name of the type `b`.
fn is_same_type(a: &str, b: &str) -> bool {
    let known = || content_type::decide(Some(a), "", &[], &[], true);
    a.eq_ignore_ascii_case(b) || known().is_ok_and(|known| known.name() == b)
}

/// A name that the caller gives must be the one that was signed, where that is known.
pub(crate) fn check_signed_name(presigned: &Presigned, filename: Option<&str>) -> Result<(), Error> {
    let Some(name) = filename else { return Ok(()) };
    check_name(name)?;
    match presigned.filename.as_deref().filter(|signed| *signed != name) {
        Some(signed) => {
            let message = format!("the file name is {name}, but the place was reserved for {signed}");
            Err(Error::new(ErrorKind::Unsupported, message))
        }
        None => Ok(()),
    }
}

/// Whether the API and every file system in between can take the name.
fn check_name(name: &str) -> Result<(), Error> {
    let count = name.chars().count();
    let why = match name {
        _ if !(1..=255).contains(&count) => format!("has {count} characters; Linq takes 1 to 255"),
        _ if name.chars().any(char::is_control) => "holds control characters".to_owned(),
        _ if name.contains(['/', '\\']) => "holds a path separator; give the name alone".to_owned(),
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::Unsupported, format!("the file name {why}")))
}

/// The name to declare: the caller's, else the file's own.
pub(crate) fn named(given: Option<&str>, own: Option<&OsStr>) -> Result<String, Error> {
    let unnamed = |kind, why| Error::new(kind, format!("{why}; set a filename"));
    let name = match (given, own) {
        (Some(name), _) => name,
        (None, Some(name)) => {
            name.to_str().ok_or_else(|| unnamed(ErrorKind::Unsupported, "the file's name is not UTF-8"))?
        }
        (None, None) => {
            return Err(unnamed(ErrorKind::InvalidArgument, "this source has no name of its own"));
        }
    };
    check_name(name)?;
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_linq_could_take() {
        for good in ["a", "photo of us.jpg", "żółw.png", &"ä".repeat(255)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        let bad = [
            ("", "the file name has 0 characters; Linq takes 1 to 255"),
            (&*"ä".repeat(256), "the file name has 256 characters; Linq takes 1 to 255"),
            ("a\nb", "the file name holds control characters"),
            ("a/b", "the file name holds a path separator; give the name alone"),
            ("a\\b", "the file name holds a path separator; give the name alone"),
        ];
        for (name, message) in bad {
            let error = check_name(name).unwrap_err();
            assert_eq!((error.kind, &*error.message), (ErrorKind::Unsupported, message));
        }
    }
}
