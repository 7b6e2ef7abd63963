//! Files that cannot be imported: what they are, and what to do.

use service_kit::http::problem::Text;

use super::portal_error::PortalError;

/// Why a file cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportError {
    Empty,
    /// A form without a file, with more than one, or that cannot be read.
    NoFile,
    SeveralFiles,
    BrokenForm,
    /// Headings or an answer without rows.
    NoRows,
    /// Workbooks that are not read: xlsb, ods.
    Spreadsheet,
    /// xls.
    OldWorkbook,
    /// xlsm.
    MacroWorkbook,
    /// A workbook or archive with a password.
    Encrypted,
    /// A workbook that cannot be opened.
    DamagedWorkbook,
    /// A workbook whose unpacked content is larger than any list.
    HugeWorkbook,
    /// gzip.
    Gzip,
    /// docx, pptx, odt, odp.
    Document,
    /// A zip file of anything else.
    Archive,
    /// PNG, JPEG, GIF, WebP.
    Image,
    Pdf,
    /// hwp, hwpx.
    Hwp,
    /// "Unicode text" of Excel.
    Utf16,
    /// HTML, most often an error page.
    WebPage,
    /// The portals' default format.
    Xml,
    /// Anything else that is not text.
    Binary,
    /// A table none of whose first lines has any of the headings.
    NoHeader,
    /// A table whose fields are not separated by commas.
    OtherSeparator(Separator),
    /// A table without these headings.
    MissingColumns(Vec<&'static str>),
    /// The file ends within the row that starts on this line.
    CutOff {
        /// From 1.
        line: u64,
    },
    /// A row that is too long, most often because of an unclosed quotation mark.
    EndlessRow {
        /// Where it starts, from 1.
        line: u64,
    },
    /// Starts like JSON, but is not valid.
    NotJson {
        /// From 1.
        line: u64,
    },
    /// JSON that is not an answer of a known portal.
    OtherJson,
    /// The portal's answer is an error with status 200.
    Refused(PortalError),
    /// Larger than [`super::MAX_FILE_SIZE`].
    TooLarge,
    /// More than [`super::MAX_ROWS`].
    TooManyRows,
}

/// The separator of a table that is not a CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separator {
    /// Copied from a spreadsheet.
    Tab,
    /// Written by Excel in some countries.
    Semicolon,
}

impl ImportError {
    /// For programs.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NoFile => "no-file",
            Self::SeveralFiles => "several-files",
            Self::BrokenForm => "broken-form",
            Self::NoRows => "no-rows",
            Self::Spreadsheet => "spreadsheet",
            Self::OldWorkbook => "old-workbook",
            Self::MacroWorkbook => "macro-workbook",
            Self::Encrypted => "encrypted",
            Self::DamagedWorkbook => "damaged-workbook",
            Self::HugeWorkbook => "huge-workbook",
            Self::Gzip => "gzip",
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

    /// What the file is and what to do, in a sentence each.
    pub fn sentence(&self) -> Text {
        self.kind_of_file().unwrap_or_else(|| self.wrong_content())
    }

    /// For a file of a kind that is not read.
    fn kind_of_file(&self) -> Option<Text> {
        Some(match self {
            Self::Spreadsheet => Text::new(
                "읽을 수 없는 형식의 통합 문서입니다. ‘Excel 통합 문서(.xlsx)’로 저장한 파일을 올려 주세요.",
                "This kind of workbook is not read. Save it as “Excel workbook (.xlsx)”.",
            ),
            Self::OldWorkbook => Text::new(
                "옛 엑셀 파일(.xls)입니다. ‘Excel 통합 문서(.xlsx)’로 저장한 파일을 올려 주세요.",
                "This is an old Excel workbook (.xls). Save it as “Excel workbook (.xlsx)”.",
            ),
            Self::MacroWorkbook => Text::new(
                "매크로가 든 엑셀 파일입니다. ‘Excel 통합 문서(.xlsx)’로 저장한 파일을 올려 주세요.",
                "This workbook contains macros. Save it as “Excel workbook (.xlsx)”.",
            ),
            Self::Encrypted => Text::new(
                "암호가 걸린 파일입니다. 암호를 풀고 저장한 파일을 올려 주세요.",
                "The file is protected by a password. Remove it, save, and choose that file.",
            ),
            Self::DamagedWorkbook => Text::new(
                "열 수 없는 엑셀 파일입니다. 엑셀에서 열어 ‘Excel 통합 문서(.xlsx)’로 다시 저장해 주세요.",
                "This workbook cannot be opened. Open it in Excel and save it again as .xlsx.",
            ),
            Self::HugeWorkbook => Text::new(
                "내용이 너무 큰 엑셀 파일입니다. 사업 목록 시트만 남겨 저장하거나 나누어 올려 주세요.",
                "The workbook is too large unpacked. Keep only the list, or split it.",
            ),
            Self::Gzip => Text::new(
                "gzip으로 압축한 파일입니다. 압축을 풀고 그 안의 파일을 올려 주세요.",
                "The file is compressed by gzip. Unpack it and choose the file in it.",
            ),
            Self::Document => choose_a_list("문서 파일입니다", "This is a document"),
            Self::Archive => Text::new(
                "압축 파일입니다. 압축을 풀고 그 안의 CSV, 엑셀, JSON 파일을 올려 주세요.",
                "This is an archive. Unpack it and choose the CSV, xlsx or JSON file in it.",
            ),
            Self::Image => choose_a_list("그림 파일입니다", "This is a picture"),
            Self::Pdf => choose_a_list("PDF 문서입니다", "This is a PDF document"),
            Self::Hwp => Text::new(
                "한글 문서입니다. 목록을 엑셀(.xlsx)이나 CSV로 저장한 파일을 올려 주세요.",
                "This is an HWP document. Save the list as .xlsx or CSV.",
            ),
            Self::Utf16 => Text::new(
                "UTF-16으로 저장한 파일입니다. ‘CSV UTF-8’로 다시 저장한 파일을 올려 주세요.",
                "The file is UTF-16. Save it as “CSV UTF-8” and choose that file.",
            ),
            Self::WebPage => Text::new(
                "웹 페이지입니다. 오류 화면이 저장된 것 같습니다. 파일을 다시 내려받아 주세요.",
                "This is a web page, probably an error page. Download the file again.",
            ),
            Self::Xml => Text::new(
                "XML 파일입니다. 응답 형식을 JSON으로 지정해 다시 받은 파일을 올려 주세요.",
                "This is XML. Request JSON and choose that file.",
            ),
            Self::Binary => choose_a_list("글로 된 파일이 아닙니다", "This is not a text file"),
            _ => return None,
        })
    }

