//! Recognizes files that are not text by their first bytes.

use super::error::ImportError;

/// The byte order mark that editors on Windows put before UTF-8.
pub(super) const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";

/// Refuses everything that cannot be CSV or JSON.
pub(super) fn check_is_text(bytes: &[u8]) -> Result<(), ImportError> {
    const SIGNATURES: [(&[u8], ImportError); 9] = [
        (b"\x89PNG", ImportError::Image),
        (b"\xFF\xD8\xFF", ImportError::Image),
        (b"GIF8", ImportError::Image),
        (b"RIFF", ImportError::Image),
        (b"BM", ImportError::Image),
        (b"%PDF", ImportError::Pdf),
        (b"\xD0\xCF\x11\xE0", ImportError::Hwp),
        (b"\xFF\xFE", ImportError::Utf16),
        (b"\xFE\xFF", ImportError::Utf16),
    ];
    if bytes.is_empty() {
        return Err(ImportError::Empty);
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return Err(zip_type(bytes));
    }
    // A table may start with BM, too; unlike a picture it contains no NUL.
    let has_nul = bytes.contains(&0);
    let found = SIGNATURES
        .into_iter()
        .find(|(signature, _)| bytes.starts_with(signature) && (*signature != b"BM" || has_nul));
    if let Some((_, error)) = found {
        return Err(error);
    }
    if has_nul {
        return Err(ImportError::Binary);
    }
    let text = bytes.strip_prefix(UTF8_BOM).unwrap_or(bytes);
    let text = text.trim_ascii_start();
    let start = text[..text.len().min(9)].to_ascii_lowercase();
    if start.starts_with(b"<!doctype") || start.starts_with(b"<html") {
        return Err(ImportError::WebPage);
    }
    if start.starts_with(b"<") {
        return Err(ImportError::Xml);
    }
    Ok(())
}

/// Workbooks and documents are zip files. The names of the files in them tell which.
fn zip_type(bytes: &[u8]) -> ImportError {
    let contains = |name: &str| {
        bytes
            .windows(name.len())
            .any(|window| window == name.as_bytes())
    };
    let contains_any = |names: &[&str]| names.iter().any(|name| contains(name));
    if contains("application/hwp+zip") {
        ImportError::Hwp
    } else if contains_any(&[
        "word/",
        "ppt/",
        "opendocument.text",
        "opendocument.presentation",
    ]) {
        ImportError::Document
    } else if contains_any(&["[Content_Types].xml", "xl/", "opendocument.spreadsheet"]) {
        ImportError::Spreadsheet
    } else {
        ImportError::Archive
    }
}
