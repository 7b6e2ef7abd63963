//! Files that cannot be imported: what they are, and what to do.

use service_kit::http::problem::Text;

/// Why a file cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// There is nothing in it.
    Empty,
    /// Headings, or an answer, without a row.
    NoRows,
    /// Excel: xlsx, or xls.
    Spreadsheet,
    /// A text or slides: docx, pptx, odt, odp.
    Document,
    /// A zip file that is no workbook for sure.
    Archive,
    /// PNG, JPEG, GIF, WebP.
    Image,
    /// PDF.
    Pdf,
    /// 한글: hwp, hwpx.
    Hwp,
    /// "Unicode text" of Excel.
    Utf16,
    /// A page of a web site, most often one that says that something failed.
    WebPage,
    /// XML, which the portals send unless asked for JSON.
    Xml,
    /// Anything else that is no text.
    Binary,
    /// A CSV whose first row holds none of the headings.
    NoHeader,
    /// A table whose fields another sign parts than a comma.
    OtherSeparator(Separator),
    /// A CSV that lacks these.
    MissingColumns(Vec<&'static str>),
    /// The first row that is not whole begins on this line, and the file ends in it.
    CutOff {
        /// From 1.
        line: u64,
    },
    /// A row that never ends, most often for a quotation mark that is never closed.
    EndlessRow {
        /// Where it begins, from 1.
        line: u64,
    },
    /// It begins like JSON and is none.
    NotJson {
        /// From 1.
        line: u64,
    },
    /// JSON, and no answer of a portal that is known here.
    OtherJson,
    /// The portal answered with an error, which came as if all were well.
    Refused(String),
    /// More than [`super::LARGEST`].
    TooLarge,
    /// More than [`super::MOST_ROWS`].
    TooManyRows,
}

/// What parts the fields of a table that is no CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separator {
    /// Most often by copying from a spreadsheet.
    Tab,
    /// What Excel writes in some countries.
    Semicolon,
}

impl Wrong {
    /// What it is, for a program.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NoRows => "no-rows",
            Self::Spreadsheet => "spreadsheet",
            Self::Document => "document",
            Self::Archive => "archive",
            Self::Image => "image",
            Self::Pdf => "pdf",
            Self::Hwp => "hwp",
            Self::Utf16 => "utf-16",
            Self::WebPage => "web-page",
            Self::Xml => "xml",
            Self::Binary => "binary",
            Self::NoHeader => "no-header",
            Self::OtherSeparator(Separator::Tab) => "tab-separated",
            Self::OtherSeparator(Separator::Semicolon) => "semicolon-separated",
            Self::MissingColumns(_) => "missing-columns",
            Self::CutOff { .. } => "cut-off",
            Self::EndlessRow { .. } => "endless-row",
            Self::NotJson { .. } => "not-json",
            Self::OtherJson => "other-json",
            Self::Refused(_) => "refused-by-source",
            Self::TooLarge => "too-large",
            Self::TooManyRows => "too-many-rows",
        }
    }

    /// What it is and what to do, in one sentence each.
    pub fn sentence(&self) -> Text {
        match self {
            Self::Empty => Text::new(
                "빈 파일입니다. 내용이 있는 파일을 올려 주세요.",
                "The file is empty. Choose one with something in it.",
            ),
            Self::NoRows => Text::new(
                "사업이 한 건도 없는 파일입니다. 조회 조건을 확인하고 다시 받아 주세요.",
                "There is no programme in the file. Check what was asked for, and download it again.",
            ),
            Self::Spreadsheet => Text::new(
                "엑셀 파일입니다. 엑셀에서 ‘다른 이름으로 저장 → CSV UTF-8’로 저장한 파일을 올려 주세요.",
                "This is an Excel workbook. Save it in Excel as “CSV UTF-8” and choose that file.",
            ),
            Self::Document => Text::new(
                "문서 파일입니다. 사업 목록이 담긴 CSV나 JSON 파일을 올려 주세요.",
                "This is a document. Choose the CSV or JSON file that holds the list of programmes.",
            ),
            Self::Archive => Text::new(
                "압축 파일입니다. 압축을 풀고 그 안의 CSV나 JSON 파일을 올려 주세요.",
                "This is an archive. Unpack it and choose the CSV or JSON file in it.",
            ),
            Self::Image => Text::new(
                "그림 파일입니다. 사업 목록이 담긴 CSV나 JSON 파일을 올려 주세요.",
                "This is a picture. Choose the CSV or JSON file that holds the list of programmes.",
            ),
            Self::Pdf => Text::new(
                "PDF 문서입니다. 사업 목록이 담긴 CSV나 JSON 파일을 올려 주세요.",
                "This is a PDF document. Choose the CSV or JSON file that holds the list of programmes.",
            ),
            Self::Hwp => Text::new(
                "한글 문서이거나 옛 엑셀 파일입니다. 목록을 CSV UTF-8로 저장한 파일을 올려 주세요.",
                "This is an HWP document or an old Excel workbook. Save the list as “CSV UTF-8” and choose that file.",
            ),
            Self::Utf16 => Text::new(
                "UTF-16으로 저장한 파일입니다. ‘CSV UTF-8’로 다시 저장한 파일을 올려 주세요.",
                "The file is saved as UTF-16. Save it as “CSV UTF-8” and choose that file.",
            ),
            Self::WebPage => Text::new(
                "웹 페이지입니다. 목록 대신 안내나 오류 화면이 저장된 것 같습니다. 파일을 다시 내려받아 주세요.",
                "This is a web page, most likely one that says that something failed. Download the file again.",
            ),
            Self::Xml => Text::new(
                "XML 파일입니다. 응답 형식을 JSON으로 지정해 다시 받은 파일을 올려 주세요.",
                "This is XML. Ask for JSON, and choose that file.",
            ),
            Self::Binary => Text::new(
                "글로 된 파일이 아닙니다. 사업 목록이 담긴 CSV나 JSON 파일을 올려 주세요.",
                "This is no text file. Choose the CSV or JSON file that holds the list of programmes.",
            ),
            Self::NoHeader => Text::new(
                "첫 줄에 항목 이름(분야, 사업명, 신청시작일자 …)이 없습니다. 머리글 줄이 있는 CSV 파일을 올려 주세요.",
                "The first line holds no headings (분야, 사업명, 신청시작일자 …). Choose a CSV file with its line of headings.",
            ),
            Self::OtherSeparator(Separator::Tab) => Text::new(
                "탭으로 구분한 파일입니다. ‘CSV(쉼표로 분리)’로 저장한 파일을 올려 주세요.",
                "The fields of the file are separated by tabs. Save it as CSV with commas and choose that file.",
            ),
            Self::OtherSeparator(Separator::Semicolon) => Text::new(
                "세미콜론으로 구분한 파일입니다. ‘CSV(쉼표로 분리)’로 저장한 파일을 올려 주세요.",
                "The fields of the file are separated by semicolons. Save it as CSV with commas and choose that file.",
            ),
            Self::MissingColumns(missing) => {
                let names = missing.join(", ");
                Text::new(
                    format!(
                        "첫 줄에 다음 항목이 없습니다: {names}. 이 항목을 채운 CSV 파일을 올려 주세요."
                    ),
                    format!("The line of headings lacks {names}. Choose a CSV file that has them."),
                )
            }
            Self::CutOff { line } => Text::new(
                format!("{line}행에서 파일이 끊겼습니다. 파일을 끝까지 다시 내려받아 주세요."),
                format!("The file breaks off on line {line}. Download it again, to its end."),
            ),
            Self::EndlessRow { line } => Text::new(
                format!("{line}행이 끝나지 않습니다. 그 줄의 따옴표(\")가 닫혔는지 확인해 주세요."),
                format!(
                    "The row on line {line} does not end. Check that its quotation mark (\") is closed."
                ),
            ),
            Self::NotJson { line } => Text::new(
                format!("{line}행부터 JSON으로 읽을 수 없습니다. 파일을 다시 내려받아 주세요."),
                format!("It cannot be read as JSON from line {line} on. Download the file again."),
            ),
            Self::OtherJson => Text::new(
                "기업마당이나 K-Startup의 응답이 아닌 JSON입니다. 두 곳에서 받은 응답을 그대로 저장한 파일을 올려 주세요.",
                "This JSON is no answer of 기업마당 or K-Startup. Choose an answer of theirs, saved as it came.",
            ),
            Self::Refused(said) => Text::new(
                format!(
                    "목록 대신 오류가 담긴 응답입니다: {said}. 인증키와 조회 조건을 확인하고 다시 받아 주세요."
                ),
                format!(
                    "The answer holds an error instead of a list: {said}. Check the key and the query, and ask again."
                ),
            ),
            Self::TooLarge => Text::new(
                "파일이 32MB보다 큽니다. 나누어 올려 주세요.",
                "The file is larger than 32 MB. Split it and choose one part after the other.",
            ),
            Self::TooManyRows => Text::new(
                "사업이 10만 건을 넘습니다. 나누어 올려 주세요.",
                "There are more than 100,000 programmes in the file. Split it and choose one part after the other.",
            ),
        }
    }
}

