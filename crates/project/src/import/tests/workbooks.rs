//! Workbooks. The tests write them part by part: a zip file of the XML that Excel reads.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;

use super::*;

/// The cells of a row as XML, without their positions.
fn row(number: usize, attributes: &str, cells: &[String]) -> String {
    let cells: String = cells.concat();
    format!("<row r=\"{number}\" {attributes}>{cells}</row>")
}

fn text(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>")
}

/// A number in the format of a date.
fn date(serial: f64) -> String {
    format!("<c s=\"1\"><v>{serial}</v></c>")
}

fn headings() -> Vec<String> {
    CSV.lines().next().unwrap().split(',').map(text).collect()
}

/// The row of the list with this number.
fn programme(number: usize) -> Vec<String> {
    let mut cells = vec![
        format!("<c><v>{number}</v></c>"),
        text("수출"),
        text(&format!("[부산] 2026년 온라인시장 진출 {number}")),
        date(46352.0),
        date(46376.75),
    ];
    cells.extend(["부산광역시", "가상경제진흥원"].map(text));
    cells.push(date(46351.0));
    cells.push(text(&format!(
        "https://www.bizinfo.go.kr/view.do?pblancId=PBLN_{number:015}"
    )));
    cells
}

fn sheet(rows: &[String]) -> String {
    format!(
        "<worksheet><sheetData>{}</sheetData></worksheet>",
        rows.concat()
    )
}

const STYLES: &str = "<styleSheet><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs>\
    </styleSheet>";

