use events::{PeriodKind, Region};
use proptest::prelude::*;
use serde_json::json;

use super::*;

const CSV: &str = "번호,분야,사업명,신청시작일자,신청종료일자,소관기관,수행기관,등록일자,상세URL\n\
    1,수출,[부산] 2024년 온라인시장 진출 지원사업 참가기업 모집 공고,2024-03-26,2024-04-10,부산광역시,가상경제진흥원,2024-03-29,\
    https://www.bizinfo.go.kr/view.do?pblancId=PBLN_000000000000001\n\
    2,새분야,\"게임, 그리고 \"\"인디\"\" 제작지원\",2024-03-27,2024-04-11,가상부,직접수행,2024-03-29,\
    www.bizinfo.go.kr/view.do?a=b&pblancId=PBLN_000000000000002\n";

/// All lines of a file that arrives in pieces of this size.
fn lines_of(file: &[u8], piece: usize) -> Result<Vec<Line>, Wrong> {
    let mut reader = Reader::default();
    let mut lines = Vec::new();
    for piece in file.chunks(piece.max(1)) {
        reader.push(piece)?;
        while let Some(line) = reader.take()? {
            lines.push(line);
        }
    }
    reader.finish()?;
    while let Some(line) = reader.take()? {
        lines.push(line);
    }
    Ok(lines)
}

fn read(file: impl AsRef<[u8]>) -> Result<Vec<Line>, Wrong> {
    lines_of(file.as_ref(), 4096)
}

fn rows(file: impl AsRef<[u8]>) -> Vec<Row> {
    read(file)
        .unwrap()
        .into_iter()
        .map(|line| line.read.unwrap())
        .collect()
}