    /// For a file of a kind that is read.
    fn wrong_content(&self) -> Text {
        match self {
            Self::Empty => Text::new(
                "빈 파일입니다. 내용이 있는 파일을 올려 주세요.",
                "The file is empty. Choose a file with content.",
            ),
            Self::NoFile => Text::new(
                "파일이 없는 요청입니다. 올릴 파일을 골라 주세요.",
                "The form contains no file. Choose one.",
            ),
            Self::SeveralFiles => Text::new(
                "파일이 여러 개입니다. 한 번에 하나씩 올려 주세요.",
                "The form contains several files. Import them one at a time.",
            ),
            Self::BrokenForm => Text::new(
                "읽을 수 없는 형식의 요청입니다. 파일만 보내거나 다시 시도해 주세요.",
                "The form cannot be read. Send the file alone as the body.",
            ),
            Self::NoRows => Text::new(
                "사업이 한 건도 없는 파일입니다. 조회 조건을 확인하고 다시 받아 주세요.",
                "The file contains no programme. Check the query and download it again.",
            ),
            Self::NoHeader => Text::new(
                "항목 이름(분야, 사업명 …) 줄이 없습니다. 머리글 줄이 있는 파일을 올려 주세요.",
                "There is no line of headings (분야, 사업명 …). Choose a file with headings.",
            ),
            Self::OtherSeparator(Separator::Tab) => Text::new(
                "탭으로 구분한 파일입니다. ‘CSV(쉼표로 분리)’로 저장한 파일을 올려 주세요.",
                "The fields are separated by tabs. Save the file as CSV with commas.",
            ),
            Self::OtherSeparator(Separator::Semicolon) => Text::new(
                "세미콜론으로 구분한 파일입니다. ‘CSV(쉼표로 분리)’로 저장한 파일을 올려 주세요.",
                "The fields are separated by semicolons. Save the file as CSV with commas.",
            ),
            Self::MissingColumns(missing) => {
                let names = missing.join(", ");
                Text::new(
                    format!(
                        "머리글 줄에 다음 항목이 없습니다: {names}. 이 항목이 있는 파일을 올려 주세요."
                    ),
                    format!("Headings are missing: {names}. Choose a file that has them."),
                )
            }
            Self::CutOff { line } => Text::new(
                format!("{line}행에서 파일이 끊겼습니다. 파일을 끝까지 다시 내려받아 주세요."),
                format!("The file is cut off on line {line}. Download the complete file again."),
            ),
            Self::EndlessRow { line } => Text::new(
                format!("{line}행이 끝나지 않습니다. 그 줄의 따옴표(\")가 닫혔는지 확인해 주세요."),
                format!("The row on line {line} does not end. Check its quotation marks (\")."),
            ),
            Self::NotJson { line } => Text::new(
                format!("{line}행부터 JSON으로 읽을 수 없습니다. 파일을 다시 내려받아 주세요."),
                format!("Not valid JSON from line {line} on. Download the file again."),
            ),
            Self::OtherJson => Text::new(
                "기업마당이나 K-Startup의 응답이 아닌 JSON입니다. 받은 응답을 그대로 저장한 파일을 올려 주세요.",
                "This JSON is not an answer of 기업마당 or K-Startup. Choose an unchanged answer.",
            ),
            Self::Refused(error) => error.sentence(),
            Self::TooLarge => Text::new(
                "파일이 32MB보다 큽니다. 나누어 올려 주세요.",
                "The file is larger than 32 MB. Split it and import the parts.",
            ),
            Self::TooManyRows => Text::new(
                "사업이 10만 건을 넘습니다. 나누어 올려 주세요.",
                "The file has more than 100,000 programmes. Split it and import the parts.",
            ),
            // The other kinds of files.
            _ => choose_a_list("읽을 수 없는 파일입니다", "This file is not read"),
        }
    }
}

fn choose_a_list(ko: &str, en: &str) -> Text {
    Text::new(
        format!("{ko}. 사업 목록이 담긴 CSV, 엑셀(.xlsx), JSON 파일을 올려 주세요."),
        format!("{en}. Choose the CSV, xlsx or JSON file with the list."),
    )
}
