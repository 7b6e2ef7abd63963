//! Recognizes files that are not text by their bytes.

use super::error::ImportError;
use super::portal_error::PortalError;

/// The byte order mark that editors on Windows put before UTF-8.
pub(super) const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";

/// The container of old and of encrypted Office files, and of HWP.
const OLE: &[u8] = b"\xD0\xCF\x11\xE0";

/// Whether the file is a container, which only its end describes: a zip or OLE file.
pub(super) fn is_container(bytes: &[u8]) -> bool {
    let signatures: [&[u8]; 3] = [b"PK\x03\x04", b"PK\x05\x06", OLE];
    signatures
        .iter()
        .any(|signature| bytes.starts_with(signature))
}

/// Refuses everything that cannot be CSV or JSON.
pub(super) fn check_is_text(bytes: &[u8]) -> Result<(), ImportError> {
    const SIGNATURES: [(&[u8], ImportError); 14] = [
        (b"\x89PNG", ImportError::Image),
        (b"\xFF\xD8\xFF", ImportError::Image),
        (b"GIF8", ImportError::Image),
        (b"RIFF", ImportError::Image),
        (b"BM", ImportError::Image),
        (b"%PDF", ImportError::Pdf),
        (b"\xFF\xFE", ImportError::Utf16),
        (b"\xFE\xFF", ImportError::Utf16),
        (b"\x1F\x8B", ImportError::Gzip),
        (b"7z\xBC\xAF", ImportError::Archive),
        (b"Rar!\x1A", ImportError::Archive),
        (b"BZh", ImportError::Archive),
        (b"\xFD7zXZ", ImportError::Archive),
        (b"\x28\xB5\x2F\xFD", ImportError::Archive),
    ];
    if bytes.is_empty() {
        return Err(ImportError::Empty);
    }
    // A table may start with these letters, too; unlike a binary file it contains no NUL.
    let has_nul = bytes.contains(&0);
    let is_word = |signature: &[u8]| matches!(signature, b"BM" | b"BZh");
    let found = SIGNATURES
        .into_iter()
        .find(|(signature, _)| bytes.starts_with(signature) && (!is_word(signature) || has_nul));
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
        return Err(PortalError::of_xml(text).map_or(ImportError::Xml, ImportError::Refused));
    }
    Ok(())
}

/// Why an OLE file is not read, by the names of the streams in it.
pub(super) fn ole_type(bytes: &[u8]) -> Option<ImportError> {
    const STREAMS: [(&str, ImportError); 7] = [
        ("EncryptedPackage", ImportError::Encrypted),
        ("HwpSummaryInformation", ImportError::Hwp),
        ("FileHeader", ImportError::Hwp),
        ("WordDocument", ImportError::Document),
        ("PowerPoint Document", ImportError::Document),
        ("Workbook", ImportError::OldWorkbook),
        ("Book", ImportError::OldWorkbook),
    ];
    if !bytes.starts_with(OLE) {
        return None;
    }
    let contains = |name: &str| {
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        bytes.windows(name.len()).any(|window| window == name)
    };
    let found = STREAMS.into_iter().find(|(name, _)| contains(name));
    Some(found.map_or(ImportError::OldWorkbook, |(_, error)| error))
}

/// Why a zip file without a readable workbook is not read, by the names of the files in it.
pub(super) fn zip_type(bytes: &[u8]) -> ImportError {
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
    } else if contains_any(&["xl/workbook.bin", "opendocument.spreadsheet"]) {
        ImportError::Spreadsheet
    } else if contains("xl/vbaProject.bin") {
        ImportError::MacroWorkbook
    } else if contains_any(&["[Content_Types].xml", "xl/"]) {
        ImportError::DamagedWorkbook
    } else {
        ImportError::Archive
    }
}