/// The codes of the faults of a line, each with its column.
fn faults(line: &Line) -> Vec<(&str, &str)> {
    let faults = line.read.as_ref().unwrap_err();
    faults
        .iter()
        .map(|fault| {
            (
                fault.column.as_ref().map_or("", |column| &column.name),
                fault.code,
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
fn a_row_of_the_csv_says_what_stands_in_it() {
    let [first, second] = &rows(CSV)[..] else {
        panic!()
    };
    assert_eq!(
        *first,
        Row {
            portal: Portal::Bizinfo,
            source_id: "PBLN_000000000000001".to_owned(),
            list: Some(List::DataGoKr),
            name: "[부산] 2024년 온라인시장 진출 지원사업 참가기업 모집 공고".to_owned(),
            year: 2024,
            category: Category::Export,
            category_told: true,
            regions: vec![Region::Busan],
            regions_told: false,
            target: None,
            agency: "부산광역시".to_owned(),
            host: "가상경제진흥원".to_owned(),
            summary: None,
            link: Some(
                "https://www.bizinfo.go.kr/view.do?pblancId=PBLN_000000000000001".to_owned()
            ),
            period: crate::period::read("2024-03-26 ~ 2024-04-10"),
            registered_on: NaiveDate::from_ymd_opt(2024, 3, 29),
        }
    );
    assert_eq!(second.name, "게임, 그리고 \"인디\" 제작지원");
    assert!(!second.category_told);
    assert_eq!(
        (second.category, &*second.regions, second.year),
        (Category::Other, &[Region::Nationwide][..], 2024)
    );
    assert_eq!(second.host, "가상부");
    assert_eq!(
        second.link.as_deref(),
        Some("https://www.bizinfo.go.kr/view.do?a=b&pblancId=PBLN_000000000000002")
    );
}

#[test]
fn the_csv_is_the_same_in_every_encoding_order_and_line_end() {
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
fn lines_and_numbers_tell_where_a_row_is() {
    let csv = CSV.replace("1,수출,", "\n\n1,수출,");
    let places: Vec<(u64, u64)> = read(csv)
        .unwrap()
        .iter()
        .map(|line| (line.number, line.line))
        .collect();
    assert_eq!(places, [(1, 4), (2, 5)]);
    let answer = format!("{{\"jsonArray\": [\n{},\n{}\n]}}", a_record(), a_record());
    let places: Vec<(u64, u64)> = read(answer)
        .unwrap()
        .iter()
        .map(|line| (line.number, line.line))
        .collect();
    assert_eq!(places, [(1, 2), (2, 3)]);
}

#[test]
fn every_fault_of_a_row_is_told_with_its_column_and_the_other_rows_are_read() {
    let name = "가".repeat(201);
    let csv = format!(
        "{CSV}3,기술,{name},,,,,,ftp://a.kr/b\n4,기술,이름뿐,,,부,,,https://a.kr?pblancId=PBLN_1\n5,기술\n6,기술,\u{FFFD}\u{1},2024-01-01,,부,,,https://a.kr?pblancId=P+1\n"
    );
    let lines = read(csv).unwrap();
    assert_eq!(lines.len(), 6);
    assert!(lines[0].read.is_ok() && lines[1].read.is_ok());
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
    let column = lines[2].read.as_ref().unwrap_err()[1]
        .column
        .clone()
        .unwrap();
    assert_eq!((column.name.as_str(), column.number), ("사업명", Some(3)));
    let csv = CSV
        .replace("2024년 온라인시장", "1950년 온라인시장")
        .replace("게임", "게\u{2}임");
    let lines = read(csv).unwrap();
    assert_eq!(faults(&lines[0]), [("사업명", "no-such-year")]);
    assert_eq!(faults(&lines[1]), [("사업명", "control-character")]);
}

#[test]
fn a_record_of_bizinfo_says_the_same_in_every_wrapping() {
    let record = a_record();
    let expected = Row {
        portal: Portal::Bizinfo,
        source_id: "PBLN_000000000000007".to_owned(),
        list: Some(List::Bizinfo),
        name: "2026년 R&D 바우처 공고".to_owned(),
        year: 2026,
        category: Category::Technology,
        category_told: true,
        regions: vec![Region::Seoul, Region::Gyeonggi],
        regions_told: true,
        target: Some("소상공인".to_owned()),
        agency: "가상중소기업부".to_owned(),
        host: "가상진흥원".to_owned(),
        summary: Some("첫째 줄\n\n둘째 줄".to_owned()),
        link: Some("https://www.bizinfo.go.kr/sii/siia/selectSIIA200Detail.do?pblancId=PBLN_000000000000007".to_owned()),
        period: Period {
            kind: PeriodKind::UntilBudget, text: "예산 소진시까지".to_owned(), starts_on: None, ends_on: None
        },
        registered_on: NaiveDate::from_ymd_opt(2025, 12, 30),
    };
    let header = json!({ "resultCode": "00", "resultMsg": "NORMAL SERVICE." });
    for file in [
        json!({ "jsonArray": [record] }).to_string(),
        format!("{:#}", json!({ "jsonArray": [record], "totCnt": 7 })),
        format!("\u{FEFF} {}", json!({ "jsonArray": record })),
        json!({ "response": { "header": header, "body": { "items": { "item": [record] } } } }).to_string(),
        json!({ "response": { "header": header, "body": { "items": { "item": record }, "totalCount": 1 } } }).to_string(),
        json!({ "response": { "header": header, "body": { "items": [record] } } }).to_string(),
        record.to_string(),
        format!("{record}\n"),
        format!("\u{FEFF}\n{record}\r\n\r\n"),
    ] {
        assert_eq!(rows(&file), std::slice::from_ref(&expected), "{file}");
    }
    // What changes with every call is no part of it.
    let mut counted = a_record();
    counted["inqireCo"] = json!(22734);
    assert_eq!(rows(counted.to_string()), [expected]);
}

#[test]
fn records_one_a_line_may_be_long_and_one_that_is_none_spoils_only_itself() {
    let mut long = a_record();
    long["unread"] = json!("가".repeat(CERTAIN));
    let file = format!("{long}\n{{\"pblancId\": \n[1]\n{{}}\n{}", a_record());
    let lines = read(&file).unwrap();
    assert!(lines[0].read.is_ok() && lines[4].read.is_ok());
    let told: Vec<_> = lines[1..4]
        .iter()
        .map(|line| (line.line, faults(line)))
        .collect();
    assert_eq!(
        told,
        [
            (2, vec![("", "not-json")]),
            (3, vec![("", "wrong-type")]),
            (4, vec![("", "no-key")])
        ]
    );
}

#[test]
fn an_answer_of_kstartup_is_read_without_the_phone_of_anybody() {
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
    let answer = json!({ "currentCount": 1, "matchCount": 1, "totalCount": 1, "page": 1, "perPage": 10, "data": [record] });
    let [row] = &rows(answer.to_string())[..] else {
        panic!()
    };
    assert_eq!(
        *row,
        Row {
            portal: Portal::Kstartup,
            source_id: "175783".to_owned(),
            list: Some(List::Kstartup),
            name: "2026년 <초격차> 창업 지원".to_owned(),
            year: 2026,
            category: Category::Startup,
            category_told: true,
            regions: vec![Region::Nationwide],
            regions_told: true,
            target: Some("예비창업자, 일반기업".to_owned()),
            agency: "(재)가상창업진흥원".to_owned(),
            host: "(재)가상창업진흥원".to_owned(),
            summary: Some("첫 줄\n누리집 & 안내".to_owned()),
            link: Some("https://www.k-startup.go.kr/web/ongoing.do?pbancSn=175783".to_owned()),
            period: crate::period::read("2026-04-01 ~ 2026-04-30"),
            registered_on: None,
        }
    );
    assert!(!serde_json::to_string(row).unwrap().contains("5678"));
}

/// The codes of the warnings of a line, each with its column.
fn warnings(line: &Line) -> Vec<(&str, &str)> {
    line.warnings
        .iter()
        .map(|fault| {
            (
                fault.column.as_ref().map_or("", |column| &column.name),
                fault.code,
            )
        })
        .collect()
}

#[test]
fn a_row_that_the_end_of_the_file_may_have_cut_is_read_with_a_warning() {
    let whole = read(CSV.trim_end()).unwrap();
    assert!(whole.iter().all(|line| line.warnings.is_empty()));
    let cut = &read(&CSV.trim_end()[..CSV.trim_end().len() - 2]).unwrap()[1];
    assert_eq!(cut.read.as_ref().unwrap().source_id, "PBLN_0000000000000");
    assert_eq!(warnings(cut), [("", MAYBE_CUT_OFF)]);
    // A line break says that the row is whole, and an only row has no other to be shorter than.
    let shorter = format!("{}\n", &CSV.trim_end()[..CSV.trim_end().len() - 2]);
    assert_eq!(warnings(&read(shorter).unwrap()[1]), []);
    let only = CSV.lines().take(2).collect::<Vec<_>>().join("\n");
    assert_eq!(warnings(&read(&only[..only.len() - 2]).unwrap()[0]), []);
}

#[test]
fn a_text_that_is_too_long_is_cut_and_a_long_period_is_kept_as_it_is_written() {
    let mut record = a_record();
    let read_period = |text: String| {
        let mut record = a_record();
        record["reqstBeginEndDe"] = json!(text);
        rows(record.to_string())[0].period.clone()
    };
    record["trgetNm"] = json!("가".repeat(4001));
    record["bsnsSumryCn"] = json!("나".repeat(4000));
    let row = &rows(record.to_string())[0];
    assert_eq!(
        row.target.as_deref(),
        Some(&*format!("{}…", "가".repeat(3999)))
    );
    assert_eq!(row.summary.as_deref(), Some(&*"나".repeat(4000)));
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
fn a_link_that_is_none_is_left_out_with_a_warning_unless_the_key_was_in_it() {
    for link in [
        "ftp://a.kr/b",
        "누리집 참조",
        &format!("https://a.kr/{}", "b".repeat(4000)),
    ] {
        let mut record = a_record();
        record["pblancUrl"] = json!(link);
        let line = &read(record.to_string()).unwrap()[0];
        assert_eq!(line.read.as_ref().unwrap().link, None, "{link}");
        assert_eq!(warnings(line).len(), 1, "{link}");
    }
    let csv = CSV.replace("https://www.bizinfo.go.kr", "ftp://www.bizinfo.go.kr");
    assert_eq!(faults(&read(csv).unwrap()[0]), [("상세URL", "not-a-link")]);
    let csv = CSV.replace("https://www.bizinfo.go.kr", "HTTPS://www.bizinfo.go.kr");
    assert_eq!(rows(csv), rows(CSV));
}

#[test]
fn a_row_is_of_a_list_only_where_its_link_leads_to_the_site_of_that() {
    let list_of = |link: serde_json::Value| {
        let mut record = a_record();
        record["pblancUrl"] = link;
        rows(record.to_string())[0].list
    };
    assert_eq!(
        list_of(json!("https://www.bizinfo.go.kr/x?pblancId=1")),
        Some(List::Bizinfo)
    );
    assert_eq!(list_of(serde_json::Value::Null), Some(List::Bizinfo));
    assert_eq!(
        list_of(json!("https://example.com/programmes?pblancId=KTGG_1")),
        None
    );
    assert_eq!(
        rows(CSV.replace("https://www.bizinfo.go.kr", "https://example.com"))[0].list,
        None
    );
    assert_eq!(rows(CSV)[0].list, Some(List::DataGoKr));
}

#[test]
fn a_file_that_cannot_be_imported_is_refused_for_what_it_is() {
    let error = json!({ "response": { "header": { "resultCode": "30", "resultMsg": "등록되지 않은 인증키" } } });
    let cases: Vec<(Vec<u8>, Wrong)> = vec![
        (Vec::new(), Wrong::Empty),
        (b" \r\n ".to_vec(), Wrong::Empty),
        (
            b"PK\x03\x04....[Content_Types].xml".to_vec(),
            Wrong::Spreadsheet,
        ),
        (
            b"PK\x03\x04....[Content_Types].xml....xl/workbook.xml".to_vec(),
            Wrong::Spreadsheet,
        ),
        (
            b"PK\x03\x04....[Content_Types].xml....word/document.xml".to_vec(),
            Wrong::Document,
        ),
        (
            b"PK\x03\x04....[Content_Types].xml....ppt/presentation.xml".to_vec(),
            Wrong::Document,
        ),
        (
            b"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.text".to_vec(),
            Wrong::Document,
        ),
        (
            CSV.replace(',', "\t").into(),
            Wrong::OtherSeparator(Separator::Tab),
        ),
        (
            CSV.replace(',', ";").into(),
            Wrong::OtherSeparator(Separator::Semicolon),
        ),
        (b"PK\x03\x04....a.csv".to_vec(), Wrong::Archive),
        (
            b"PK\x03\x04mimetypeapplication/hwp+zip".to_vec(),
            Wrong::Hwp,
        ),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec(), Wrong::Hwp),
        (b"\x89PNG\r\n\x1A\n".to_vec(), Wrong::Image),
        (b"\xFF\xD8\xFF\xE0".to_vec(), Wrong::Image),
        (b"GIF89a".to_vec(), Wrong::Image),
        (b"RIFF....WEBP".to_vec(), Wrong::Image),
        (b"%PDF-1.7".to_vec(), Wrong::Pdf),
        (b"\xFF\xFEa\0".to_vec(), Wrong::Utf16),
        (b"\x7FELF\0\0".to_vec(), Wrong::Binary),
        (b"<!DOCTYPE html><html>".to_vec(), Wrong::WebPage),
        (
            b"<?xml version='1.0'?><OpenAPI_ServiceResponse/>".to_vec(),
            Wrong::Xml,
        ),
        ("1,수출,2024년 사업\n".into(), Wrong::NoHeader),
        (b"\xB0\xA1\xB3\xAA\n".to_vec(), Wrong::NoHeader),
        (
            CSV.replacen("소관기관", "기관", 1)
                .replacen("등록일자", "날짜", 1)
                .into(),
            Wrong::MissingColumns(vec!["소관기관", "등록일자"]),
        ),
        (CSV.lines().next().unwrap().into(), Wrong::NoRows),
        (
            CSV[..CSV.find("부산광역시").unwrap()].into(),
            Wrong::CutOff { line: 2 },
        ),
        (
            CSV[..CSV.find("게임").unwrap() + 3].into(),
            Wrong::CutOff { line: 3 },
        ),
        (
            format!("{CSV}3,\"{}", "가".repeat(40_000)).into(),
            Wrong::EndlessRow { line: 4 },
        ),
        (b"{\"jsonArray\": [".to_vec(), Wrong::CutOff { line: 1 }),
        (
            format!("{}\n{{\"pblancId\": \"PBLN", a_record()).into(),
            Wrong::CutOff { line: 2 },
        ),
        (b"{\n\"jsonArray\" [".to_vec(), Wrong::NotJson { line: 2 }),
        (b"[{\"a\": 1}]".to_vec(), Wrong::OtherJson),
        (b"{\"a\": 1}".to_vec(), Wrong::OtherJson),
        (b"{\"data\": [{\"a\": 1}]}".to_vec(), Wrong::OtherJson),
        (b"{\"jsonArray\": 7}".to_vec(), Wrong::OtherJson),
        (
            b"{\"jsonArray\": [], \"jsonArray\": []}".to_vec(),
            Wrong::OtherJson,
        ),
        (b"{\"jsonArray\": []}".to_vec(), Wrong::NoRows),
        (
            b"{\"response\": {\"body\": {\"items\": \"\"}}}".to_vec(),
            Wrong::NoRows,
        ),
        (
            "{\"reqErr\": \"인증키 오류\"}".into(),
            Wrong::Refused("인증키 오류".to_owned()),
        ),
        (
            "{\"code\": -4, \"msg\": \"없는 인증키\"}".into(),
            Wrong::Refused("없는 인증키".to_owned()),
        ),
        (
            error.to_string().into(),
            Wrong::Refused("등록되지 않은 인증키".to_owned()),
        ),
    ];
    for (file, wrong) in cases {
        let sentence = wrong.sentence();
        assert!(![&*sentence.ko, &*sentence.en, wrong.reason()].contains(&""));
        assert_eq!(
            read(&file),
            Err(wrong),
            "{}",
            String::from_utf8_lossy(&file[..file.len().min(60)])
        );
    }
}

#[test]
fn a_file_that_is_too_large_is_refused_as_soon_as_it_is() {
    let mut reader = Reader::default();
    let piece = vec![b' '; 1024 * 1024];
    reader
        .push(format!("{{\"jsonArray\": [{}", " ".repeat(CERTAIN)).as_bytes())
        .unwrap();
    let refused = (0..33).find_map(|_| reader.push(&piece).err());
    assert_eq!(refused, Some(Wrong::TooLarge));
    let many = format!(
        "{{\"jsonArray\": [{}{{\"pblancId\": 1}}]}}",
        "{\"pblancId\": 1},".repeat(usize::try_from(MOST_ROWS).unwrap())
    );
    assert_eq!(read(many).map(|lines| lines.len()), Err(Wrong::TooManyRows));
}

proptest! {
    #[test]
    fn it_makes_no_difference_in_which_pieces_a_file_arrives(piece in 1..200_usize) {
        let jsonl = format!("{}\n{}\n{{\n", a_record(), a_record());
        let (cp949, _, _) = encoding_rs::EUC_KR.encode(CSV);
        for file in [CSV.as_bytes(), &cp949, jsonl.as_bytes()] {
            prop_assert_eq!(lines_of(file, piece), read(file));
        }
    }

    #[test]
    fn no_bytes_make_it_fail_but_in_words(bytes in prop::collection::vec(any::<u8>(), 0..200), start in 0..6_usize) {
        let starts: [&[u8]; 6] = [b"", CSV.as_bytes(), b"{\"jsonArray\":[", b"{\"pblancId\":1}\n", b"PK\x03\x04", b"{\"response\":"];
        let file = [starts[start], &bytes].concat();
        if let Err(wrong) = read(file) {
            prop_assert!(!wrong.sentence().ko.is_empty());
        }
    }
}
