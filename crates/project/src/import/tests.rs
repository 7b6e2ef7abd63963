use chrono::NaiveDate;
use events::{Category, Period, PeriodKind, Region};
use proptest::prelude::*;
use serde_json::json;

use super::reader::RECOGNITION_SIZE;
use super::*;
use crate::project::{Details, SourceList};

const CSV: &str = "번호,분야,사업명,신청시작일자,신청종료일자,소관기관,수행기관,등록일자,상세URL\n\
    1,수출,[부산] 2024년 온라인시장 진출 지원사업 참가기업 모집 공고,2024-03-26,2024-04-10,부산광역시,가상경제진흥원,2024-03-29,\
    https://www.bizinfo.go.kr/view.do?pblancId=PBLN_000000000000001\n\
    2,새분야,\"게임, 그리고 \"\"인디\"\" 제작지원\",2024-03-27,2024-04-11,가상부,직접수행,2024-03-29,\
    www.bizinfo.go.kr/view.do?a=b&pblancId=PBLN_000000000000002\n";

/// All rows of a file that arrives in parts of this size.
fn parse_in_parts(file: &[u8], size: usize) -> Result<Vec<ParsedRow>, ImportError> {
    let mut reader = Reader::default();
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

#[test]
fn csv_row_is_parsed_with_all_fields() {
    let [first, second] = &rows(CSV)[..] else {
        panic!()
    };
    assert_eq!(
        *first,
        Row {
            portal: Portal::Bizinfo,
            source_id: "PBLN_000000000000001".to_owned(),
            list: Some(SourceList::DataGoKr),
            details: Details {
                name: "[부산] 2024년 온라인시장 진출 지원사업 참가기업 모집 공고".to_owned(),
                year: 2024,
                category: Category::Export,
                regions: vec![Region::Busan],
                target: None,
                scale: None,
                agency: "부산광역시".to_owned(),
                host: "가상경제진흥원".to_owned(),
                summary: None,
                link: Some(
                    "https://www.bizinfo.go.kr/view.do?pblancId=PBLN_000000000000001".to_owned()
                ),
                period: crate::period::parse("2024-03-26 ~ 2024-04-10"),
            },
            has_category: true,
            has_regions: false,
            registered_on: NaiveDate::from_ymd_opt(2024, 3, 29),
        }
    );
    assert_eq!(second.details.name, "게임, 그리고 \"인디\" 제작지원");
    assert!(!second.has_category);
    assert_eq!(
        (
            second.details.category,
            &*second.details.regions,
            second.details.year
        ),
        (Category::Other, &[Region::Nationwide][..], 2024)
    );
    assert_eq!(second.details.host, "가상부");
    assert_eq!(
        second.details.link.as_deref(),
        Some("https://www.bizinfo.go.kr/view.do?a=b&pblancId=PBLN_000000000000002")
    );
}

/// Rows are stored as JSON, also by builds before and after this one.
#[test]
fn stored_row_keeps_its_field_names() {
    let row = &rows(CSV)[0];
    let stored = serde_json::to_value(row).unwrap();
    let names: std::collections::BTreeSet<&str> = stored
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let expected = [
        "agency",
        "category",
        "categoryTold",
        "host",
        "link",
        "list",
        "name",
        "period",
        "portal",
        "regions",
        "regionsTold",
        "registeredOn",
        "sourceId",
        "summary",
        "target",
        "year",
    ];
    assert_eq!(names, expected.into());
    assert_eq!(serde_json::from_value::<Row>(stored).unwrap(), *row);
}

#[test]
fn csv_is_equal_in_any_encoding_order_and_line_end() {
    let expected = rows(CSV);
    let (cp949, _, _) = encoding_rs::EUC_KR.encode(CSV);
    assert_eq!(rows(&cp949), expected);
    assert_eq!(rows(format!("\u{FEFF}{CSV}")), expected);
    assert_eq!(rows(CSV.replace('\n', "\r\n")), expected);
    assert_eq!(rows(CSV.trim_end()), expected);
    let reversed: String = CSV
        .lines()
        .map(|line| {
            if line.contains('"') {
                line.replace("\"게임, 그리고 \"\"인디\"\" 제작지원\"", "게임")
            } else {
                line.to_owned()
            }
        })
        .map(|line| {
            line.split(',')
                .rev()
                .chain(["더 있는 것"])
                .collect::<Vec<_>>()
                .join(",")
                + "\n"
        })
        .collect();
    assert_eq!(rows(reversed)[0], expected[0]);
}

#[test]
fn rows_have_number_and_line() {
    let csv = CSV.replace("1,수출,", "\n\n1,수출,");
    let places: Vec<(u64, u64)> = parse(csv)
        .unwrap()
        .iter()
        .map(|line| (line.number, line.line))
        .collect();
    assert_eq!(places, [(1, 4), (2, 5)]);
    let answer = format!("{{\"jsonArray\": [\n{},\n{}\n]}}", a_record(), a_record());
    let places: Vec<(u64, u64)> = parse(answer)
        .unwrap()
        .iter()
        .map(|line| (line.number, line.line))
        .collect();
    assert_eq!(places, [(1, 2), (2, 3)]);
}

#[test]
fn row_lists_all_faults_and_spoils_no_other_row() {
    let name = "가".repeat(201);
    let csv = format!(
        "{CSV}3,기술,{name},,,,,,ftp://a.kr/b\n\
         4,기술,이름뿐,,,부,,,https://a.kr?pblancId=PBLN_1\n5,기술\n\
         6,기술,\u{FFFD}\u{1},2024-01-01,,부,,,https://a.kr?pblancId=P+1\n"
    );
    let lines = parse(csv).unwrap();
    assert_eq!(lines.len(), 6);
    assert!(lines[0].row.is_ok() && lines[1].row.is_ok());
    assert_eq!(
        faults(&lines[2]),
        [
            ("상세URL", "no-key"),
            ("사업명", "too-long"),
            ("소관기관", "required"),
            ("상세URL", "not-a-link"),
            ("사업명", "no-year")
        ]
    );
    assert_eq!(faults(&lines[3]), [("사업명", "no-year")]);
    assert_eq!(faults(&lines[4]), [("", "wrong-field-count")]);
    assert_eq!(
        faults(&lines[5]),
        [("상세URL", "wrong-key"), ("사업명", "unreadable-letters")]
    );
    let column = lines[2].row.as_ref().unwrap_err()[1]
        .column
        .clone()
        .unwrap();
    assert_eq!((column.name.as_str(), column.number), ("사업명", Some(3)));
    let csv = CSV
        .replace("2024년 온라인시장", "1950년 온라인시장")
        .replace("게임", "게\u{2}임");
    let lines = parse(csv).unwrap();
    assert_eq!(faults(&lines[0]), [("사업명", "no-such-year")]);
    assert_eq!(faults(&lines[1]), [("사업명", "control-character")]);
}

#[test]
fn bizinfo_record_is_equal_in_every_wrapping() {
    let record = a_record();
    let expected = Row {
        portal: Portal::Bizinfo,
        source_id: "PBLN_000000000000007".to_owned(),
        list: Some(SourceList::Bizinfo),
        details: Details {
            name: "2026년 R&D 바우처 공고".to_owned(),
            year: 2026,
            category: Category::Technology,
            regions: vec![Region::Seoul, Region::Gyeonggi],
            target: Some("소상공인".to_owned()),
            scale: None,
            agency: "가상중소기업부".to_owned(),
            host: "가상진흥원".to_owned(),
            summary: Some("첫째 줄\n\n둘째 줄".to_owned()),
            link: Some(
                "https://www.bizinfo.go.kr/sii/siia/selectSIIA200Detail.do\
                 ?pblancId=PBLN_000000000000007"
                    .to_owned(),
            ),
            period: Period {
                kind: PeriodKind::UntilBudget,
                text: "예산 소진시까지".to_owned(),
                starts_on: None,
                ends_on: None,
            },
        },
        has_category: true,
        has_regions: true,
        registered_on: NaiveDate::from_ymd_opt(2025, 12, 30),
    };
    let through_portal = |body: serde_json::Value| {
        let header = json!({ "resultCode": "00", "resultMsg": "NORMAL SERVICE." });
        json!({ "response": { "header": header, "body": body } }).to_string()
    };
    for file in [
        json!({ "jsonArray": [record] }).to_string(),
        format!("{:#}", json!({ "jsonArray": [record], "totCnt": 7 })),
        format!("\u{FEFF} {}", json!({ "jsonArray": record })),
        through_portal(json!({ "items": { "item": [record] } })),
        through_portal(json!({ "items": { "item": record }, "totalCount": 1 })),
        through_portal(json!({ "items": [record] })),
        record.to_string(),
        format!("{record}\n"),
        format!("\u{FEFF}\n{record}\r\n\r\n"),
    ] {
        assert_eq!(rows(&file), std::slice::from_ref(&expected), "{file}");
    }
    // Counters that change with every call are ignored.
    let mut counted = a_record();
    counted["inqireCo"] = json!(22734);
    assert_eq!(rows(counted.to_string()), [expected]);
}

#[test]
fn record_lines_may_be_long_and_fail_alone() {
    let mut long = a_record();
    long["unread"] = json!("가".repeat(RECOGNITION_SIZE));
    let file = format!("{long}\n{{\"pblancId\": \n[1]\n{{}}\n{}", a_record());
    let lines = parse(&file).unwrap();
    assert!(lines[0].row.is_ok() && lines[4].row.is_ok());
    let found: Vec<_> = lines[1..4]
        .iter()
        .map(|line| (line.line, faults(line)))
        .collect();
    assert_eq!(
        found,
        [
            (2, vec![("", "not-json")]),
            (3, vec![("", "wrong-type")]),
            (4, vec![("", "no-key")])
        ]
    );
}

#[test]
fn kstartup_answer_is_parsed_without_phone_number() {
    let record = json!({
        "pbanc_sn": 175_783,
        "biz_pbanc_nm": "2026년 &lt;초격차&gt; 창업 지원",
        "intg_pbanc_biz_nm": "초격차",
        "supt_biz_clsfc": "사업화",
        "supt_regin": "전국",
        "aply_trgt": "예비창업자, 일반기업",
        "pbanc_rcpt_bgng_dt": "20260401",
        "pbanc_rcpt_end_dt": "20260430",
        "pbanc_ntrp_nm": "(재)가상창업진흥원",
        "sprv_inst": "공공기관",
        "prch_cnpl_no": "01012345678",
        "pbanc_ctnt": "첫 줄\r\n[누리집](https://a.kr) &amp; 안내",
        "detl_pg_url": "[바로가기](www.k-startup.go.kr/web/ongoing.do?pbancSn=175783)",
    });
    let answer = json!({
        "currentCount": 1,
        "matchCount": 1,
        "totalCount": 1,
        "page": 1,
        "perPage": 10,
        "data": [record],
    });
    let [row] = &rows(answer.to_string())[..] else {
        panic!()
    };
    assert_eq!(
        *row,
        Row {
            portal: Portal::Kstartup,
            source_id: "175783".to_owned(),
            list: Some(SourceList::Kstartup),
            details: Details {
                name: "2026년 <초격차> 창업 지원".to_owned(),
                year: 2026,
                category: Category::Startup,
                regions: vec![Region::Nationwide],
                target: Some("예비창업자, 일반기업".to_owned()),
                scale: None,
                agency: "(재)가상창업진흥원".to_owned(),
                host: "(재)가상창업진흥원".to_owned(),
                summary: Some("첫 줄\n누리집 & 안내".to_owned()),
                link: Some("https://www.k-startup.go.kr/web/ongoing.do?pbancSn=175783".to_owned()),
                period: crate::period::parse("2026-04-01 ~ 2026-04-30"),
            },
            has_category: true,
            has_regions: true,
            registered_on: None,
        }
    );
    assert!(!serde_json::to_string(row).unwrap().contains("5678"));
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

#[test]
fn row_cut_off_at_end_of_file_gets_warning() {
    let complete = parse(CSV.trim_end()).unwrap();
    assert!(complete.iter().all(|line| line.warnings.is_empty()));
    let cut = &parse(&CSV.trim_end()[..CSV.trim_end().len() - 2]).unwrap()[1];
    assert_eq!(cut.row.as_ref().unwrap().source_id, "PBLN_0000000000000");
    assert_eq!(warnings(cut), [("", MAYBE_CUT_OFF)]);
    // A line break completes the row, and a single row has no other to compare with.
    let shorter = format!("{}\n", &CSV.trim_end()[..CSV.trim_end().len() - 2]);
    assert_eq!(warnings(&parse(shorter).unwrap()[1]), []);
    let only = CSV.lines().take(2).collect::<Vec<_>>().join("\n");
    assert_eq!(warnings(&parse(&only[..only.len() - 2]).unwrap()[0]), []);
}

#[test]
fn long_text_is_cut_and_long_period_not_interpreted() {
    let mut record = a_record();
    let read_period = |text: String| {
        let mut record = a_record();
        record["reqstBeginEndDe"] = json!(text);
        rows(record.to_string())[0].details.period.clone()
    };
    record["trgetNm"] = json!("가".repeat(4001));
    record["bsnsSumryCn"] = json!("나".repeat(4000));
    let row = &rows(record.to_string())[0];
    assert_eq!(
        row.details.target.as_deref(),
        Some(&*format!("{}…", "가".repeat(3999)))
    );
    assert_eq!(row.details.summary.as_deref(), Some(&*"나".repeat(4000)));
    let long = format!("{} 2026-04-01 ~ 2026-04-30", "가".repeat(200));
    let period = Period {
        kind: PeriodKind::Other,
        text: long.clone(),
        starts_on: None,
        ends_on: None,
    };
    assert_eq!(read_period(long), period);
    assert_eq!(read_period("상시 ".repeat(2000)).text.chars().count(), 4000);
    assert_eq!(
        read_period(format!("상시 {}", "가".repeat(197))).kind,
        PeriodKind::Always
    );
}

#[test]
fn invalid_link_is_warning_unless_it_has_the_key() {
    for link in [
        "ftp://a.kr/b",
        "누리집 참조",
        &format!("https://a.kr/{}", "b".repeat(4000)),
    ] {
        let mut record = a_record();
        record["pblancUrl"] = json!(link);
        let line = &parse(record.to_string()).unwrap()[0];
        assert_eq!(line.row.as_ref().unwrap().details.link, None, "{link}");
        assert_eq!(warnings(line).len(), 1, "{link}");
    }
    let csv = CSV.replace("https://www.bizinfo.go.kr", "ftp://www.bizinfo.go.kr");
    assert_eq!(faults(&parse(csv).unwrap()[0]), [("상세URL", "not-a-link")]);
    let csv = CSV.replace("https://www.bizinfo.go.kr", "HTTPS://www.bizinfo.go.kr");
    assert_eq!(rows(csv), rows(CSV));
}

#[test]
fn list_is_set_only_if_link_leads_to_its_site() {
    let list_of = |link: serde_json::Value| {
        let mut record = a_record();
        record["pblancUrl"] = link;
        rows(record.to_string())[0].list
    };
    assert_eq!(
        list_of(json!("https://www.bizinfo.go.kr/x?pblancId=1")),
        Some(SourceList::Bizinfo)
    );
    assert_eq!(list_of(serde_json::Value::Null), Some(SourceList::Bizinfo));
    assert_eq!(
        list_of(json!("https://example.com/programmes?pblancId=KTGG_1")),
        None
    );
    assert_eq!(
        rows(CSV.replace("https://www.bizinfo.go.kr", "https://example.com"))[0].list,
        None
    );
    assert_eq!(rows(CSV)[0].list, Some(SourceList::DataGoKr));
}

fn assert_refused(cases: Vec<(Vec<u8>, ImportError)>) {
    for (file, error) in cases {
        let sentence = error.sentence();
        assert!(![&*sentence.ko, &*sentence.en, error.reason()].contains(&""));
        assert_eq!(
            parse(&file),
            Err(error),
            "{}",
            String::from_utf8_lossy(&file[..file.len().min(60)])
        );
    }
}

#[test]
fn binary_file_is_refused_by_its_kind() {
    assert_refused(vec![
        (
            b"PK\x03\x04....[Content_Types].xml".to_vec(),
            ImportError::Spreadsheet,
        ),
        (
            b"PK\x03\x04....[Content_Types].xml....xl/workbook.xml".to_vec(),
            ImportError::Spreadsheet,
        ),
        (
            b"PK\x03\x04....[Content_Types].xml....word/document.xml".to_vec(),
            ImportError::Document,
        ),
        (
            b"PK\x03\x04....[Content_Types].xml....ppt/presentation.xml".to_vec(),
            ImportError::Document,
        ),
        (
            b"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.text".to_vec(),
            ImportError::Document,
        ),
        (b"PK\x03\x04....a.csv".to_vec(), ImportError::Archive),
        (
            b"PK\x03\x04mimetypeapplication/hwp+zip".to_vec(),
            ImportError::Hwp,
        ),
        (
            b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec(),
            ImportError::Hwp,
        ),
        (b"\x89PNG\r\n\x1A\n".to_vec(), ImportError::Image),
        (b"\xFF\xD8\xFF\xE0".to_vec(), ImportError::Image),
        (b"GIF89a".to_vec(), ImportError::Image),
        (b"RIFF....WEBP".to_vec(), ImportError::Image),
        (b"%PDF-1.7".to_vec(), ImportError::Pdf),
        (b"\xFF\xFEa\0".to_vec(), ImportError::Utf16),
        (b"\x7FELF\0\0".to_vec(), ImportError::Binary),
    ]);
}

#[test]
fn unusable_text_is_refused_by_its_kind() {
    let header = json!({ "resultCode": "30", "resultMsg": "등록되지 않은 인증키" });
    let refused = json!({ "response": { "header": header } });
    assert_refused(vec![
        (Vec::new(), ImportError::Empty),
        (b" \r\n ".to_vec(), ImportError::Empty),
        (
            CSV.replace(',', "\t").into(),
            ImportError::OtherSeparator(Separator::Tab),
        ),
        (
            CSV.replace(',', ";").into(),
            ImportError::OtherSeparator(Separator::Semicolon),
        ),
        (b"<!DOCTYPE html><html>".to_vec(), ImportError::WebPage),
        (
            b"<?xml version='1.0'?><OpenAPI_ServiceResponse/>".to_vec(),
            ImportError::Xml,
        ),
        ("1,수출,2024년 사업\n".into(), ImportError::NoHeader),
        (b"\xB0\xA1\xB3\xAA\n".to_vec(), ImportError::NoHeader),
        (
            CSV.replacen("소관기관", "기관", 1)
                .replacen("등록일자", "날짜", 1)
                .into(),
            ImportError::MissingColumns(vec!["소관기관", "등록일자"]),
        ),
        (CSV.lines().next().unwrap().into(), ImportError::NoRows),
        (
            CSV[..CSV.find("부산광역시").unwrap()].into(),
            ImportError::CutOff { line: 2 },
        ),
        (
            CSV[..CSV.find("게임").unwrap() + 3].into(),
            ImportError::CutOff { line: 3 },
        ),
        (
            format!("{CSV}3,\"{}", "가".repeat(40_000)).into(),
            ImportError::EndlessRow { line: 4 },
        ),
        (
            b"{\"jsonArray\": [".to_vec(),
            ImportError::CutOff { line: 1 },
        ),
        (
            format!("{}\n{{\"pblancId\": \"PBLN", a_record()).into(),
            ImportError::CutOff { line: 2 },
        ),
        (
            b"{\n\"jsonArray\" [".to_vec(),
            ImportError::NotJson { line: 2 },
        ),
        (b"[{\"a\": 1}]".to_vec(), ImportError::OtherJson),
        (b"{\"a\": 1}".to_vec(), ImportError::OtherJson),
        (b"{\"data\": [{\"a\": 1}]}".to_vec(), ImportError::OtherJson),
        (b"{\"jsonArray\": 7}".to_vec(), ImportError::OtherJson),
        (
            b"{\"jsonArray\": [], \"jsonArray\": []}".to_vec(),
            ImportError::OtherJson,
        ),
        (b"{\"jsonArray\": []}".to_vec(), ImportError::NoRows),
        (
            b"{\"response\": {\"body\": {\"items\": \"\"}}}".to_vec(),
            ImportError::NoRows,
        ),
        (
            "{\"reqErr\": \"인증키 오류\"}".into(),
            ImportError::Refused("인증키 오류".to_owned()),
        ),
        (
            "{\"code\": -4, \"msg\": \"없는 인증키\"}".into(),
            ImportError::Refused("없는 인증키".to_owned()),
        ),
        (
            refused.to_string().into(),
            ImportError::Refused("등록되지 않은 인증키".to_owned()),
        ),
    ]);
}

#[test]
fn too_large_file_is_refused_at_once() {
    let mut reader = Reader::default();
    let part = vec![b' '; 1024 * 1024];
    reader
        .push(format!("{{\"jsonArray\": [{}", " ".repeat(RECOGNITION_SIZE)).as_bytes())
        .unwrap();
    let refused = (0..33).find_map(|_| reader.push(&part).err());
    assert_eq!(refused, Some(ImportError::TooLarge));
    let many = format!(
        "{{\"jsonArray\": [{}{{\"pblancId\": 1}}]}}",
        "{\"pblancId\": 1},".repeat(usize::try_from(MAX_ROWS).unwrap())
    );
    assert_eq!(
        parse(many).map(|lines| lines.len()),
        Err(ImportError::TooManyRows)
    );
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