/// By how they begin.
pub(super) fn refuse_what_is_no_text(bytes: &[u8]) -> Result<(), Wrong> {
    const BEGINNINGS: [(&[u8], Wrong); 9] = [
        (b"\x89PNG", Wrong::Image),
        (b"\xFF\xD8\xFF", Wrong::Image),
        (b"GIF8", Wrong::Image),
        (b"RIFF", Wrong::Image),
        (b"BM", Wrong::Image),
        (b"%PDF", Wrong::Pdf),
        (b"\xD0\xCF\x11\xE0", Wrong::Hwp),
        (b"\xFF\xFE", Wrong::Utf16),
        (b"\xFE\xFF", Wrong::Utf16),
    ];
    if bytes.is_empty() {
        return Err(Wrong::Empty);
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return Err(inside_of_zip(bytes));
    }
    // A table may begin with these two letters; a picture has no text behind them.
    let begins = |begin: &[u8]| bytes.starts_with(begin) && (begin != b"BM" || bytes.contains(&0));
    if let Some((_, wrong)) = BEGINNINGS.into_iter().find(|(begin, _)| begins(begin)) {
        return Err(wrong);
    }
    if bytes.contains(&0) {
        return Err(Wrong::Binary);
    }
    let text = bytes
        .strip_prefix(super::UTF8_MARK)
        .unwrap_or(bytes)
        .trim_ascii_start();
    let start = text
        .get(..text.len().min(9))
        .unwrap_or_default()
        .to_ascii_lowercase();
    if start.starts_with(b"<!doctype") || start.starts_with(b"<html") {
        return Err(Wrong::WebPage);
    }
    if start.starts_with(b"<") {
        return Err(Wrong::Xml);
    }
    Ok(())
}

/// Workbooks and documents are zip files; the name of the first file in them tells which.
fn inside_of_zip(bytes: &[u8]) -> Wrong {
    let names = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    if names(b"application/hwp+zip") {
        Wrong::Hwp
    } else if names(b"word/")
        || names(b"ppt/")
        || names(b"opendocument.text")
        || names(b"opendocument.presentation")
    {
        Wrong::Document
    } else if names(b"[Content_Types].xml") || names(b"xl/") || names(b"opendocument.spreadsheet") {
        Wrong::Spreadsheet
    } else {
        Wrong::Archive
    }
}
