//! Parsing of whole files: shared cases and properties.

mod cases;
mod faults;
mod refusals;
mod rows;
mod workbooks;

use chrono::NaiveDate;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const CSV: &str = "번호,분야,사업명,신청시작일자,신청종료일자,소관기관,수행기관,등록일자,상세URL\n\
    1,수출,[부산] 2024년 온라인시장 진출 지원사업 참가기업 모집 공고,2024-03-26,2024-04-10,부산광역시,가상경제진흥원,2024-03-29,\
    https://www.bizinfo.go.kr/view.do?pblancId=PBLN_000000000000001\n\
    2,새분야,\"게임, 그리고 \"\"인디\"\" 제작지원\",2024-03-27,2024-04-11,가상부,직접수행,2024-03-29,\
    www.bizinfo.go.kr/view.do?a=b&pblancId=PBLN_000000000000002\n";

/// The day of every import here.
fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 12, 1).unwrap()
}

/// All rows of a file that arrives in parts of this size.
fn parse_in_parts(file: &[u8], size: usize) -> Result<Vec<ParsedRow>, ImportError> {
    let mut reader = Reader::new(today());
    let mut rows = Vec::new();
    for part in file.chunks(size.max(1)) {
        reader.push(part)?;
        while let Some(row) = reader.take()? {
            rows.push(row);
        }
    }
    reader.finish()?;
    while let Some(row) = reader.take()? {
        rows.push(row);
    }
    Ok(rows)
}

fn parse(file: impl AsRef<[u8]>) -> Result<Vec<ParsedRow>, ImportError> {
    parse_in_parts(file.as_ref(), 4096)
}

fn rows(file: impl AsRef<[u8]>) -> Vec<Row> {
    parse(file)
        .unwrap()
        .into_iter()
        .map(|parsed| parsed.row.unwrap())
        .collect()
}

/// The column and the code of each fault of a row.
fn faults(row: &ParsedRow) -> Vec<(&str, &str)> {
    let faults = row.row.as_ref().unwrap_err();
    faults
        .iter()
        .map(|fault| {
            (
                fault.column.as_ref().map_or("", |column| &column.name),
                &*fault.code,
            )
        })
        .collect()
}

fn a_record() -> serde_json::Value {
    json!({
        "pblancId": "PBLN_000000000000007",
        "pblancNm": "2026년 R&amp;D 바우처 공고",
        "pblancUrl": "/sii/siia/selectSIIA200Detail.do?pblancId=PBLN_000000000000007",
        "jrsdInsttNm": "가상중소기업부",
        "excInsttNm": "가상진흥원",
        "pldirSportRealmLclasCodeNm": "기술",
        "trgetNm": "소상공인",
        "reqstBeginEndDe": "예산 소진시까지",
        "creatPnttm": "2025-12-30 09:08:48",
        "bsnsSumryCn": "<p>첫째&nbsp;줄</p>\r\n<p>둘째 줄</p>",
        "hashtags": "기술,서울,경기,2026",
        "inqireCo": 22733,
        "fileNm": "하나.hwp@둘.hwp",
    })
}

/// The column and the code of each warning about a row.
fn warnings(row: &ParsedRow) -> Vec<(&str, &str)> {
    row.warnings
        .iter()
        .map(|fault| {
            (
                fault.column.as_ref().map_or("", |column| &column.name),
                &*fault.code,
            )
        })
        .collect()
}

proptest! {
    #[test]
    fn parts_of_a_file_make_no_difference(size in 1..200_usize) {
        let jsonl = format!("{}\n{}\n{{\n", a_record(), a_record());
        let (cp949, _, _) = encoding_rs::EUC_KR.encode(CSV);
        for file in [CSV.as_bytes(), &cp949, jsonl.as_bytes()] {
            prop_assert_eq!(parse_in_parts(file, size), parse(file));
        }
    }

    #[test]
    fn any_bytes_parse_or_fail_with_a_sentence(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        start in 0..6_usize,
    ) {
        let starts: [&[u8]; 6] = [
            b"",
            CSV.as_bytes(),
            b"{\"jsonArray\":[",
            b"{\"pblancId\":1}\n",
            b"PK\x03\x04",
            b"{\"response\":",
        ];
        let file = [starts[start], &bytes].concat();
        if let Err(error) = parse(file) {
            prop_assert!(!error.sentence().ko.is_empty());
        }
    }
}