fn zip_of(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        archive
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A workbook with these sheets, `properties` of the workbook and further parts.
fn workbook_with(sheets: &[(&str, &str)], properties: &str, parts: &[(&str, &[u8])]) -> Vec<u8> {
    let schema = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let path = |index: usize| format!("worksheets/sheet{index}.xml");
    let numbered = || sheets.iter().enumerate();
    let names: Vec<String> = numbered()
        .map(|(index, (attributes, _))| {
            format!("<sheet {attributes} sheetId=\"{index}\" r:id=\"r{index}\"/>")
        })
        .collect();
    let names = names.concat();
    let target = |index: usize| {
        let path = path(index);
        format!("<Relationship Id=\"r{index}\" Type=\"{schema}/worksheet\" Target=\"{path}\"/>")
    };
    let targets: String = (0..sheets.len()).map(target).collect();
    let mut all: Vec<(String, Vec<u8>)> = numbered()
        .map(|(index, (_, xml))| (format!("xl/{}", path(index)), xml.as_bytes().to_vec()))
        .collect();
    let fixed = [
        ("[Content_Types].xml", "<Types/>".to_owned()),
        (
            "_rels/.rels",
            format!(
                "<Relationships><Relationship Id=\"r\" Type=\"{schema}/officeDocument\" \
                 Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!("<workbook>{properties}<sheets>{names}</sheets></workbook>"),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!("<Relationships>{targets}</Relationships>"),
        ),
        ("xl/styles.xml", STYLES.to_owned()),
    ];
    all.extend(fixed.map(|(name, xml)| (name.to_owned(), xml.into_bytes())));
    all.extend(
        parts
            .iter()
            .map(|(name, content)| ((*name).to_owned(), content.to_vec())),
    );
    let all: Vec<(&str, &[u8])> = all
        .iter()
        .map(|(name, content)| (name.as_str(), content.as_slice()))
        .collect();
    zip_of(&all)
}

fn workbook(rows: &[String]) -> Vec<u8> {
    workbook_with(&[("name=\"목록\"", &sheet(rows))], "", &[])
}

/// What a CSV with the same cells says.
fn expected(number: usize) -> Row {
    let csv = format!(
        "{}\n{number},수출,[부산] 2026년 온라인시장 진출 {number},2026-11-26,2026-12-20 18:00,\
         부산광역시,가상경제진흥원,2026-11-25,\
         https://www.bizinfo.go.kr/view.do?pblancId=PBLN_{number:015}\n",
        CSV.lines().next().unwrap()
    );
    rows(csv).remove(0)
}

#[test]
fn workbook_is_read_as_the_same_csv() {
    let file = workbook(&[
        row(1, "", &headings()),
        row(2, "", &programme(1)),
        row(3, "", &[text(" "), text("")]),
        row(4, "", &programme(2)),
    ]);
    let parsed = parse(&file).unwrap();
    let lines: Vec<u64> = parsed.iter().map(|parsed| parsed.line).collect();
    assert_eq!(lines, [2, 4]);
    assert!(parsed.iter().all(|parsed| parsed.warnings.is_empty()));
    assert_eq!(rows(&file), [expected(1), expected(2)]);
    assert_eq!(parse_in_parts(&file, 7), parse(&file));
}

#[test]
fn first_visible_sheet_with_the_headings_below_a_title_is_read() {
    let list = sheet(&[
        row(2, "", &[text("2026년 지원사업 목록")]),
        row(5, "", &headings()),
        row(6, "", &programme(7)),
    ]);
    let other = sheet(&[row(1, "", &[text("합계"), text("사업명")])]);
    let old = sheet(&[row(1, "", &headings()), row(2, "", &programme(8))]);
    let file = workbook_with(
        &[
            ("name=\"합계\"", &other),
            ("name=\"숨김\" state=\"hidden\"", &old),
            ("name=\"목록 &amp; 링크\"", &list),
        ],
        "",
        &[],
    );
    assert_eq!(rows(file), [expected(7)]);
    let missing = workbook_with(&[("name=\"합계\"", &other)], "", &[]);
    assert!(matches!(
        parse(missing),
        Err(ImportError::MissingColumns(_))
    ));
    let empty = workbook_with(&[("name=\"합계\"", &sheet(&[]))], "", &[]);
    assert_eq!(parse(empty), Err(ImportError::NoHeader));
    let no_rows = workbook(&[row(1, "", &headings())]);
    assert_eq!(parse(no_rows), Err(ImportError::NoRows));
}

#[test]
fn hidden_rows_are_read_with_a_warning() {
    let file = workbook_with(
        &[(
            "name=\"R&amp;D\"",
            &sheet(&[
                row(1, "", &headings()),
                row(2, "hidden=\"1\"", &programme(1)),
                row(3, "", &programme(2)),
            ]),
        )],
        "",
        &[],
    );
    let parsed = parse(file).unwrap();
    assert_eq!(warnings(&parsed[0]), [("", "hidden-row")]);
    assert_eq!(warnings(&parsed[1]), []);
    assert_eq!(parsed[0].row, Ok(expected(1)));
}

#[test]
fn place_that_no_sheet_has_is_refused_before_it_is_computed() {
    let programmes = sheet(&[row(1, "", &headings()), row(2, "", &programme(1))]);
    for place in [
        "<row r=\"4294967295\"/><row/>",
        "<row><c r=\"ZZZZZZZZ1\"/></row>",
        "<row><c r=\"A99999999999\"/></row>",
    ] {
        let last = sheet(&[place.to_owned()]);
        let sheets = [
            ("name=\"목록\"", programmes.as_str()),
            ("name=\"끝\"", last.as_str()),
        ];
        let read = parse(workbook_with(&sheets, "", &[]));
        assert_eq!(read, Err(ImportError::DamagedWorkbook), "{place}");
    }
}

#[test]
fn formulas_have_their_cached_value_and_errors_a_warning() {
    let mut cells = programme(1);
    cells[2] = "<c t=\"str\"><f>A1&amp;B1</f><v>[부산] 2026년 온라인시장 진출 1</v></c>".to_owned();
    cells[3] = "<c s=\"1\"><f>TODAY()</f><v>46352</v></c>".to_owned();
    cells[6] = "<c t=\"e\"><f>VLOOKUP(1,A:B,2)</f><v>#N/A</v></c>".to_owned();
    let parsed = parse(workbook(&[row(1, "", &headings()), row(2, "", &cells)])).unwrap();
    let row = parsed[0].row.clone().unwrap();
    let agency = row.details.agency.clone();
    assert_eq!(row.details.name, expected(1).details.name);
    assert_eq!(row.details.period, expected(1).details.period);
    assert_eq!(row.details.host, agency);
    assert_eq!(warnings(&parsed[0]), [("수행기관", "formula-error")]);
    let fault = parsed[0].warnings[0].column.clone().unwrap();
    assert_eq!(fault.number, Some(7));
}

#[test]
fn dates_are_read_in_both_date_systems_and_as_plain_numbers() {
    let mut plain = programme(1);
    plain[3] = "<c><v>46352</v></c>".to_owned();
    plain[4] = text("2026-12-20 18:00");
    let rows_1900 = rows(workbook(&[row(1, "", &headings()), row(2, "", &plain)]));
    assert_eq!(rows_1900, [expected(1)]);
    let mut in_1904 = programme(1);
    for (column, serial) in [(3, 46352.0), (4, 46376.75), (7, 46351.0)] {
        in_1904[column] = date(serial - 1462.0);
    }
    let sheet = sheet(&[row(1, "", &headings()), row(2, "", &in_1904)]);
    let properties = "<workbookPr date1904=\"1\"/>";
    let file = workbook_with(&[("name=\"목록\"", &sheet)], properties, &[]);
    assert_eq!(rows(file), [expected(1)]);
}

#[test]
fn workbook_that_is_not_read_says_what_to_do() {
    let sheet = sheet(&[row(1, "", &headings()), row(2, "", &programme(1))]);
    let with = |parts: &[(&str, &[u8])]| workbook_with(&[("name=\"목록\"", &sheet)], "", parts);
    let mut cut_off = with(&[]);
    cut_off.truncate(cut_off.len() / 2);
    let macros = with(&[("xl/vbaProject.bin", b"vba")]);
    for (file, reason) in [
        (macros, "macro-workbook"),
        (cut_off, "damaged-workbook"),
        (zip_of(&[("a.csv", CSV.as_bytes())]), "archive"),
        (zip_of(&[("xl/workbook.bin", b"")]), "spreadsheet"),
        (zip_of(&[("word/document.xml", b"")]), "document"),
        (
            zip_of(&[("xl/workbook.xml", b"<workbook/>")]),
            "damaged-workbook",
        ),
    ] {
        assert_eq!(parse(file).unwrap_err().reason(), reason);
    }
    // One sheet that is no XML, and a shared text that does not exist.
    let broken = "<worksheet><sheetData><row><c t=\"s\"><v>7</v></c></row>";
    let file = workbook_with(&[("name=\"목록\"", broken)], "", &[]);
    assert_eq!(parse(file), Err(ImportError::DamagedWorkbook));
}

#[test]
fn bombs_are_refused_without_unpacking_them() {
    let rows = sheet(&[row(1, "", &headings()), row(2, "", &programme(1))]);
    let with = |parts: &[(&str, &[u8])]| workbook_with(&[("name=\"목록\"", &rows)], "", parts);
    let zeros = vec![b' '; 129 * 1024 * 1024];
    let announced = b"<sst uniqueCount=\"99999999999\"><si><t>a</t></si></sst>";
    let styles = format!("<styleSheet><cellXfs>{}", "<xf/>".repeat(200_001));
    let hidden = "<row hidden=\"1\"/>".repeat(1_048_577);
    for file in [
        with(&[("xl/media/image1.png", &zeros)]),
        with(&[("xl/sharedStrings.xml", announced)]),
        with(&[("xl/theme/theme1.xml", styles.as_bytes())]),
        with(&[("xl/worksheets/sheet9.xml", hidden.as_bytes())]),
    ] {
        assert!(file.len() < 2_000_000);
        assert_eq!(parse(file), Err(ImportError::HugeWorkbook));
    }
    // A cell far away makes no table of everything before it, and a shared text is not copied
    // without bound.
    let long = format!("<sst><si><t>{}</t></si></sst>", "가".repeat(30_000));
    let shared: Vec<String> = (0..5000)
        .map(|number| {
            row(
                number + 2,
                "",
                &vec!["<c t=\"s\"><v>0</v></c>".to_owned(); 9],
            )
        })
        .collect();
    let far = "<row r=\"1048576\"><c r=\"XFD1048576\"><v>1</v></c></row>";
    let sheet = sheet(&[row(1, "", &headings()), shared.concat(), far.to_owned()]);
    let file = workbook_with(
        &[("name=\"목록\"", &sheet)],
        "",
        &[("xl/sharedStrings.xml", long.as_bytes())],
    );
    assert_eq!(parse(file), Err(ImportError::HugeWorkbook));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damaged_workbook_is_refused_or_read_without_panic(
        at in 0..4000_usize, byte in any::<u8>(), cell in "\\PC{0,30}"
    ) {
        let broken = format!("<worksheet><sheetData><row r=\"1\"><c {cell}</c></row></sheetData>");
        let mut file = workbook(&[row(1, "", &headings()), row(2, "", &programme(1)), broken]);
        let at = at % file.len();
        file[at] = byte;
        if let Err(error) = parse(file) {
            prop_assert!(!error.sentence().ko.is_empty());
        }
    }
}
